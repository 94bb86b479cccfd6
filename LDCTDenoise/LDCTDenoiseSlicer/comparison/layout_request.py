"""What the user wants to see side by side."""

from dataclasses import dataclass, field, replace

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, PRESETS, Window

from ..compared_images import FULL, LOW, isShown
from ..measuring import windowOf
from ..nodes import volumeFromNode
from .layout import MOST, ROWS, Layout


@dataclass(frozen=True)
class LayoutRequest:
    """What to lay out.

    Parameters
    ----------
    images : dict of str to vtkMRMLScalarVolumeNode
        Label to volume, in the order of the columns.
    reference, low : vtkMRMLScalarVolumeNode or None
        What the differences are taken to, and what the removed noise is taken from; images, too.
    rows : tuple of str
        Of `ROWS`. "images" is always there; "difference" needs a reference and "noise" a low dose.
    window : Window
        Of images and zooms.
    limit : float
        Differences are shown from minus this to this, in HU.
    roi : vtkMRMLMarkupsROINode, vtkMRMLMarkupsClosedCurveNode or None
        The active region, which is zoomed.
    handles, crosshair : bool
        Whether that shows handles to drag it by, and whether Slicer's crosshair is on in all views.

    Raises
    ------
    InputError
        If there is no image, or more than fit, one is no CT volume, or a row or the limit makes no sense.
    """

    images: dict = field(default_factory=dict)
    reference: object = None
    low: object = None
    rows: tuple[str, ...] = ("images",)
    window: Window = PAPER
    limit: float = 100.0
    roi: object = None
    handles: bool = True
    crosshair: bool = False

    def __post_init__(self):
        if not self.images:
            raise InputError("there is nothing to lay out; choose a low-dose volume or a reference first.")
        if len(self.images) > MOST:
            raise InputError(f"{len(self.images)} images do not fit side by side; choose at most {MOST}.")
        for label, volume in self.images.items():
            volumeFromNode(volume, f"volume '{label}'")
        unknown = [row for row in self.rows if row not in ROWS]
        if unknown:
            raise InputError(f"there is no row '{unknown[0]}'; there are {', '.join(ROWS)}.")
        if not self.limit > 0:
            raise InputError(f"the window of the differences needs a width above 0 HU, not ±{self.limit:g}.")

    @classmethod
    def of(cls, reference, low, outputs=None, rows=(), window=PAPER, **others) -> "LayoutRequest":
        """Return a request made of what the panel and scripts know.

        Parameters
        ----------
        reference, low : vtkMRMLScalarVolumeNode or None
        outputs : dict of str to vtkMRMLScalarVolumeNode, optional
            What methods have made of the low dose, in the order of the columns.
        rows : sequence of str
            Those that cannot be shown, for want of a reference or of a low dose, are left out.
        window : Window, two numbers or str
            A str is a name of `LDCTDenoiseLib.hounsfield.PRESETS`.
        """
        if reference is low:
            # A selector that has lost its volume may have taken the next one: no image is a reference of itself.
            reference = None
        images = {}
        for label, volume in {FULL: reference, LOW: low, **(outputs or {})}.items():
            if volume is not None and (volume not in (reference, low) or isShown(volume)):
                images[str(label)] = volume
        rows = _possible(rows, images, reference, low)
        return cls(images, reference, low, rows, presetOf(window), **others)

    def without(self, volume) -> "LayoutRequest | None":
        """Return the request without a volume that is gone, or None when nothing is left."""
        images = {label: node for label, node in self.images.items() if node is not volume}
        if not images:
            return None
        reference, low = (None if node is volume else node for node in (self.reference, self.low))
        rows = _possible(self.rows, images, reference, low)
        return replace(self, images=images, reference=reference, low=low, rows=rows)

    @property
    def content(self) -> tuple:
        """What cannot be changed without laying out anew."""
        return list(self.images.items()), self.reference, self.low, self.rows

    @property
    def layout(self) -> Layout:
        return Layout(len(self.images), tuple(row for row in ROWS if row == "images" or row in self.rows))

    @property
    def anchor(self):
        """The volume whose planes the views lie in."""
        return self.low or self.reference or next(iter(self.images.values()))

    def cell(self, row: str, label: str) -> tuple:
        """Return what a view of the rows of differences shows: minuend, subtrahend, both None in the empty one."""
        volume = self.images[label]
        pair = (volume, self.reference) if row == "difference" else (self.low, volume)
        return (None, None) if pair[0] is pair[1] else pair

    def caption(self, row: str, label: str) -> str:
        """Return what is written in a view."""
        if row in ("images", "zoom"):
            return label
        if self.cell(row, label) == (None, None):
            return ""
        difference = f"{label} − {FULL}" if row == "difference" else f"{LOW} − {label}"
        return f"{difference} (±{self.limit:g} HU)"


def _possible(rows, images, reference, low) -> tuple[str, ...]:
    """Leave out the rows of differences that would be empty."""
    needs = {"difference": reference, "noise": low}
    return tuple(row for row in rows if row not in needs or (needs[row] is not None and len(images) > 1))


def presetOf(window) -> Window:
    """Return a window from one, from two numbers, or from the name of a preset."""
    if not isinstance(window, str):
        return windowOf(window)
    if window not in PRESETS:
        raise InputError(f"there is no window '{window}'; there are {', '.join(PRESETS)}.")
    return PRESETS[window]
