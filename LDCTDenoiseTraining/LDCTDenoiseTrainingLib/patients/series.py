"""The images below a folder: files by their suffix, DICOM series by their UID."""

import os
from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.volumes.quiet import quiet_pydicom
from LDCTDenoiseLib.volumes.suffixes import READABLE, known_suffix

_CT = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
_TAGS = ["SOPClassUID", "SeriesInstanceUID", "SeriesDescription", "ImageType", "PatientID"]


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
    """Return the image files and the DICOM CT series below a folder, sorted by path; hidden files are left out."""
    images = []
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(s for s in subfolders if not s.startswith("."))
        place = Path(place)
        visible = [place / name for name in sorted(names) if not name.startswith(".")]
        images += [Image(file) for file in visible if known_suffix(file, READABLE)]
        found: dict[str, Image] = {}
        with quiet_pydicom():
            for file in visible:
                if not known_suffix(file, READABLE) and (image := _header(file)):
                    found.setdefault(image.series, image)
        several = len(found) > 1
        for uid, image in sorted(found.items()):
            images.append(Image(place, uid if several else "", image.description, image.owner))
    return images


def owner_of(path: Path) -> str:
    """Return the PatientID of a DICOM file or folder, "" for other formats. For comparison in memory only."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    with quiet_pydicom():
        for file in files:
            if not known_suffix(file, READABLE) and (image := _header(file)):
                return image.owner
    return ""


def _header(file: Path) -> Image | None:
    """Read what sorts a DICOM file, or return None when it is no CT slice."""
    import pydicom

    try:
        with file.open("rb") as opened:
            if opened.read(132)[128:] != b"DICM":
                return None
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
        if str(header.get("SOPClassUID", "")) not in _CT or "LOCALIZER" in header.get("ImageType", ()):
            return None
        uid, words, owner = (str(header.get(tag, "") or "") for tag in (_TAGS[1], _TAGS[2], _TAGS[4]))
        return Image(file, uid, words, owner)
    except Exception:  # noqa: BLE001 - damaged files make pydicom raise anything; the check names them later
        return None
