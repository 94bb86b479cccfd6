"""Where an enhanced multi-frame image keeps what a single-frame one has at its top."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from ..volumes.dicom_tags import words
from .header import SeriesIdentity, describe_derivation, one_item, show_in_window, source_image


def is_enhanced(dataset) -> bool:
    return "PerFrameFunctionalGroupsSequence" in dataset


def rewrite_groups(
    dataset, series: SeriesIdentity, source_type: list[str], source_series: str, sop_class: str, sop_instance: str
) -> None:
    """Bring an enhanced image's functional groups and references in line with what was made of its frames.

    Parameters
    ----------
    dataset : pydicom.Dataset
        After `rewrite_header`; is changed.
    series : SeriesIdentity
        The series it becomes part of.
    source_type : list of str
        The ImageType of the source.
    source_series, sop_class, sop_instance : str
        UIDs of the source.
    """
    dataset.ImageType = _frame_type(source_type)
    dataset.ContentQualification = "RESEARCH"
    if "ConcatenationUID" in dataset:
        # The same for all parts of one concatenation: made of what they have in common.
        dataset.ConcatenationUID = generate_uid(entropy_srcs=[series.uid, str(dataset.ConcatenationUID)])
    shared = dataset.SharedFunctionalGroupsSequence[0] if dataset.get("SharedFunctionalGroupsSequence") else Dataset()
    frames = dataset.PerFrameFunctionalGroupsSequence
    derivations = [_take(group, "DerivationImageSequence") for group in frames]
    common = _take(shared, "DerivationImageSequence")
    for number, (group, own) in enumerate(zip(frames, derivations, strict=True)):
        item, before = Dataset(), (own or common or [Dataset()])[-1]
        describe_derivation(item, before, series.provenance)
        item.SourceImageSequence = source_image(sop_class, sop_instance, number)
        group.DerivationImageSequence = Sequence([item])
    for group in (shared, *frames):
        for item in group.get("CTImageFrameTypeSequence") or []:
            item.FrameType = _frame_type(words(item, "FrameType"))
        if series.options.window is not None:
            _take(group, "FrameVOILUTSequence")
    if series.options.window is not None:
        shown = Dataset()
        show_in_window(shown, series)
        shared.FrameVOILUTSequence = Sequence([shown])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    _refer(dataset, source_series, sop_class, sop_instance)


def _frame_type(source: list[str]) -> list[str]:
    """Return the four or more values of a derived frame's type.

    The second value of enhanced images can only be PRIMARY (PS3.3 C.8.16.1.2). The third, the flavour, and the fourth,
    how the contrast was made, are as before: noise reduction changes neither.
    """
    kept = source[2:] or ["VOLUME"]
    return ["DERIVED", "PRIMARY", *kept, *["NONE"] * (2 - len(kept))]


def rescale(dataset, intercepts: list[int]) -> None:
    """Write slope 1 and each frame's intercept where the functional groups keep them."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    _take(shared, "PixelValueTransformationSequence")
    for group, intercept in zip(dataset.PerFrameFunctionalGroupsSequence, intercepts, strict=True):
        scale = one_item(RescaleIntercept=str(intercept), RescaleSlope="1", RescaleType="HU")
        group.PixelValueTransformationSequence = scale


def _refer(dataset, source_series: str, sop_class: str, sop_instance: str) -> None:
    instance = {"ReferencedSOPClassUID": sop_class, "ReferencedSOPInstanceUID": sop_instance}
    series = one_item(ReferencedSOPSequence=one_item(**instance), SeriesInstanceUID=source_series)
    dataset.SourceImageEvidenceSequence = one_item(
        ReferencedSeriesSequence=series, StudyInstanceUID=dataset.StudyInstanceUID
    )
    (series,) = one_item(ReferencedInstanceSequence=one_item(**instance), SeriesInstanceUID=source_series)
    dataset.ReferencedSeriesSequence = Sequence([*(dataset.get("ReferencedSeriesSequence") or []), series])


def _take(group, keyword: str):
    """Remove a sequence from a group and return it; None when it has none."""
    found = group.get(keyword)
    if found is not None:
        del group[keyword]
    return found
