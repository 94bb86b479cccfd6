"""What the user wants to see side by side."""

from dataclasses import dataclass, field, replace

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, PRESETS, Window

from ..compared_images import FULL, LOW, isShown
from ..measuring import windowOf
from ..nodes import volumeFromNode
from ..numbers import Made
from .layout import MOST, ROWS, requireArrangement
from .plane import ORIENTATIONS
from .windows import ownWindow


@dataclass(frozen=True)
class LayoutRequest:
    """What to lay out.

    Raises
    ------
    InputError
        If there is no image, one is no CT volume, or a row, an arrangement, a plane or the limit makes no sense.
    """

    #: Dict of str to vtkMRMLScalarVolumeNode. Label to volume, in their order.
    images: dict = field(default_factory=dict)
    #: What the differences are taken to, and what the removed noise is taken from; images, too.
    reference: object = None
    low: object = None
    #: Of `ROWS`. "images" is always there; "difference" needs a reference and "noise" a low dose.
    rows: tuple[str, ...] = ("images",)
    window: Window = PAPER  #: Of images and zooms.
    limit: float = 100.0  #: Differences are shown from minus this to this, in HU.
    roi: object = None  #: The active region, which is zoomed.
    #: Whether that shows handles to drag it by, and whether Slicer's crosshair is on in all views.
    handles: bool = True
    crosshair: bool = False
    arrangement: str = "auto"  #: Of `layout.ARRANGEMENTS`.
    #: The image that is shown in the arrangement "stack", by its label; of an unknown one, the first.
    image: str = ""
    first: int = 0  #: Of more than six images, how far they are scrolled; the first stays in view.
    orientation: str = "axial"  #: Of `plane.ORIENTATIONS`: where the views are turned to.
    #: Whether the rows of differences show the region, too, instead of the whole slice.
    zoomDifferences: bool = False
    metricWindow: Window = PAPER  #: What SSIM is measured in.

    def __post_init__(self):
        if not self.images:
            raise InputError("there is nothing to lay out; choose a low-dose volume or a reference first.")
        for label, volume in self.images.items():
            volumeFromNode(volume, f"volume '{label}'")
        unknown = [row for row in self.rows if row not in ROWS]
        if unknown:
            raise InputError(f"there is no row '{unknown[0]}'; there are {', '.join(ROWS)}.")
        requireArrangement(self.arrangement)
        if self.orientation not in ORIENTATIONS:
            raise InputError(f"there is no plane '{self.orientation}'; there are {', '.join(ORIENTATIONS)}.")
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
            A str is a name of `LDCTDenoiseLib.hounsfield.PRESETS`, or "default" for the low dose's own.
        """
        if reference is low:
            # A selector that has lost its volume may have taken the next one: no image is a reference of itself.
            reference = None
        images = {}
        for label, volume in {FULL: reference, LOW: low, **(outputs or {})}.items():
            if volume is not None and (volume not in (reference, low) or isShown(volume)):
                images[str(label)] = volume
        rows = _possible(rows, images, reference, low)
        return cls(images, reference, low, rows, presetOf(window, low or reference), **others)

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
        """What cannot be changed without filling the views anew."""
        return list(self.images.items()), self.reference, self.low, self.kinds, self.zoomDifferences

    @property
    def kinds(self) -> tuple[str, ...]:
        """The rows in their order, that of the images first."""
        return tuple(row for row in ROWS if row == "images" or row in self.rows)

    @property
    def zoomed(self) -> tuple[str, ...]:
        """The rows that show the region."""
        follow = ("difference", "noise") if self.zoomDifferences and "zoom" in self.rows else ()
        return tuple(row for row in self.kinds if row == "zoom" or row in follow)

    @property
    def scrolls(self) -> int:
        """How far the images can be scrolled: 0 where all are in view."""
        return max(len(self.images) - MOST, 0) if self.arrangement != "stack" else 0

    @property
    def visible(self) -> list[str]:
        """The labels of the images that are in view, in their order."""
        labels = list(self.images)
        if self.arrangement == "stack":
            return [self.image if self.image in self.images else labels[0]]
        first = min(max(self.first, 0), self.scrolls)
        # The first one, the reference as a rule, stays beside whatever it is compared with.
        return [*labels[:1], *labels[1 + first : MOST + first]]

    @property
    def anchor(self):
        """The volume whose planes the views lie in."""
        return self.low or self.reference or next(iter(self.images.values()))

    def cell(self, row: str, label: str) -> tuple:
        """Return what a view of the rows of differences shows: minuend, subtrahend, both None in the empty one."""
        volume = self.images[label]
        pair = (volume, self.reference) if row == "difference" else (self.low, volume)
        return (None, None) if pair[0] is pair[1] else pair

    def caption(self, row: str, label: str, bare: bool = False) -> str:
        """Return what a view shows: an image with its strength where that is not full, or a difference with its limit.

        `bare` leaves the limit out.
        """
        if row in ("images", "zoom"):
            strength = Made.of(self.images[label]).strength
            return label if strength in (None, 1) else f"{label} × {strength:g}"
        difference = f"{label} - {FULL}" if row == "difference" else f"{LOW} - {label}"
        return difference if bare else f"{difference} (±{self.limit:g} HU)"


def _possible(rows, images, reference, low) -> tuple[str, ...]:
    """Leave out the rows of differences that would be empty."""
    needs = {"difference": reference, "noise": low}
    return tuple(row for row in rows if row not in needs or (needs[row] is not None and len(images) > 1))


def presetOf(window, volume=None) -> Window:
    """Return a window from one, from two numbers, or from a name; "default" is the own one of a volume."""
    if not isinstance(window, str):
        return windowOf(window)
    if window == "default" and volume is not None:
        return ownWindow(volume)
    if window not in PRESETS:
        raise InputError(f"there is no window '{window}'; there are {', '.join(PRESETS)}, default.")
    return PRESETS[window]
