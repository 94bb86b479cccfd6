"""What an archive holds: one DICOM series, or one volume file."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

_UID = re.compile(r"[0-9][0-9.]{0,63}")


@dataclass(frozen=True)
class Series:
    """One thing of an archive that is read as one volume."""

    uid: str  #: The SeriesInstanceUID; empty for a volume file.
    #: Relative to the archive: the folder that holds all its files, or the volume file itself.
    place: PurePath
    files: tuple[Path, ...]  #: Its slices, sorted by path.
    slices: int = 0  #: How many; 0 when only reading would tell.
    description: str = ""  #: The SeriesDescription.
    folder: Path = Path()  #: Where `place` lies on this machine; of a volume file the folder around it.
    #: StudyInstanceUID and ConvolutionKernel.
    study: str = ""
    kernel: str = ""
    #: Equal for series of one PatientID, within this process; empty where that is missing or a placeholder. It is a
    #: keyed digest, so that no PatientID gets into a message or a file.
    owner: str = ""
    #: Sex, digest of the birth date, and examined part of the body; empty where unknown.
    person: tuple[str, ...] = ()
    grid: tuple = ()  #: Equal for series whose slices lie at the same places; empty where unknown.
    not_ct: str = ""  #: Why there is nothing to denoise, such as "modality MR"; empty for CT.
    #: Why it cannot be read, as far as its headers tell; empty when nothing stands against it.
    damage: str = ""

    @property
    def is_dicom(self) -> bool:
        return bool(self.uid)

    @property
    def key(self) -> str:
        """A name of its own among all series, fit for a file on any system."""
        if _UID.fullmatch(self.uid):
            return self.uid
        told = (self.uid or self.place.as_posix()).encode("utf-8", "surrogateescape")
        return f"{'series' if self.uid else 'file'}-{hashlib.sha256(told).hexdigest()[:40]}"

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self.place.name or "series"
