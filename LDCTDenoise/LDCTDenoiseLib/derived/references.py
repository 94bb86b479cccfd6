"""The sequences that say what a derived image was made from, by what, and with what software."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from .provenance import MANUFACTURER, NOTICE, Provenance, plain

#: DICOM PS3.16: how (CID 7203), for what a source was used (CID 7202), what an equipment did (CID 7005). The standard
#: has no code for the reduction of noise; smoothing is the nearest, and the description beside it says more.
_DERIVATION = ("113087", "Smoothing")
_PURPOSE = ("121322", "Source image for image processing operation")
_EQUIPMENT = ("109102", "Processing Equipment")

_LONGEST_TEXT = 1024  # of the representation ST


def _code(value: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return Sequence([item])


def derivation_description(before: str, provenance: Provenance) -> str:
    """Return how an image was derived, behind what was done `before` to its source."""
    text = f"Noise reduction: {provenance.words}. {NOTICE}."
    room = _LONGEST_TEXT - len(text) - 2
    return f"{before[:room]}; {text}" if before else text


def derivation_codes(before) -> Sequence:
    """Return the codes of a derivation behind those of the source."""
    mine = _code(*_DERIVATION)
    kept = [item for item in before or [] if item.get("CodeValue") != _DERIVATION[0]]
    return Sequence([*kept, *mine])


def source_image(sop_class: str, sop_instance: str, frame: int | None = None) -> Dataset:
    """Return a reference to the image, or to the one frame (from 0) of it, that the values were made from."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    if frame is not None:
        item.ReferencedFrameNumber = frame + 1
    item.PurposeOfReferenceCodeSequence = _code(*_PURPOSE)
    return item


def series_reference(series_uid: str, sop_class: str, sop_instance: str) -> Dataset:
    """Return a reference to an instance below its series."""
    instance, series = Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = sop_class, sop_instance
    series.SeriesInstanceUID = series_uid
    return series, instance


def contributing_equipment(before, provenance: Provenance, moment: str) -> Sequence:
    """Return the equipment that had a part in the image, this software last; `moment` is a DICOM date and time."""
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = _code(*_EQUIPMENT)
    item.Manufacturer = MANUFACTURER
    item.ManufacturerModelName = plain(f"LDCTDenoise {provenance.method}")[:64]
    item.SoftwareVersions = plain(provenance.version)[:64]
    item.ContributionDateTime = moment
    item.ContributionDescription = f"{provenance.words}. {NOTICE}."
    return Sequence([*(before or []), item])
