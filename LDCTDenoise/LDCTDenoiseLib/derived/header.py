"""The header of a derived image, from that of its source."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pydicom.uid import generate_uid

from ..volumes.dicom_tags import numbers, text, words
from .elements import remove_private, remove_what_is_of_the_source
from .options import SeriesOptions
from .provenance import Provenance
from .references import contributing_equipment, derivation_codes, derivation_description

#: Transfer syntaxes that lose, to what LossyImageCompressionMethod calls them.
_LOSSY = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}


@dataclass(frozen=True)
class SeriesIdentity:
    """What all images of one derived series have in common.

    Attributes
    ----------
    uid : str
        The new SeriesInstanceUID.
    provenance : Provenance
        How the values were made.
    options : SeriesOptions
        What the user chose.
    moment : datetime
        When the series was made, the same for all of its images.
    """

    uid: str
    provenance: Provenance
    options: SeriesOptions
    moment: datetime


def rewrite_header(dataset, series: SeriesIdentity) -> None:
    """Turn the header of a source into that of an image derived from it, all but the pixels and the references.

    Study, patient, frame of reference, geometry, acquisition and instance number stay as they are.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The source without its pixels; is changed.
    series : SeriesIdentity
        The series it becomes part of.
    """
    _note_lossy_compression(dataset)
    remove_what_is_of_the_source(dataset)
    if not series.options.keep_private:
        remove_private(dataset)
    provenance = series.provenance
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.SeriesInstanceUID = series.uid
    description = series.options.describe(text(dataset, "SeriesDescription"), provenance)
    dataset.SeriesDescription = _encodable(dataset, description)
    dataset.SeriesNumber = series.options.number_from(series_number(dataset))
    dataset.ImageType = _slice_type(words(dataset, "ImageType"))
    moment = _in_zone_of(dataset, series.moment)
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    for part in ("InstanceCreation", "Series", "Content"):
        setattr(dataset, f"{part}Date", date)
        setattr(dataset, f"{part}Time", time)
    dataset.ContributingEquipmentSequence = contributing_equipment(
        dataset.get("ContributingEquipmentSequence"), provenance, date + time
    )


def describe_derivation(item, before, provenance: Provenance) -> None:
    """Put into `item` how it was derived, behind what its source's `before` says of itself."""
    item.DerivationDescription = derivation_description(text(before, "DerivationDescription"), provenance)
    item.DerivationCodeSequence = derivation_codes(before.get("DerivationCodeSequence"))


def _slice_type(source: list[str]) -> list[str]:
    """Return the ImageType of a derived slice: AXIAL, as every cross section is called; the source's words stay."""
    return ["DERIVED", "SECONDARY", "AXIAL", *(source[3:] if source[2:3] == ["AXIAL"] else source[2:])]


def show_in_window(item, series: SeriesIdentity) -> None:
    """Write the window that was chosen in place of all others."""
    window = series.options.window
    for keyword in ("WindowCenterWidthExplanation", "VOILUTFunction", "VOILUTSequence"):
        if keyword in item:
            del item[keyword]
    item.WindowCenter, item.WindowWidth = f"{(window.lower + window.upper) / 2:g}", f"{window.width:g}"


def series_number(dataset) -> int:
    try:
        return int(next(iter(numbers(dataset, "SeriesNumber")), 0))
    except ValueError:
        return 0


def _in_zone_of(dataset, moment: datetime) -> datetime:
    """Return a moment in the time zone that the header says its dates and times are in."""
    zone = text(dataset, "TimezoneOffsetFromUTC")
    try:
        offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:5]))
        return moment.astimezone(timezone(offset))
    except (ValueError, IndexError):
        return moment


def _encodable(dataset, value: str) -> str:
    """Return a text with a question mark for each letter that the header's character set does not have."""
    from pydicom.charset import convert_encodings

    value = "".join(letter if letter.isprintable() else "?" for letter in value)
    encodings = convert_encodings(dataset.get("SpecificCharacterSet") or ["ISO_IR 6"])
    for encoding in encodings:
        try:
            value.encode(encoding)
            return value
        except UnicodeEncodeError:
            continue
    return value.encode("ascii", "replace").decode()


def _note_lossy_compression(dataset) -> None:
    """A source whose pixels lost something in its file has lost it for good, also where its header does not say so."""
    method = _LOSSY.get(str(dataset.file_meta.get("TransferSyntaxUID", "")))
    if method and dataset.get("LossyImageCompression") != "01":
        dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", method
