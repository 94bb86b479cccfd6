"""One slice of a DICOM series: where it lies, and what makes HU of its stored values."""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .dicom_headers import Instance
from .dicom_tags import numbers, optional, required, text

# The values of RescaleType that the standard defines and that are not HU: maps of dual-energy CT and optical density.
_NOT_HU = ("OD", "MGML", "Z_EFF", "ED", "EDW", "PCT")

# Rows or columns; CT has up to 2048, micro-CT up to 8000.
_LARGEST = 8192

# The two kinds of grey image; which end is drawn bright does not change the values.
_GREY = ("MONOCHROME1", "MONOCHROME2")

# Where an enhanced (multi-frame) object keeps a tag, per frame or shared by all frames.
_GROUPS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
)


@dataclass(frozen=True)
class SourceSlice:
    """Where a slice of a volume came from, and how its HU were stored there: what writing it back needs."""

    path: str  #: The DICOM file.
    sop_instance_uid: str  #: Of the file; empty when its header has none.
    frame: int  #: Which frame of that file, from 0.
    #: HU = slope * stored + intercept.
    slope: float
    intercept: float
    #: The lowest and the highest HU that the header declares to be outside the image; empty when it declares none.
    padding: tuple[float, ...]
    signed: bool  #: Whether stored values are signed.
    bits: int  #: How many bits of a stored value count.

    def shifted(self, offset: float) -> "SourceSlice":
        """Return the slice of a volume to whose values `offset` was added."""
        padding = tuple(end + offset for end in self.padding)
        return replace(self, intercept=self.intercept + offset, padding=padding)


@dataclass(frozen=True)
class Frame:
    """One slice."""

    instance: Instance  #: The file it is in.
    number: int  #: Which frame of that file, from 0.
    size: tuple[int, int]  #: Rows and columns.
    position: np.ndarray  #: Shape (3,), mm, LPS: the centre of the first voxel.
    orientation: np.ndarray  #: Shape (6,): the directions of a row (i) and of a column (j).
    #: Millimetres between rows and between columns, in the order of the tag PixelSpacing.
    spacing: tuple[float, float]
    depth: float  #: Slice thickness or spacing in mm as the header says it, 1 when it says nothing.
    #: HU = slope * stored + intercept.
    slope: float
    intercept: float
    scaled: bool  #: Whether the header says slope and intercept; otherwise they are 1 and 0.
    #: The stored value for "outside the image", or the two ends of their range; empty when there is none.
    padding: tuple[int, ...]
    window: tuple[float, ...]  #: Centre and width of the display window in HU; empty when there is none.

    def source(self, padding: tuple[float, ...]) -> SourceSlice:
        """Return what writing this slice back needs; `padding` is in HU."""
        header, name = self.instance.header, self.instance.name
        signed, bits = (optional([header], tag, name) for tag in ("PixelRepresentation", "BitsStored"))
        return SourceSlice(
            path=str(self.instance.path),
            sop_instance_uid=text(header, "SOPInstanceUID"),
            frame=self.number,
            slope=self.slope,
            intercept=self.intercept,
            padding=padding,
            signed=signed == [1.0],
            bits=int(bits[0]) if bits else 16,
        )

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self.instance.name if self.instance.slices == 1 else f"{self.instance.name}, frame {self.number + 1}"


def frames_of(instance: Instance) -> list[Frame]:
    """Return the slices of one file, in the file's order.

    Raises
    ------
    InputError
        If a tag that the geometry needs is missing or senseless, or the image is not one of HU.
    """
    header, name, count = instance.header, instance.name, instance.slices
    _require_hounsfield_image(header, name)
    if count < 1:
        raise InputError(f"'{name}' says that it holds {count} frames; the header is damaged.")
    per_frame = _sequence(header, "PerFrameFunctionalGroupsSequence", name)
    if count > 1 and len(per_frame) != count:
        raise InputError(
            f"'{name}' holds {count} frames without a position for each; export the series as single-slice DICOM files."
        )
    return [_frame(instance, number) for number in range(count)]


def _require_hounsfield_image(header, name: str) -> None:
    """Refuse images whose stored values mean colours, or HU only through a table."""
    kinds = [text(header, tag).upper() for tag in ("PhotometricInterpretation", "PixelPresentation")]
    if optional([header], "SamplesPerPixel", name) not in ([], [1.0]) or kinds[0] not in ("", *_GREY):
        raise InputError(f"'{name}' is a colour image; leave it out of the folder or give the CT series itself.")
    if kinds[1] in ("COLOR", "MIXED", "TRUE_COLOR"):
        raise InputError(f"'{name}' is a map in colours (such as perfusion), not CT; give the CT series itself.")
    if _sequence(header, "ModalityLUTSequence", name):
        raise InputError(f"'{name}' has its values in a table (Modality LUT), which CT has not; give the CT series.")


def _frame(instance: Instance, number: int) -> Frame:
    name, headers = instance.name, _headers(instance.header, number, instance.name)
    rows, columns = (int(required(headers, tag, 1, name)[0]) for tag in ("Rows", "Columns"))
    position = np.array(required(headers, "ImagePositionPatient", 3, name))
    orientation = np.array(required(headers, "ImageOrientationPatient", 6, name))
    spacing = required(headers, "PixelSpacing", 2, name)
    if min(rows, columns, *spacing) <= 0:
        raise InputError(f"'{name}' has a size of {columns}×{rows} voxels of {spacing} mm; the header is damaged.")
    if max(rows, columns) > _LARGEST:
        raise InputError(f"'{name}' claims {columns}×{rows} pixels, more than any CT has; the header is damaged.")
    row, column = orientation[:3], orientation[3:]
    # Headers round to a few digits; beyond that the two are not the axes of an image.
    if not np.allclose([row @ row, column @ column, row @ column], [1, 1, 0], atol=1e-2):
        raise InputError(f"the DICOM tag ImageOrientationPatient of '{name}' is not two perpendicular directions.")
    slope, intercept = (optional(headers, tag, name) for tag in ("RescaleSlope", "RescaleIntercept"))
    if slope and slope[0] == 0:
        raise InputError(f"the DICOM tag RescaleSlope of '{name}' is 0; the header is damaged.")
    unit = next((found for header in headers if (found := text(header, "RescaleType"))), "HU")
    if unit.upper() in _NOT_HU:
        raise InputError(f"'{name}' is a map in the unit {unit}, not in HU; give the CT series itself.")
    return Frame(
        instance=instance,
        number=number,
        size=(rows, columns),
        position=position,
        orientation=orientation,
        spacing=(spacing[0], spacing[1]),
        depth=_depth(headers, name),
        slope=slope[0] if slope else 1.0,
        intercept=intercept[0] if intercept else 0.0,
        scaled=bool(slope and intercept),
        padding=_padding(headers, name),
        window=_window(headers),
    )


def _headers(header, number: int, name: str) -> list:
    """Return where to look for a tag: this frame's groups, the shared groups, then the header itself."""
    found = []
    per_frame = _sequence(header, "PerFrameFunctionalGroupsSequence", name)
    shared = _sequence(header, "SharedFunctionalGroupsSequence", name)
    for groups in (per_frame[number : number + 1], shared[:1]):
        for group in groups:
            found += [item for tag in _GROUPS for item in _sequence(group, tag, name)[:1]]
    return [*found, header]


def _sequence(header, tag: str, name: str) -> list:
    """Return the items of a sequence; empty when it is absent."""
    try:
        return list(header.get(tag, None) or [])
    except Exception as error:  # pydicom parses on access and raises whatever a damaged sequence provokes
        raise InputError(f"the DICOM tag {tag} of '{name}' is damaged; get a whole copy of the file.") from error


def _depth(headers: list, name: str) -> float:
    for tag in ("SpacingBetweenSlices", "SliceThickness"):
        # Some scanners write a negative spacing to say which way the table went.
        if (found := optional(headers, tag, name)) and found[0] != 0:
            return abs(found[0])
    return 1.0


def _padding(headers: list, name: str) -> tuple[int, ...]:
    value = optional(headers, "PixelPaddingValue", name)
    limit = optional(headers, "PixelPaddingRangeLimit", name) if value else []
    return tuple(int(number) for number in (*value[:1], *limit[:1]))


def _window(headers: list) -> tuple[float, ...]:
    """A window is for display only: an unreadable one is none."""
    for header in headers:
        try:
            found = [numbers(header, tag)[:1] for tag in ("WindowCenter", "WindowWidth")]
        except ValueError:
            continue
        if all(found):
            return (found[0][0], found[1][0])
    return ()
