"""One derived image: the source's header, new pixels, and what links the two."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from .. import __version__
from ..errors import InputError
from ..volumes.dicom_file import read_dataset
from ..volumes.dicom_frames import SourceSlice
from ..volumes.dicom_tags import text, words
from .header import (
    SeriesIdentity,
    as_little_endian,
    describe_derivation,
    rewrite_header,
    show_in_window,
    source_image,
)
from .multiframe import is_enhanced, rescale, rewrite_groups
from .storage import Storage


def derive(
    path: str, frames: np.ndarray, sources: list[SourceSlice], storage: Storage, series: SeriesIdentity, syntax: str
) -> pydicom.Dataset:
    """Return the image that is made from one file of the source.

    Parameters
    ----------
    path : str
        The file.
    frames : numpy.ndarray
        Stored values, shape (frames, rows, columns), in the order of the file.
    sources : list of SourceSlice
        Of each frame.
    storage : Storage
        How the values are stored.
    series : SeriesIdentity
        The series it becomes part of.
    syntax : str
        The transfer syntax, by its name in pydicom.
    """
    name = Path(path).name
    dataset = as_little_endian(read_dataset(path, stop_before_pixels=True))
    _require_unchanged(dataset, frames, sources[0], name)
    sop_class, sop_instance = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
    source_series = str(dataset.SeriesInstanceUID)
    source_type = words(dataset, "ImageType")
    before = pydicom.Dataset()
    for keyword in ("DerivationDescription", "DerivationCodeSequence"):
        if keyword in dataset:
            before[keyword] = dataset[keyword]
    rewrite_header(dataset, series)
    if is_enhanced(dataset):
        rewrite_groups(dataset, series, source_type, source_series, sop_class, sop_instance)
    else:
        describe_derivation(dataset, before, series.provenance)
        dataset.SourceImageSequence = source_image(sop_class, sop_instance)
        if series.options.window is not None:
            show_in_window(dataset, series)
    _store(dataset, frames, sources, storage)
    _put_file_meta(dataset)
    if syntax != ExplicitVRLittleEndian.keyword:
        dataset.compress(getattr(pydicom.uid, syntax), generate_instance_uid=False)
    return dataset


def _require_unchanged(dataset, frames: np.ndarray, source: SourceSlice, name: str) -> None:
    """The source lies on a disk that others write, too."""
    size = (int(dataset.get("NumberOfFrames") or 1), dataset.get("Rows"), dataset.get("Columns"))
    if size != frames.shape or text(dataset, "SOPInstanceUID") != source.sop_instance_uid:
        raise InputError(f"'{name}' has changed since it was read; read it again.")


def _store(dataset, frames: np.ndarray, sources: list[SourceSlice], storage: Storage) -> None:
    """Put stored values into an image, and all that its header says about them."""
    as_before = all(storage.is_that_of(source) for source in sources)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, storage.bits, storage.bits - 1
    dataset.PixelRepresentation = int(storage.signed)
    if not as_before:
        for keyword in ("RealWorldValueMappingSequence", "VOILUTSequence"):
            if keyword in dataset:
                del dataset[keyword]
        _move_padding(dataset, sources[0], storage)
    intercepts = [storage.intercept_of(source) for source in sources]
    if is_enhanced(dataset):
        rescale(dataset, intercepts)
    else:
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", str(intercepts[0])
    dataset.add_new("PixelData", "OW", frames.tobytes())


def _move_padding(dataset, source: SourceSlice, storage: Storage) -> None:
    """Write the padding value, and the other end of its range, as stored now."""
    ends = [tag for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit") if dataset.get(tag) is not None]
    if not ends:
        return
    # A limit without a value says nothing; a value that no pixel can have (a negative one that was written as unsigned
    # and read so) marks nothing.
    lowest, highest = (round(end) for end in source.padding) if source.padding else (0, 0)
    if not source.padding or not storage.holds(lowest, highest, source):
        for tag in ends:
            del dataset[tag]
        return
    upwards = len(ends) == 1 or dataset[ends[0]].value <= dataset[ends[1]].value
    low, high = lowest - storage.intercept_of(source), highest - storage.intercept_of(source)
    for tag, value in zip(ends, (low, high) if upwards else (high, low), strict=False):
        del dataset[tag]
        dataset.add_new(tag, "SS" if storage.signed else "US", value)


def _put_file_meta(dataset) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationVersionName = f"LDCTDenoise {__version__}"[:16]
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
