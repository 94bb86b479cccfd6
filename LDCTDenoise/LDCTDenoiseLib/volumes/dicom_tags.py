"""Take single values out of a DICOM header, checked."""

import math

from ..errors import InputError

#: What says what a DICOM file is and which series it belongs to.
SORTING_TAGS = tuple(
    """
    SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID SeriesDescription Modality
    ImageType NumberOfFrames Rows ImagePositionPatient ImageOrientationPatient
    """.split()
)

#: All that is ever read of a header besides the pixels. Nothing here says who the patient is.
HEADER_TAGS = (
    *SORTING_TAGS,
    *"""
    FrameOfReferenceUID ConvolutionKernel Manufacturer ManufacturerModelName BodyPartExamined DerivationDescription
    SamplesPerPixel PhotometricInterpretation PixelPresentation ModalityLUTSequence Columns BitsStored
    PixelRepresentation PixelSpacing SliceThickness SpacingBetweenSlices RescaleSlope RescaleIntercept RescaleType
    PixelPaddingValue PixelPaddingRangeLimit WindowCenter WindowWidth SharedFunctionalGroupsSequence
    PerFrameFunctionalGroupsSequence
    """.split(),
)


def words(header, tag: str) -> list[str]:
    """Return the values of a tag as text without surrounding or doubled blanks; empty when the tag is absent."""
    try:
        value = header.get(tag, None)
    except Exception:  # noqa: BLE001 - pydicom converts on access and raises whatever a damaged value provokes
        return ["(unreadable)"]
    if value is None or value == "":
        return []
    several = not isinstance(value, str) and hasattr(value, "__iter__")
    return [" ".join(str(part).split()) for part in (value if several else [value])]


def text(header, tag: str) -> str:
    """Return a tag as one line of text; empty when the tag is absent."""
    return "/".join(words(header, tag))


def numbers(header, tag: str) -> list[float]:
    """Return the values of a tag as finite floats; empty when the tag is absent.

    Raises
    ------
    ValueError
        If a value is not a finite number.
    """
    found = [float(word) for word in words(header, tag)]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"{tag} is not finite")
    return found


def required(headers: list, tag: str, count: int, name: str) -> list[float]:
    """Return `count` numbers from the first of several headers that has the tag.

    Raises
    ------
    InputError
        If none has it, or it has another number of values; names the tag and, as `name`, the file.
    """
    found = optional(headers, tag, name)
    if not found:
        raise InputError(f"the DICOM tag {tag} is missing in '{name}'; export the series again with complete headers.")
    if len(found) != count:
        raise InputError(f"the DICOM tag {tag} of '{name}' has {len(found)} values instead of {count}.")
    return found


def optional(headers: list, tag: str, name: str) -> list[float]:
    """Return the numbers from the first of several headers that has the tag; empty when none has it."""
    for header in headers:
        try:
            if found := numbers(header, tag):
                return found
        except ValueError as error:
            raise InputError(f"the DICOM tag {tag} of '{name}' is not a number; the header is damaged.") from error
    return []
