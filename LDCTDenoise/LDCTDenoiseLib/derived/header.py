"""The header of a derived image, from that of its source: what is rewritten, what goes, and what links the two."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from ..volumes.dicom_tags import numbers, text, words
from .series_options import MANUFACTURER, NOTICE, Provenance, SeriesOptions, plain

#: Transfer syntaxes that lose, to what LossyImageCompressionMethod calls them.
_LOSSY = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}

#: What is true of the source's pixels or file alone.
_OF_THE_SOURCE = tuple(
    """
    InstanceCreatorUID SmallestImagePixelValue LargestImagePixelValue SmallestPixelValueInSeries
    LargestPixelValueInSeries SmallestValidPixelValue LargestValidPixelValue SmallestImagePixelValueInPlane
    LargestImagePixelValueInPlane IconImageSequence PixelData PixelDataProviderURL ExtendedOffsetTable
    ExtendedOffsetTableLengths MACParametersSequence DigitalSignaturesSequence DataSetTrailingPadding
    SOPInstanceUIDOfConcatenationSource
    """.split()
)

#: DICOM PS3.16: how (CID 7203), for what a source was used (CID 7202), what an equipment did (CID 7005). The standard
#: has no code for the reduction of noise; smoothing is the nearest, and the description beside it says more.
_DERIVATION = ("113087", "Smoothing")
_PURPOSE = ("121322", "Source image for image processing operation")
_EQUIPMENT = ("109102", "Processing Equipment")

_LONGEST_TEXT = 1024  # of the representation ST


@dataclass(frozen=True)
class SeriesIdentity:
    """What all images of one derived series have in common."""

    uid: str  #: The new SeriesInstanceUID.
    provenance: Provenance  #: How the values were made.
    options: SeriesOptions  #: What the user chose.
    moment: datetime  #: When the series was made, the same for all of its images.


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
    _remove_what_is_of_the_source(dataset)
    if not series.options.keep_private:
        _remove_private(dataset)
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
    sentence, told = f"Noise reduction: {provenance.words}. {NOTICE}.", text(before, "DerivationDescription")
    item.DerivationDescription = f"{told[: _LONGEST_TEXT - len(sentence) - 2]}; {sentence}" if told else sentence
    codes = [code for code in before.get("DerivationCodeSequence") or [] if code.get("CodeValue") != _DERIVATION[0]]
    item.DerivationCodeSequence = Sequence([*codes, *_code(*_DERIVATION)])


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


def one_item(**elements) -> Sequence:
    """Return a sequence of one item with these elements, by keyword."""
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def _code(value: str, meaning: str) -> Sequence:
    return one_item(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning=meaning)


def source_image(sop_class: str, sop_instance: str, frame: int | None = None) -> Sequence:
    """Return a reference to the image, or to the one frame (from 0) of it, that the values were made from."""
    return one_item(
        ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=sop_instance,
        PurposeOfReferenceCodeSequence=_code(*_PURPOSE),
        **({} if frame is None else {"ReferencedFrameNumber": frame + 1}),
    )  # fmt: skip


def contributing_equipment(before, provenance: Provenance, moment: str) -> Sequence:
    """Return the equipment that had a part in the image, this software last; `moment` is a DICOM date and time."""
    ours = one_item(
        PurposeOfReferenceCodeSequence=_code(*_EQUIPMENT), Manufacturer=MANUFACTURER,
        ManufacturerModelName=plain(f"LDCTDenoise {provenance.method}")[:64],
        SoftwareVersions=plain(provenance.version)[:64], ContributionDateTime=moment,
        ContributionDescription=f"{provenance.words}. {NOTICE}.",
    )  # fmt: skip
    return Sequence([*(before or []), *ours])


def _remove_what_is_of_the_source(dataset) -> None:
    """Remove from a header what describes the source's pixels or signs them."""
    for keyword in _OF_THE_SOURCE:
        if keyword in dataset:
            del dataset[keyword]
    for group in range(0x6000, 0x6020, 2):
        # An overlay in unused bits of the pixels went with the pixels; one with data of its own stays.
        if (group, 0x0010) in dataset and (group, 0x3000) not in dataset:
            for tag in [tag for tag in dataset.keys() if tag.group == group]:
                del dataset[tag]


def _remove_private(dataset) -> None:
    """Remove private elements here and below; other values are not even decoded, so that they stay as they are."""
    for tag in list(dataset.keys()):
        if tag.is_private:
            del dataset[tag]
        elif dataset.get_item(tag).VR == "SQ":
            for item in dataset[tag].value or []:
                _remove_private(item)


def as_little_endian(dataset):
    """Return a header that was stored big endian as one that can be written little endian; others as they are."""
    if dataset.original_encoding[1]:
        return dataset
    dataset.walk(_swap_words)
    copy = Dataset({element.tag: element for element in dataset})
    copy.file_meta = dataset.file_meta
    return copy


def _swap_words(dataset, element) -> None:
    """Turn words that are kept as bytes around; numbers are decoded already."""
    if element.VR == "OW" and element.value:
        element.value = np.frombuffer(element.value, ">u2").astype("<u2").tobytes()
