"""Open DICOM files, also such as lack the part in front that says what they are."""

from pathlib import Path

#: The first group of a data set without a preamble: identification, or the file's meta information.
_FIRST_GROUPS = (b"\x08\x00", b"\x00\x08", b"\x02\x00")


def is_dicom(path: Path) -> bool:
    """Whether a file carries the DICOM mark behind its preamble, or begins like a data set without one."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or _begins_like_a_data_set(start)


def _begins_like_a_data_set(start: bytes) -> bool:
    # An element below 0x0020 of the first group, then a length or a representation in capitals.
    group, element, after = start[:2], start[2:4], start[4:8]
    if len(after) < 4 or group not in _FIRST_GROUPS:
        return False
    number = int.from_bytes(element, "big" if group == b"\x00\x08" else "little")
    length = int.from_bytes(after, "little")
    return number <= 0x20 and (after[:2].isalpha() and after[:2].isupper() or length <= 64)


def read_dataset(path: str | Path, **options):
    """Read a DICOM file with pydicom; transfer syntax and class are filled in where they are missing.

    Parameters
    ----------
    path : str or Path
        The file.
    **options
        Of `pydicom.dcmread`.

    Raises
    ------
    Exception
        Whatever the parser stumbles over in a damaged file.
    """
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    dataset = pydicom.dcmread(path, force=True, **options)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = plain
    if "SOPClassUID" not in dataset:
        # The file meta information repeats it, so that a file cut short is still known for what it was.
        dataset.SOPClassUID = dataset.file_meta.get("MediaStorageSOPClassUID", "")
    return dataset
