"""CT series of Slicer's DICOM database."""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from LDCTDenoiseLib.derived.series_options import DESCRIPTION_NOTICE
from LDCTDenoiseLib.errors import InputError

from .pairing import Candidate, Pair, proposePairs

_IMAGE_TYPE = "0008,0008"

#: Localizers have a handful of files; the headers of longer series are not read for that.
_FEW = 5


@dataclass(frozen=True)
class DicomSeries:
    """A CT series, in the words in which Slicer shows it."""

    pseudonym: str  #: From the number that the database has for the patient: no name and no PatientID.
    patient: str = field(repr=False)  #: Who it is, for the user's eyes alone.
    #: StudyInstanceUID and SeriesInstanceUID.
    study: str
    uid: str
    studyDescription: str = ""
    date: str = ""
    description: str = ""
    images: int = 0  #: Its files; an enhanced multi-frame image is one.
    size: str = ""  #: Columns and rows, "512x512"; empty where the database does not know them.
    #: Whether it is a scout, and whether it is an export of LDCT Denoise: neither is a target to learn.
    localizer: bool = False
    derived: bool = False

    @property
    def label(self) -> str:
        return self.description or self.uid

    @property
    def grid(self) -> tuple:
        """Equal for series that can be two reconstructions of one scan."""
        return self.study, self.images, self.size


def listSeries(database, wanted: Collection[str] | None = None) -> list[DicomSeries]:
    """Return the CT series of a `ctkDICOMDatabase`, patients in its order; their files are not looked for.

    Parameters
    ----------
    database : ctkDICOMDatabase or None
        `slicer.dicomDatabase`.
    wanted : collection of str, optional
        SeriesInstanceUIDs. Default: all.

    Raises
    ------
    InputError
        If no database is open.
    """
    if database is None or not database.isOpen:
        raise InputError("no DICOM database is open; open the module DICOM once, and import the patients there.")
    found = []
    for patient in database.patients():
        who = {"pseudonym": f"DICOM-{patient}",
               "patient": database.displayedNameForPatient(patient) or database.nameForPatient(patient)}
        for study in database.studiesForPatient(patient):
            # Each field is a query: a hospital's database has thousands of series, and few are asked for.
            uids = [uid for uid in database.seriesForStudy(study) if wanted is None or uid in wanted]
            uids = [uid for uid in uids if database.fieldForSeries("Modality", uid) == "CT"]
            if uids:
                about = {**who, "study": study, "studyDescription": database.fieldForStudy("StudyDescription", study),
                         "date": _date(database.fieldForStudy("StudyDate", study))}
                found += [_series(database, uid, about) for uid in uids]
    return found


def chosenSeries(database, wanted: Sequence[str] | None = None) -> list[tuple[DicomSeries, Path]]:
    """Return series of a `ctkDICOMDatabase`, each with the folder that holds all its files.

    Parameters
    ----------
    database : ctkDICOMDatabase or None
    wanted : sequence of str, optional
        SeriesInstanceUIDs. Default: every CT series but localizers and exports of LDCT Denoise.

    Raises
    ------
    InputError
        If no database is open, it holds no CT, a series is unknown, or its files have left the disk.
    """
    found = listSeries(database, wanted)
    if wanted is None:
        found = [one for one in found if not (one.localizer or one.derived)]
    unknown = set(wanted or ()) - {one.uid for one in found}
    if unknown or not found:
        raise InputError(f"the DICOM database holds no CT series {min(unknown, default='at all')}; import it first.")
    return [(one, _folder(one, database.filesForSeries(one.uid))) for one in found]


def pairSeries(series: Sequence[DicomSeries]) -> tuple[list[Pair], list[str]]:
    """Pair the series of each patient, see `proposePairs`; the images of the pairs are the series themselves."""
    pairs, notes = [], []
    for pseudonym in dict.fromkeys(one.pseudonym for one in series):
        mine = [Candidate(one.label, one, one.grid) for one in series if one.pseudonym == pseudonym]
        proposed, more = proposePairs(mine)
        pairs += [Pair(pseudonym, pair.full, pair.low) for pair in proposed]
        notes += more
    return pairs, notes


def _series(database, uid: str, about: dict[str, str]) -> DicomSeries:
    words = database.fieldForSeries("SeriesDescription", uid)
    # Of a database whose displayed fields are not made yet the files are counted.
    images = int(database.fieldForSeries("DisplayedCount", uid) or len(database.instancesForSeries(uid)))
    return DicomSeries(
        **about,
        uid=uid,
        description=words,
        images=images,
        size=database.fieldForSeries("DisplayedSize", uid),
        localizer=images <= _FEW and _isLocalizer(database, uid),
        derived=words.endswith(DESCRIPTION_NOTICE),
    )


def _date(text: str) -> str:
    """Return DICOM's 20240229 as 2024-02-29, and anything else as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def _isLocalizer(database, uid: str) -> bool:
    """Whether its images call themselves so; the database reads the header of a file that it has not yet."""
    instances = database.instancesForSeries(uid, 1)
    return bool(instances) and "LOCALIZER" in database.instanceValue(instances[0], _IMAGE_TYPE).split("\\")


def _folder(one: DicomSeries, files: Iterable[str]) -> Path:
    """Return the folder with all files of a series; raise `InputError` if there is none, or files are missing."""
    files = list(files)
    # A series that is known from a server alone has no file at all.
    missing = [file for file in files if not file or not os.path.isfile(file)]
    if missing or not files:
        where = f", such as '{missing[0]}'" if missing and missing[0] else ""
        raise InputError(
            f"{len(missing)} of the {len(files)} files of the series {one.uid} of {one.pseudonym} are not there "
            f"any more{where}; import it again in the module DICOM."
        )
    try:
        folder = Path(os.path.commonpath([os.path.dirname(os.path.abspath(file)) for file in files]))
    except ValueError:  # on several drives of Windows
        folder = None
    if folder is None or folder == folder.parent:
        # A search below a drive's root would read the whole drive.
        raise InputError(
            f"the files of the series {one.uid} of {one.pseudonym} have no folder in common; import it again in "
            "the module DICOM, and choose to copy the files."
        )
    return folder
