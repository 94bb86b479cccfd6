"""Derived series: what is taken over, what is new, and what refers to the source."""

import numpy as np
import pydicom
import pytest
from dicom_series_maker import PATIENT_NAME, ROWS, expected_hu, set_pixels, stored_values, write_enhanced, write_series
from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.derived import Provenance, SeriesOptions, require_source, write_derived_series
from LDCTDenoiseLib.errors import InputError, MissingDependencyError, OutputError
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.volumes import Volume, check_ct, read_volume
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from volume_reading import read_quietly

PROVENANCE = Provenance("DCSCN", 0.8, "NVIDIA H200, CUDA", "ab" * 32, "[-1024, 3071] HU")

#: What may differ between an image and the one it was made from. The padding value is the same number with the sign of
#: the new pixels; nothing else may differ.
CHANGED = {
    "ImageType", "InstanceCreationDate", "InstanceCreationTime", "SOPInstanceUID", "SeriesDate", "SeriesTime",
    "ContentDate", "ContentTime", "SeriesDescription", "SeriesNumber", "SeriesInstanceUID", "PixelData",
    "DerivationDescription", "DerivationCodeSequence", "SourceImageSequence", "ContributingEquipmentSequence",
    "InstanceCreatorUID",
}  # fmt: skip


def derive(source, folder, change=None, **options) -> tuple[Volume, np.ndarray, list[pydicom.Dataset]]:
    """Write a series with values that differ from its source's; return the source, the values and the images."""
    volume = read_volume(source)
    array = volume.array + np.int16(3) if change is None else change(volume.array)
    files = write_derived_series(volume, array, folder, PROVENANCE, SeriesOptions(**options))
    return volume, array, [pydicom.dcmread(path) for path in files]


def sources_of(volume: Volume) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in volume.facts["files"]]


def test_all_but_the_image_is_the_sources(tmp_path):
    write_series(tmp_path / "in", 4)
    volume, array, images = derive(tmp_path / "in", tmp_path / "out")
    written = read_quietly(tmp_path / "out")
    np.testing.assert_array_equal(written.array, array)
    assert volume.geometry == written.geometry and len(images) == 4
    for source, image in zip(sources_of(volume), images, strict=True):
        for element in source:
            if element.keyword not in CHANGED:
                assert image[element.tag] == element, element.keyword
        assert {e.keyword for e in image} - {e.keyword for e in source} <= CHANGED
        assert image.PatientName == PATIENT_NAME
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID != source.SOPInstanceUID
        assert image.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert len({image.SOPInstanceUID for image in images}) == 4
    assert {image.SeriesInstanceUID for image in images} == {written.facts["series_uid"]}
    assert written.facts["series_uid"] != volume.facts["series_uid"]


def test_what_says_how_it_was_made(tmp_path):
    write_series(tmp_path / "in", 2)
    volume, _, images = derive(tmp_path / "in", tmp_path / "out")
    for source, image in zip(sources_of(volume), images, strict=True):
        assert list(image.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
        assert image.SeriesDescription == "DCSCN ABD 5.0 B30s (research)"
        assert image.SeriesNumber == source.SeriesNumber + 1000
        reference = image.SourceImageSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == source.SOPClassUID
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert image.DerivationCodeSequence[0].CodeValue == "113087"
        equipment = image.ContributingEquipmentSequence[0]
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert equipment.SoftwareVersions == __version__
        for text in (image.DerivationDescription, equipment.ContributionDescription):
            for word in ("DCSCN", __version__, "ab" * 32, "[-1024, 3071]", "0.8", "NVIDIA H200", "not for diagnosis"):
                assert word in text


def test_a_derivation_of_a_derivation_keeps_its_history(tmp_path):
    def derived_before(k, dataset):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113072", "DCM", "Multiplanar reformatting"
        dataset.ImageType = ["DERIVED", "SECONDARY", "MPR", "X"]
        dataset.DerivationDescription, dataset.DerivationCodeSequence = "reformatted " * 80, Sequence([code])
        scanner = Dataset()
        scanner.Manufacturer = "Scanner"
        dataset.ContributingEquipmentSequence = Sequence([scanner])

    write_series(tmp_path / "in", 1, change=derived_before)
    image = derive(tmp_path / "in", tmp_path / "out")[2][0]
    assert list(image.ImageType) == ["DERIVED", "SECONDARY", "AXIAL", "MPR", "X"]
    assert image.DerivationDescription.startswith("reformatted") and len(image.DerivationDescription) <= 1024
    assert "not for diagnosis" in image.DerivationDescription
    assert [code.CodeValue for code in image.DerivationCodeSequence] == ["113072", "113087"]
    assert [item.Manufacturer for item in image.ContributingEquipmentSequence] == ["Scanner", "LDCTDenoise"]


def test_what_the_user_chooses(tmp_path):
    def change(k, dataset):
        dataset.private_block(0x0009, "VENDOR", create=True).add_new(1, "LO", "kept on request")
        dataset.private_block(0x0011, "EMPTY", create=True)
        item = Dataset()
        item.CodeValue = "x"
        item.private_block(0x0009, "VENDOR", create=True).add_new(1, "LO", "below")
        dataset.ProcedureCodeSequence = Sequence([item])

    write_series(tmp_path / "in", 1, change=change)
    image = derive(
        tmp_path / "in", tmp_path / "a", description="{description}, {method} {strength}", number="905",
        window=Window(-160, 240), keep_private=True,
    )[2][0]  # fmt: skip
    assert image.SeriesDescription == "ABD 5.0 B30s, DCSCN 0.8 (research)" and image.SeriesNumber == 905
    assert (image.WindowCenter, image.WindowWidth) == (40, 400)
    assert image[0x0009, 0x1001].value == "kept on request"
    image = derive(tmp_path / "in", tmp_path / "b")[2][0]
    assert not any(element.tag.is_private for element in image.iterall())
    assert image.ProcedureCodeSequence[0].CodeValue == "x"
    image = derive(tmp_path / "in", tmp_path / "c", description="Ü" * 90)[2][0]
    assert len(image.SeriesDescription) == 64 and image.SeriesDescription.endswith(" (research)")
    for wrong in ({"description": "{nobody}"}, {"description": "a\\b"}, {"number": "x"}, {"number": "-3"},
                  {"number": "+99999999999"}, {"compression": "zip"}):  # fmt: skip
        with pytest.raises(InputError):
            SeriesOptions(**wrong)


@pytest.mark.parametrize(("compression", "name"), [("rle", "RLE Lossless"), ("jpeg-ls", "JPEG-LS Lossless")])
def test_compression_keeps_every_value(tmp_path, compression, name):
    write_series(tmp_path / "in", 3)
    try:
        _, array, images = derive(tmp_path / "in", tmp_path / "out", compression=compression)
    except MissingDependencyError as error:
        assert "pyjpegls" in str(error)
        pytest.skip("no JPEG-LS encoder")
    assert name in images[0].file_meta.TransferSyntaxUID.name
    np.testing.assert_array_equal(read_quietly(tmp_path / "out").array, array)


def test_fractions_are_rounded_and_every_value_fits(tmp_path):
    def twelve_bits(k, dataset):
        set_pixels(dataset, np.clip(stored_values(k), 0, 4095).astype(np.uint16))
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.RescaleSlope = "1.0"
        del dataset.PixelPaddingValue

    write_series(tmp_path / "in", 2, change=twelve_bits)
    # The stored form of the source where it holds every value.
    _, array, images = derive(tmp_path / "in", tmp_path / "a", lambda hu: hu + 0.49)
    assert (images[0].BitsStored, images[0].PixelRepresentation, images[0].RescaleIntercept) == (12, 0, -1024)
    np.testing.assert_array_equal(read_quietly(tmp_path / "a").array, np.rint(array))
    # One value below what unsigned 12 bits with this intercept hold.
    _, array, images = derive(tmp_path / "in", tmp_path / "b", lambda hu: np.where(hu == hu.min(), -1030.6, hu))
    assert (images[0].BitsStored, images[0].PixelRepresentation, images[0].RescaleIntercept) == (16, 1, -1024)
    written = read_quietly(tmp_path / "b").array
    np.testing.assert_array_equal(written, np.rint(array))
    assert written.min() == -1031
    # A range that signed 16 bits hold with another intercept only.
    _, array, images = derive(
        tmp_path / "in", tmp_path / "c", lambda hu: np.where(hu == hu.max(), 50000, hu.astype(int))
    )
    np.testing.assert_array_equal(read_quietly(tmp_path / "c").array, array)
    volume = read_volume(tmp_path / "in")
    wide = np.where(volume.array == volume.array.max(), 65536 + int(volume.array.min()), volume.array.astype(int))
    with pytest.raises(OutputError, match="16 bits"):
        write_derived_series(volume, wide, tmp_path / "d", PROVENANCE)
    for wrong in (volume.array[:1], np.full(volume.array.shape, np.nan)):
        with pytest.raises(InputError):
            write_derived_series(volume, wrong, tmp_path / "d", PROVENANCE)
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("slope", ["1", "2", "0.5"])
def test_padding_is_restored(tmp_path, slope):
    def pad(k, dataset):
        stored = stored_values(k)
        stored[0, :4] = (-1990, -1995, -2000, 60)
        set_pixels(dataset, stored)
        dataset.RescaleSlope = slope
        dataset.add_new("PixelPaddingRangeLimit", "SS", -1990)

    write_series(tmp_path / "in", 2, change=pad)
    volume, array, images = derive(tmp_path / "in", tmp_path / "out", lambda hu: hu + 7)
    written = read_volume(tmp_path / "out")
    expected = np.rint(array)
    expected[:, 0, :3] = np.rint(volume.array[:, 0, :3])
    np.testing.assert_array_equal(written.array, expected)
    ends = [
        images[0][tag].value + images[0].RescaleIntercept for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit")
    ]
    assert ends == [np.rint(-2000 * float(slope) - 1024), np.rint(-1990 * float(slope) - 1024)]


def test_an_offset_that_was_added_is_no_error_in_the_output(tmp_path):
    def unscaled(k, dataset):
        # Stored as HU + 1024, and nothing in the header says so.
        dataset.RescaleIntercept = "0"

    write_series(tmp_path / "in", 2, change=unscaled)
    volume = check_ct(read_volume(tmp_path / "in"), -1024)
    write_derived_series(volume, volume.array, tmp_path / "out", PROVENANCE)
    np.testing.assert_array_equal(read_quietly(tmp_path / "out").array, expected_hu(range(2)))


def test_enhanced_stays_enhanced(tmp_path):
    expected = write_enhanced(tmp_path / "in" / "multi.dcm")
    volume, array, images = derive(tmp_path / "in", tmp_path / "out", lambda hu: hu + 3, window=Window(0, 100))
    written = read_quietly(tmp_path / "out")
    np.testing.assert_array_equal(written.array, expected + 3)
    assert volume.geometry == written.geometry and written.facts["window"] == (50.0, 100.0)
    (image,), source = images, sources_of(volume)[0]
    assert image.SOPClassUID == source.SOPClassUID and image.NumberOfFrames == 4
    assert list(image.ImageType[:2]) == ["DERIVED", "PRIMARY"] and len(image.ImageType) >= 4
    assert image.ContentQualification == "RESEARCH"
    for number, group in enumerate(image.PerFrameFunctionalGroupsSequence):
        derivation = group.DerivationImageSequence[0]
        reference = derivation.SourceImageSequence[0]
        assert (reference.ReferencedSOPInstanceUID, reference.ReferencedFrameNumber) == (
            source.SOPInstanceUID,
            number + 1,
        )
        assert derivation.DerivationCodeSequence[0].CodeValue == "113087"
        # Each frame keeps its own intercept.
        assert group.PixelValueTransformationSequence[0].RescaleIntercept == -1024 - number
        assert group.PlanePositionSequence == source.PerFrameFunctionalGroupsSequence[number].PlanePositionSequence
    evidence = image.SourceImageEvidenceSequence[0]
    assert evidence.StudyInstanceUID == source.StudyInstanceUID
    series = evidence.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_parts_of_a_concatenation_stay_together(tmp_path):
    for part in range(2):
        path = tmp_path / "in" / f"{part}.dcm"
        write_enhanced(path, 3)
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID, dataset.ConcatenationUID = generate_uid(), "1.2.3"
        for group in dataset.PerFrameFunctionalGroupsSequence:
            group.PlanePositionSequence[0].ImagePositionPatient[2] += 7.5 * part
        dataset.save_as(path)
    volume, array, images = derive(tmp_path / "in", tmp_path / "out")
    assert volume.array.shape[0] == 6 and len(images) == 2
    np.testing.assert_array_equal(read_quietly(tmp_path / "out").array, array)
    assert len({image.ConcatenationUID for image in images}) == 1 and images[0].ConcatenationUID != "1.2.3"


def test_elements_of_the_sources_pixels_go(tmp_path):
    def change(k, dataset):
        dataset.add_new("SmallestImagePixelValue", "SS", 1)
        dataset.IconImageSequence = Sequence([Dataset()])
        dataset.add_new((0x6000, 0x0010), "US", ROWS)  # an overlay in the high bits of the pixels
        dataset.add_new((0x6002, 0x0010), "US", ROWS)
        dataset.add_new((0x6002, 0x3000), "OW", b"\1\2")

    write_series(tmp_path / "in", 1, change=change)
    image = derive(tmp_path / "in", tmp_path / "out")[2][0]
    assert "SmallestImagePixelValue" not in image and "IconImageSequence" not in image
    assert (0x6000, 0x0010) not in image and image[0x6002, 0x3000].value == b"\1\2"


def test_lossy_sources_are_called_lossy(tmp_path):
    dataset = pydicom.dcmread(get_testdata_file("JPEGLSNearLossless_16.dcm", download=False))
    if not pydicom.pixels.get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
        pytest.skip("no JPEG-LS decoder")
    plain = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    plain.remove_private_tags()
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"):
        plain[keyword] = dataset[keyword]
    plain.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    plain.save_as(tmp_path / "in.dcm")
    image = derive(tmp_path / "in.dcm", tmp_path / "out")[2][0]
    assert image.LossyImageCompression == "01" and image.LossyImageCompressionMethod == "ISO_14495_1"


def test_times_are_in_the_zone_of_the_header(tmp_path):
    write_series(tmp_path / "in", 1, change=lambda k, d: setattr(d, "TimezoneOffsetFromUTC", "-0530"))
    write_series(tmp_path / "in2", 1, change=lambda k, d: setattr(d, "TimezoneOffsetFromUTC", "+1400"))
    moments = []
    for name in ("in", "in2"):
        image = derive(tmp_path / name, tmp_path / f"{name}-out")[2][0]
        assert image.SeriesDate == image.ContentDate == image.InstanceCreationDate
        moments.append(np.datetime64(f"{image.SeriesDate[:4]}-{image.SeriesDate[4:6]}-{image.SeriesDate[6:]}T"
                                     f"{image.SeriesTime[:2]}:{image.SeriesTime[2:4]}"))  # fmt: skip
    hours = (moments[1] - moments[0]) / np.timedelta64(1, "h")
    assert 19.5 <= hours < 20


def test_a_volume_that_is_not_from_dicom(tmp_path):
    with pytest.raises(InputError, match="not read from DICOM"):
        require_source(Volume(np.zeros((2, 3, 4), np.int16), name="made.nrrd"))
