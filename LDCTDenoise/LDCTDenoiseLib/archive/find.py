"""Find every series below a folder by reading headers only."""

import filecmp
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..derived import MANUFACTURER
from ..errors import InputError, LDCTError
from ..requirements import require
from ..volumes.dicom_headers import DAMAGED, FOREIGN, SLICE, VOLUME, Entry, Instance, look, look_below
from ..volumes.dicom_tags import numbers, text
from ..volumes.quiet import quiet_pydicom
from .pairing import is_placeholder
from .series import Series

#: What is read of a header besides that which sorts files into series. Who the patient is leaves `_digest` only.
_TAGS = (
    *("ContributingEquipmentSequence", "Columns", "PixelSpacing", "ConvolutionKernel"),
    *("PatientID", "PatientSex", "PatientBirthDate", "BodyPartExamined"),
)
_SECRET = os.urandom(16)


@dataclass(frozen=True)
class Found:
    """What lies below a folder."""

    series: list[Series]  #: By place, then by UID.
    others: int  #: Files that are neither DICOM nor volume files.


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
    kernel: str
    owner: str
    person: tuple[str, ...]
    grid: tuple


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
    others = 0
    with quiet_pydicom():
        for entry in look_below(root, _TAGS, progress):
            try:
                if entry.kind == FOREIGN:
                    others += 1
                elif entry.kind == VOLUME:
                    found.append(_volume_file(root, entry.path))
                elif entry.kind == DAMAGED:
                    damaged[entry.path.parent].append(f"'{entry.path.name}' {entry.why}")
                elif (one := _header(entry)).series:
                    headers[one.series].append(one)
                else:
                    damaged[entry.path.parent].append(f"'{entry.path.name}' lacks the DICOM tag SeriesInstanceUID")
                    if not one.kind:
                        strays.setdefault(entry.path.parent, entry.path)
            except OSError as error:
                reason = f"cannot be read: {error.strerror or error}"
                damaged[entry.path.parent].append(f"'{entry.path.name}' {reason}")
            except LDCTError as error:
                damaged[entry.path.parent].append(str(error).rstrip("."))
    found += [_series(root, uid, members, strays) for uid, members in headers.items()]
    found += [_damaged(root, folder, what) for folder, what in damaged.items()]
    return Found(sorted(found, key=lambda s: (s.place.parts, s.uid)), others)


def _header(entry: Entry) -> _Header:
    header, path = entry.header, entry.path

    def told(tag: str) -> str:
        return text(header, tag)

    return _Header(
        path, told("SeriesInstanceUID"), told("StudyInstanceUID"), told("SOPInstanceUID"), entry.why,
        Instance(path, path.name, header).slices if entry.kind == SLICE else 0, told("SeriesDescription"),
        _is_ours(header), told("ConvolutionKernel"), _owner_of(header),
        (told("PatientSex"), _digest(told("PatientBirthDate")), told("BodyPartExamined").lower()), _grid(header),
    )  # fmt: skip


def _owner_of(header) -> str:
    """Return what stands for a PatientID in memory, see `Series.owner`."""
    patient = text(header, "PatientID")
    return "" if is_placeholder(patient) else _digest(patient.lower())


def owner_at(path: Path, series_uid: str = "") -> str:
    """Return what stands for the PatientID of a DICOM series, see `Series.owner`; "" for other formats.

    Parameters
    ----------
    path : Path
        File or folder.
    series_uid : str
        Which series; empty takes the first.
    """
    with quiet_pydicom():
        entries = look_below(path, ("PatientID",)) if path.is_dir() else [look(path, ("PatientID",))]
        headers = (entry.header for entry in entries if entry.kind == SLICE)
        return next((_owner_of(h) for h in headers if series_uid in ("", text(h, "SeriesInstanceUID"))), "")


def _digest(told: str) -> str:
    return hashlib.blake2b(told.encode("utf-8", "replace"), key=_SECRET, digest_size=12).hexdigest() if told else ""


def _grid(header) -> tuple:
    """Return what an image says of its grid, its place last; empty where it does not say all."""
    try:
        found = [numbers(header, tag) for tag in ("Rows", "Columns", "PixelSpacing", "ImagePositionPatient")]
    except ValueError:
        return ()
    return tuple(tuple(round(n, 3) for n in one) for one in found) if all(found) else ()


def _is_ours(header) -> bool:
    try:
        equipment = header.get("ContributingEquipmentSequence", None) or []
    except Exception:  # noqa: BLE001 - pydicom parses on access and raises whatever a damaged sequence provokes
        return False
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
        folder=Path(os.path.commonpath(folders)),
        study=slices[0].study,
        kernel=slices[0].kernel,
        owner=slices[0].owner,
        person=slices[0].person,
        grid=_grid_of(slices),
        not_ct=not_ct,
        damage=damage,
    )


def _grid_of(slices: list[_Header]) -> tuple:
    grids = {m.grid for m in slices}
    if () in grids or len({grid[:-1] for grid in grids}) > 1:
        return ()
    places = sorted(grid[-1] for grid in grids)
    return *next(iter(grids))[:-1], len(slices), places[0], places[-1]


def _without_copies(slices: list[_Header]) -> list[_Header]:
    """Leave out files that are byte for byte copies of an earlier one with the same SOP Instance UID."""
    kept: list[_Header] = []
    by_instance: dict[str, list[_Header]] = defaultdict(list)
    for one in slices:
        alike = by_instance[one.instance]
        if not any(_same_bytes(one.path, other.path) for other in alike):
            alike.append(one)
            kept.append(one)
    return kept


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:  # it is read again later, and what is wrong is said then
        return False


def _volume_file(root: Path, path: Path) -> Series:
    return Series("", PurePath(path.relative_to(root)), (path,), folder=path.parent)


def _damaged(root: Path, folder: Path, what: list[str]) -> Series:
    more = f" and {len(what) - 1} more in this folder" if len(what) > 1 else ""
    return Series("", PurePath(folder.relative_to(root)), (), damage=f"{what[0]}{more}; get whole copies.")
