"""Find the CT series below a folder and choose one of them."""

import os
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, LDCTWarning
from .dicom_file import is_dicom, read_dataset
from .dicom_tags import HEADER_TAGS, optional, text, words

_CT_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
)
DICOMDIR_CLASS = "1.2.840.10008.1.3.10"

#: A file with one of these that is no DICOM file is a damaged one.
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True)
class Instance:
    """One DICOM file: where it is, what to call it in messages, and `HEADER_TAGS` of its header."""

    path: Path
    name: str
    header: object

    @property
    def slices(self) -> int:
        """How many slices the file holds."""
        return int(next(iter(optional([self.header], "NumberOfFrames", self.name)), 1))


def find_series(path: Path, series_uid: str | None) -> list[Instance]:
    """Return the instances of one CT series, in no particular order.

    Parameters
    ----------
    path : Path
        A DICOM file, or a folder that is searched with everything below it.
    series_uid : str or None
        Which series; may be left out when there is only one.

    Raises
    ------
    InputError
        If there is no CT series, several and none chosen, or none with this UID. Series are listed by UID, number of
        slices and description.
    """
    instances = _instances(path)
    slices = [instance for instance in instances if is_ct_slice(instance)]
    if not slices:
        raise InputError(_no_ct(path, instances))
    series: dict[str, list[Instance]] = {}
    for instance in slices:
        uid = text(instance.header, "SeriesInstanceUID")
        if not uid:
            raise InputError(f"the DICOM tag SeriesInstanceUID is missing in '{instance.name}'; export it again.")
        series.setdefault(uid, []).append(instance)
    # Localizers go even when they are a series of their own: they are projections, not slices.
    series = {uid: kept for uid, members in series.items() if (kept := [m for m in members if not is_localizer(m)])}
    if not series:
        raise InputError(f"'{path}' holds only localizer (scout) images; give the series with the slices.")
    if series_uid is None and len(series) == 1:
        return next(iter(series.values()))
    if series_uid in series:
        return series[series_uid]
    found = "; ".join(_describe(uid, members) for uid, members in sorted(series.items()))
    if series_uid is None:
        raise InputError(f"'{path}' holds {len(series)} CT series; choose one with --series UID: {found}.")
    raise InputError(f"'{path}' holds no CT series '{series_uid}'; choose one with --series UID: {found}.")


def _instances(path: Path) -> list[Instance]:
    if path.is_file():
        header = read_header(path)
        if header is None:
            raise InputError(f"cannot read '{path}': its DICOM header is damaged; get a whole copy of the file.")
        return [Instance(path, path.name, header)]
    found, damaged = [], []
    for folder, subfolders, names in os.walk(path, onerror=_not_silently):
        subfolders.sort()
        for file in (Path(folder, name) for name in sorted(names)):
            # Hidden files are what macOS and archives leave behind (._0001.dcm), never slices.
            if file.name.startswith(".") or not file.is_file():
                continue
            name = str(file.relative_to(path))
            if is_dicom(file):
                header = read_header(file)
                if header is not None:
                    found.append(Instance(file, name, header))
                    continue
            elif file.suffix.lower() not in DICOM_SUFFIXES:
                continue
            damaged.append(name)
    if damaged:
        warnings.warn(
            f"'{path}': left out {len(damaged)} file(s) with a damaged DICOM header, the first is '{damaged[0]}'.",
            LDCTWarning,
            stacklevel=2,
        )
    return found


def _not_silently(error: OSError) -> None:
    """A folder that may not be read could hold slices; os.walk alone would pass over it."""
    raise error


def read_header(path: Path, tags: tuple[str, ...] = HEADER_TAGS):
    """Read the tags this library looks at, or None of a damaged header; who the patient is stays in the file."""
    try:
        return read_dataset(path, stop_before_pixels=True, specific_tags=list(tags))
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - a damaged header makes pydicom raise whatever its parser stumbles over
        return None


def is_ct_slice(instance: Instance) -> bool:
    """Whether this is a CT image; screen saves and other objects of the modality CT have no place in space."""
    header = instance.header
    if text(header, "SOPClassUID") in _CT_CLASSES:
        return True
    placed = "ImagePositionPatient" in header and "ImageOrientationPatient" in header
    return text(header, "Modality") == "CT" and "Rows" in header and placed


def is_localizer(instance: Instance) -> bool:
    """Whether this is a scout: a projection, not a slice."""
    return "LOCALIZER" in words(instance.header, "ImageType")


def _no_ct(path: Path, instances: list[Instance]) -> str:
    others = [i.header for i in instances if text(i.header, "SOPClassUID") != DICOMDIR_CLASS]
    if not others:
        return f"'{path}' holds no DICOM images; give the folder with the slices of a CT series."
    found = Counter(text(header, "Modality") or "no modality" for header in others)
    listed = ", ".join(f"{modality} ({count})" for modality, count in sorted(found.items()))
    return f"'{path}' holds no CT images, only: {listed}; give a CT series."


def _describe(uid: str, members: list[Instance]) -> str:
    header = members[0].header
    told = text(header, "SeriesDescription")[:40] or text(header, "ConvolutionKernel")[:40]
    count = sum(member.slices for member in members)
    return f"{uid} ({count} slice{'s' * (count != 1)}{f', {told!r}' if told else ''})"
