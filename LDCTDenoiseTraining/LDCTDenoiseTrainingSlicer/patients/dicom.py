"""CT series of Slicer's DICOM database."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.errors import InputError

_MODALITY, _DESCRIPTION = "0008,0060", "0008,103e"


@dataclass(frozen=True)
class DicomSeries:
    """A CT series.

    Attributes
    ----------
    patient : str
        A pseudonym from the number that the database has for the patient: no name and no PatientID.
    study, uid, description : str
    folder : Path
        The folder that holds all its files.
    """

    patient: str
    study: str
    uid: str
    description: str
    folder: Path


def ctSeries(database, wanted: Sequence[str] | None = None) -> list[DicomSeries]:
    """Return the CT series of a `ctkDICOMDatabase`, patients in its order.

    Parameters
    ----------
    database : ctkDICOMDatabase or None
        `slicer.dicomDatabase`.
    wanted : sequence of str, optional
        SeriesInstanceUIDs. Default: all.

    Raises
    ------
    InputError
        If no database is open, it holds no CT, a series is unknown, or its files have left the disk.
    """
    if database is None or not database.isOpen:
        raise InputError("no DICOM database is open; open the module DICOM once, and import the patients there.")
    found = []
    for patient in database.patients():
        for study in database.studiesForPatient(patient):
            for uid in database.seriesForStudy(study):
                if wanted is not None and uid not in wanted:
                    continue
                files = list(database.filesForSeries(uid))
                if not files or database.fileValue(files[0], _MODALITY) != "CT":
                    continue
                missing = next((file for file in files if not os.path.isfile(file)), None)
                if missing:
                    raise InputError(f"the DICOM database names '{missing}', which is not there any more; "
                                     "repair the database in the module DICOM.")
                folder = Path(os.path.commonpath([os.path.dirname(file) for file in files]))
                words = database.fileValue(files[0], _DESCRIPTION)
                found.append(DicomSeries(f"DICOM-{patient}", study, uid, words or uid, folder))
    unknown = set(wanted or ()) - {one.uid for one in found}
    if unknown or not found:
        raise InputError(f"the DICOM database holds no CT series {min(unknown, default='at all')}; import it first.")
    return found
