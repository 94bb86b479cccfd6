"""The images below a folder: files by their suffix, DICOM series by their UID."""

import warnings
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from LDCTDenoiseLib.errors import LDCTWarning
from LDCTDenoiseLib.volumes.dicom_headers import DAMAGED, SLICE, VOLUME, Entry, look, look_below
from LDCTDenoiseLib.volumes.dicom_tags import text
from LDCTDenoiseLib.volumes.quiet import quiet_pydicom


@dataclass(frozen=True)
class Image:
    """One image below a folder.

    Attributes
    ----------
    path : Path
        File, or folder of a DICOM series.
    series : str
        SeriesInstanceUID when the folder holds several series, else empty.
    description : str
        The series' description, which may name the dose.
    owner : str
        The DICOM PatientID, to tell patients apart in memory. Never written anywhere.
    """

    path: Path
    series: str = ""
    description: str = ""
    owner: str = ""


def find_images(folder: Path) -> list[Image]:
    """Return the image files and the DICOM CT series below a folder, sorted by path; hidden files are left out.

    Warns
    -----
    LDCTWarning
        If a DICOM file was left out because it is damaged.
    """
    images: list[Image] = []
    series: dict[Path, dict[str, Image]] = defaultdict(dict)
    damaged = []
    with quiet_pydicom():
        for entry in look_below(folder, ("PatientID",)):
            if entry.kind == VOLUME:
                images.append(Image(entry.path))
            elif entry.kind == SLICE:
                image = _image(entry)
                series[entry.path.parent].setdefault(image.series, image)
            elif entry.kind == DAMAGED:
                damaged.append(f"'{entry.path}' {entry.why}")
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        warnings.warn(f"left out: {damaged[0]}{more}.", LDCTWarning, stacklevel=2)
    for place, found in series.items():
        images += [replace(i, path=place, series=uid if len(found) > 1 else "") for uid, i in sorted(found.items())]
    return sorted(images, key=lambda image: (image.path.parts, image.series))


def owner_of(path: Path) -> str:
    """Return the PatientID of a DICOM file or folder, "" for other formats. For comparison in memory only."""
    with quiet_pydicom():
        entries = look_below(path, ("PatientID",)) if path.is_dir() else [look(path, ("PatientID",))]
        return next((_image(entry).owner for entry in entries if entry.kind == SLICE), "")


def _image(entry: Entry) -> Image:
    uid, told, owner = (text(entry.header, tag) for tag in ("SeriesInstanceUID", "SeriesDescription", "PatientID"))
    return Image(entry.path, uid, told, owner)
