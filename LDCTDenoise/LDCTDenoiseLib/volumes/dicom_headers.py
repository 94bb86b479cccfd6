"""The one reader of DICOM headers: what lies below a folder, each file once, for volumes, archives and training."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import InputError
from .dicom_file import Unreadable, is_dicom, read_dataset
from .dicom_tags import HEADER_TAGS, SORTING_TAGS, optional, text, words
from .suffixes import READABLE, known_suffix

_CT_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
)
_DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_STANDARD = "1.2.840.10008."

# A file with one of these that is no DICOM file is a damaged one.
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")

# What the makers of scanners write into ImageType of a projection, or of a page for people to read.
_NO_SLICE = re.compile(
    r"LOCALI[SZ]ER|SCOUT|SURVIEW|TOPOGRAM|SCANO(GRAM|SCOPE)|SOM\d (TOP|PROT)"
    r"|SCREEN[ _]?(SAVE|SHOT)|DOSE[ _]?(INFO|REPORT)"
)

#: Kinds of an `Entry`.
SLICE, OTHER, VOLUME, DAMAGED, FOREIGN = "slice", "other", "volume", "damaged", "foreign"

# On a network share the time goes into waiting for each file to open.
_THREADS = 8
_AT_A_TIME = 512


@dataclass(frozen=True)
class Instance:
    """One DICOM file: where it is, what to call it in messages, and the tags of its header that were asked for."""

    path: Path
    name: str
    header: object

    @property
    def slices(self) -> int:
        """How many slices the file holds."""
        return int(next(iter(optional([self.header], "NumberOfFrames", self.name)), 1))


@dataclass(frozen=True)
class Entry:
    """What one file, or a folder that cannot be read, turned out to be."""

    path: Path
    #: `SLICE` of CT, `OTHER` DICOM object, `VOLUME` file by its suffix, `DAMAGED`, or `FOREIGN`.
    kind: str
    #: Of an other object what it is ("modality MR", "localizer"), of a damaged one what is wrong, to follow its name.
    why: str = ""
    header: object = None  #: The tags asked for; None where none could be read.


def look_below(
    root: Path, tags: tuple[str, ...] = HEADER_TAGS, progress: Callable[[int], None] | None = None
) -> Iterator[Entry]:
    """Look at every file below a folder, in the order of their paths within each folder.

    Hidden files and folders, and links to folders, are passed over. What cannot be read is a damaged entry, and the
    rest goes on.

    Parameters
    ----------
    root : Path
    tags : tuple of str, optional
        What to read of each header; `SORTING_TAGS` are read in any case.
    progress : callable, optional
        Called now and then with the number of files looked at.

    Raises
    ------
    InputError
        If `root` itself cannot be read.
    """
    found, looked_at = _walk(root), 0
    with ThreadPoolExecutor(_THREADS) as pool:
        while some := list(islice(found, _AT_A_TIME)):
            yield from pool.map(lambda one: one if isinstance(one, Entry) else look(one, tags), some)
            looked_at += len(some)
            if progress:
                progress(looked_at)


def _walk(root: Path) -> Iterator[Path | Entry]:
    """Yield the files below a folder, and as damaged entries what the system will not show."""
    folders = [root]
    while folders:  # not by recursion: folders can be nested deeper than calls
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                visible = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            if folder == root:
                raise InputError(f"cannot read '{root}': {error.strerror or error}.") from error
            yield Entry(folder, DAMAGED, f"is a folder that cannot be read: {error.strerror or error}")
            continue
        deeper = []
        for entry in visible:
            path = Path(entry.path)
            try:
                if entry.is_dir(follow_symlinks=False):
                    deeper.append(path)
                elif entry.is_file():
                    yield path
                elif entry.is_symlink() and not path.exists():
                    yield Entry(path, DAMAGED, "is a link that leads nowhere")
            except OSError as error:
                yield Entry(path, DAMAGED, f"cannot be read: {error.strerror or error}")
        folders += reversed(deeper)


def look(path: Path, tags: tuple[str, ...] = HEADER_TAGS) -> Entry:
    """Say what one file is; nothing but a bug makes it raise."""
    if known_suffix(path, READABLE):
        return Entry(path, VOLUME)
    named = path.suffix.lower() in _DICOM_SUFFIXES
    try:
        if not is_dicom(path):
            return Entry(path, DAMAGED, "is not a DICOM file") if named else Entry(path, FOREIGN)
        header = read_dataset(path, stop_before_pixels=True, specific_tags=list({*SORTING_TAGS, *tags}))
        kind, why = _kind(header)
        if kind == DAMAGED and not named and not text(header, "SeriesInstanceUID") and not _is_marked(path):
            return Entry(path, FOREIGN)  # it began like a data set by chance
    except OSError as error:
        return Entry(path, DAMAGED, f"cannot be read: {error.strerror or error}")
    except Unreadable as error:
        return Entry(path, DAMAGED, str(error))
    except Exception:  # noqa: BLE001 - a damaged header makes pydicom raise whatever its parser stumbles over
        return Entry(path, DAMAGED, "has a damaged header")
    return Entry(path, kind, why, header)


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _kind(header) -> tuple[str, str]:
    """Tell a slice of CT by its class, its modality, its ImageType and its place; return the kind and why."""
    sop_class, modality = text(header, "SOPClassUID"), text(header, "Modality")
    if sop_class == _DICOMDIR_CLASS:
        return FOREIGN, ""
    if sop_class not in _CT_CLASSES:
        of_another = modality not in ("", "CT") and re.fullmatch(r"[A-Z0-9_ ]{1,16}", modality)
        if of_another:
            return OTHER, f"modality {modality}"
        if told := _other_class(sop_class):
            return OTHER, told
        if not (modality == "CT" and is_placed(header)):
            if sop_class and not sop_class.startswith(_STANDARD):
                return OTHER, "an object of a private kind"
            return DAMAGED, "has lost the part of its header that says what it is"
    if any(_NO_SLICE.search(word.upper()) for word in words(header, "ImageType")):
        return OTHER, "localizer"
    return SLICE, ""


def is_placed(header) -> bool:
    """Whether this is an image with a place in space."""
    return all(tag in header for tag in ("Rows", "ImagePositionPatient", "ImageOrientationPatient"))


def _other_class(sop_class: str) -> str:
    """Return the name of a class of the standard that is not CT, or "" for one that is unknown."""
    from pydicom.uid import UID

    name = UID(sop_class).name
    return name.removesuffix(" Storage") if name and name != sop_class else ""
