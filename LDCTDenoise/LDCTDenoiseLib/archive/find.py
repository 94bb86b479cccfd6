"""Find every series below a folder by reading headers only."""

import filecmp
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

from ..derived import MANUFACTURER
from ..errors import InputError, LDCTError
from ..requirements import require
from ..volumes.dicom_file import is_dicom
from ..volumes.dicom_scan import DICOM_SUFFIXES, DICOMDIR_CLASS, Instance, is_ct_slice, is_localizer, read_header
from ..volumes.dicom_tags import text
from ..volumes.quiet import quiet_pydicom
from ..volumes.suffixes import READABLE, known_suffix
from .series import Series, fingerprint_of

#: All that is read of a header to sort files into series. Nothing here says who the patient is.
_TAGS = (
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "Modality", "SeriesDescription"),
    *("ContributingEquipmentSequence", "StudyInstanceUID", "SeriesInstanceUID", "NumberOfFrames", "Rows"),
    *("ImagePositionPatient", "ImageOrientationPatient"),
)

#: On a network share the time goes into waiting for each file to open.
_THREADS = 8
_AT_A_TIME = 512


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes
    ----------
    series : list of Series
        By place, then by UID.
    others : int
        Files that are neither DICOM nor volume files.
    """

    series: list[Series]
    others: int


@dataclass(frozen=True)
class _Header:
    """What sorts one DICOM file."""

    path: Path
    series: str  # "" when the header has lost it
    study: str
    instance: str
    kind: str  # "" for a slice of CT, else what it is
    slices: int
    description: str
    ours: bool


def find_archive(root: str | Path, progress: Callable[[int], None] | None = None) -> Found:
    """Find the DICOM series, wherever their files lie, and the volume files below a folder.

    Hidden files and folders, and links to folders, are passed over. Files of one series that are copies of each other
    byte for byte count once.

    Parameters
    ----------
    root : path
        The archive.
    progress : callable, optional
        Called now and then with the number of files looked at.

    Raises
    ------
    InputError
        If there is no such folder or it cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"there is no folder '{root}'; check the path.")
    require("pydicom", "read DICOM files")
    found: list[Series] = []
    headers: dict[str, list[_Header]] = defaultdict(list)
    damaged: dict[Path, list[str]] = defaultdict(list)
    strays: dict[Path, Path] = {}
    looked_at = others = 0
    files = _walk(root, root, found)
    with quiet_pydicom(), ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(files, _AT_A_TIME)):
            for path, what in zip(some, pool.map(_look, some), strict=True):
                if isinstance(what, _Header) and what.series:
                    headers[what.series].append(what)
                elif isinstance(what, _Header):
                    damaged[path.parent].append(f"'{path.name}' lacks the DICOM tag SeriesInstanceUID")
                    if not what.kind:
                        strays.setdefault(path.parent, path)
                elif what == "volume":
                    found.append(_volume_file(root, path))
                elif what:
                    damaged[path.parent].append(f"'{path.name}' {what}")
                else:
                    others += 1
            looked_at += len(some)
            if progress:
                progress(looked_at)
    found += [_series(root, uid, members, strays) for uid, members in headers.items()]
    found += [_damaged(root, folder, what) for folder, what in damaged.items()]
    return Found(sorted(found, key=lambda s: (s.place.parts, s.uid)), others)


def _walk(root: Path, folder: Path, unreadable: list[Series]) -> Iterator[Path]:
    """Yield the files below a folder; a folder that may not be read becomes a damaged series."""
    try:
        with os.scandir(folder) as entries:
            visible = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        if folder == root:
            raise InputError(f"cannot read '{root}': {error.strerror or error}.") from error
        place = folder.relative_to(root)
        unreadable.append(Series("", place, (), damage=f"the folder cannot be read: {error.strerror or error}."))
        return
    for entry in visible:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, Path(entry.path), unreadable)
        elif entry.is_file():
            yield Path(entry.path)


def _look(path: Path) -> _Header | str:
    """Return the header of a DICOM file, "volume", "" for anything else, or in words what is wrong with it."""
    if known_suffix(path, READABLE):
        return "volume"
    named = path.suffix.lower() in DICOM_SUFFIXES
    try:
        if not is_dicom(path):
            return "is not a DICOM file" if named else ""
        header = read_header(path, _TAGS)
        if header is None:
            return "has a damaged header"
        sop_class, series = text(header, "SOPClassUID"), text(header, "SeriesInstanceUID")
        if sop_class == DICOMDIR_CLASS or not (named or sop_class or series):
            return ""
        instance = Instance(path, path.name, header)
        kind = "" if is_ct_slice(instance) else _kind(header)
        if not kind and is_localizer(instance):
            kind = "localizer"
        return _Header(
            path, series, text(header, "StudyInstanceUID"), text(header, "SOPInstanceUID"), kind,
            0 if kind else instance.slices, text(header, "SeriesDescription"), _is_ours(header),
        )  # fmt: skip
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except LDCTError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - one damaged file must not end the search; pydicom raises anything
        return f"has a damaged header ({type(error).__name__})"


def _kind(header) -> str:
    """Say what an object that is no CT slice is."""
    from pydicom.uid import UID

    modality = text(header, "Modality")
    if modality and modality != "CT":
        return f"modality {modality}"
    name = UID(text(header, "SOPClassUID")).name
    return name.removesuffix(" Storage") if name and not name[0].isdigit() else "not a CT image"


def _is_ours(header) -> bool:
    equipment = header.get("ContributingEquipmentSequence", None) or []
    return any(text(item, "Manufacturer") == MANUFACTURER for item in equipment)


def _series(root: Path, uid: str, members: list[_Header], strays: dict[Path, Path]) -> Series:
    """Make a series of the files that name it; what is no slice in it is left out.

    `strays` are slices that name no series, by folder: a series beside one may lack it.
    """
    slices = sorted((m for m in members if not m.kind), key=lambda m: m.path)
    not_ct = ""
    if not slices:
        kinds = sorted({m.kind for m in members})
        not_ct, slices = ", ".join(kinds), sorted(members, key=lambda m: m.path)
    elif any(m.ours for m in slices):
        not_ct = "made by LDCTDenoise"
    else:
        slices = _without_copies(slices)
    folders = {m.path.parent for m in slices}
    studies = {m.study for m in slices}
    damage = ""
    if not not_ct and (stray := next((strays[folder] for folder in sorted(folders) if folder in strays), None)):
        damage = f"'{stray.name}' beside it is a CT slice that names no series and may belong to it; get a whole copy."
    elif len(studies) > 1 and not not_ct:
        damage = f"its files name {len(studies)} different studies, so it is not known what belongs together."
    return Series(
        uid=uid,
        place=PurePath(os.path.commonpath(folders)).relative_to(root),
        files=tuple(m.path for m in slices),
        slices=sum(m.slices for m in slices) or len(slices),
        description=next((m.description for m in slices if m.description), ""),
        fingerprint=fingerprint_of(m.instance for m in slices),
        not_ct=not_ct,
        damage=damage,
    )


def _without_copies(slices: list[_Header]) -> list[_Header]:
    """Leave out files that are byte for byte copies of an earlier one with the same SOP Instance UID."""
    kept: list[_Header] = []
    by_instance: dict[str, list[_Header]] = defaultdict(list)
    for one in slices:
        alike = by_instance[one.instance]
        if not any(filecmp.cmp(one.path, other.path, shallow=False) for other in alike):
            alike.append(one)
            kept.append(one)
    return kept


def _volume_file(root: Path, path: Path) -> Series:
    facts = path.stat()
    place = PurePath(path.relative_to(root))
    return Series("", place, (path,), fingerprint=fingerprint_of([str(facts.st_size), str(facts.st_mtime_ns)]))


def _damaged(root: Path, folder: Path, what: list[str]) -> Series:
    more = f" and {len(what) - 1} more in this folder" if len(what) > 1 else ""
    return Series("", PurePath(folder.relative_to(root)), (), damage=f"{what[0]}{more}; get whole copies.")
