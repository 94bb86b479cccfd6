"""Stand-ins for ctkDICOMDatabase and ctkDICOMIndexer on real files, as the real ones answered in a Slicer desktop.

Lists are tuples, what is unknown is an empty text or tuple, numbers are texts, and a closed database knows nothing. Any
name that this project does not use raises.
"""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pydicom
import slicer.util
from LDCTDenoiseLib.volumes import read_volume

_FIELDS = {
    "Modality": "Modality", "SeriesDescription": "SeriesDescription", "StudyDescription": "StudyDescription",
    "StudyDate": "StudyDate",
}  # fmt: skip


class Database:
    """What is used of ctkDICOMDatabase.

    Parameters
    ----------
    folder : Path
        Where the files go that are imported with copying.

    Attributes
    ----------
    takes : bool
        Whether an import comes to anything; a full disk takes nothing.
    headers : dict of str to pydicom.Dataset
        The images by SOPInstanceUID, in the order in which they came.
    files : dict of str to str
        Where they lie.
    """

    __slots__ = ("_folder", "_patients", "files", "headers", "isOpen", "takes")

    def __init__(self, folder: Path):
        self._folder, self.isOpen, self.takes = folder, True, True
        self._patients, self.headers, self.files = [], {}, {}

    def patients(self) -> tuple[str, ...]:
        return tuple(str(n + 1) for n in range(len(self._patients))) if self.isOpen else ()

    def studiesForPatient(self, patient: str) -> tuple[str, ...]:
        assert isinstance(patient, str)
        return self._distinct("StudyInstanceUID", lambda h: self._patient(h) == patient)

    def seriesForStudy(self, study: str) -> tuple[str, ...]:
        return self._distinct("SeriesInstanceUID", lambda h: h.StudyInstanceUID == study)

    def instancesForSeries(self, series: str, hits: int = -1) -> tuple[str, ...]:
        found = self._distinct("SOPInstanceUID", lambda h: h.SeriesInstanceUID == series)
        return found[:hits] if hits > 0 else found

    def filesForSeries(self, series: str) -> tuple[str, ...]:
        return tuple(self.files[uid] for uid in self.instancesForSeries(series))

    def fileForInstance(self, instance: str) -> str:
        return self.files.get(instance, "") if self.isOpen else ""

    def instanceValue(self, instance: str, tag: str) -> str:
        group, element = (int(part, 16) for part in tag.split(","))
        value = self.headers[instance].get((group, element)) if self.isOpen else None
        if value is None:
            return ""
        return value.value if isinstance(value.value, str) else "\\".join(map(str, value.value))

    def fieldForStudy(self, field: str, study: str) -> str:
        return self._first("StudyInstanceUID", study, _FIELDS[field])

    def fieldForSeries(self, field: str, series: str) -> str:
        if field == "DisplayedCount":
            return str(len(self.instancesForSeries(series)))
        if field == "DisplayedSize":
            return "x".join(self._first("SeriesInstanceUID", series, tag) for tag in ("Columns", "Rows"))
        return self._first("SeriesInstanceUID", series, _FIELDS[field])

    def nameForPatient(self, patient: str) -> str:
        return self._patients[int(patient) - 1][1] if self.isOpen else ""

    def displayedNameForPatient(self, patient: str) -> str:
        return ", ".join(part for part in self.nameForPatient(patient).split("^") if part)

    def take(self, path: Path, copy: bool) -> None:
        """Import one file, as the indexer does."""
        header = pydicom.dcmread(path, stop_before_pixels=True)
        uid = str(header.SOPInstanceUID)
        if uid in self.files and Path(self.files[uid]).is_file():
            return  # what is there already stays
        if copy:
            name = [
                hashlib.md5(u.encode()).hexdigest()
                for u in (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)
            ]
            place = self._folder / "dicom" / name[0][:8] / name[1][:8] / f"{name[2]}.dcm"
            place.parent.mkdir(parents=True, exist_ok=True)
            path = shutil.copyfile(path, place)
        person = (str(header.PatientID), str(header.get("PatientName", "")))
        if person not in self._patients:
            self._patients.append(person)
        self.headers[uid], self.files[uid] = header, str(path)

    def _patient(self, header) -> str:
        return str(self._patients.index((str(header.PatientID), str(header.get("PatientName", "")))) + 1)

    def _distinct(self, tag: str, fits) -> tuple[str, ...]:
        headers = self.headers.values() if self.isOpen else ()
        return tuple(dict.fromkeys(str(header[tag].value) for header in headers if fits(header)))

    def _first(self, tag: str, uid: str, wanted: str) -> str:
        headers = self.headers.values() if self.isOpen else ()
        return next((str(h.get(wanted, "")) for h in headers if h[tag].value == uid), "")


class Indexer:
    """What is used of ctkDICOMIndexer."""

    __slots__ = ("_waiting",)

    def __init__(self):
        self._waiting = []

    def addDirectory(self, database: Database, folder: str, copy: bool) -> None:
        assert isinstance(folder, str) and isinstance(copy, bool)
        self._waiting.append((database, Path(folder), copy))

    def waitForImportFinished(self) -> None:
        while self._waiting:
            database, folder, copy = self._waiting.pop(0)
            for path in sorted(folder.rglob("*")) if database.takes else ():
                if path.is_file():
                    database.take(path, copy)


def imported(database: Database, folder: Path, copy: bool = True) -> Database:
    """Import a folder as the user does in the module DICOM."""
    indexer = Indexer()
    indexer.addDirectory(database, str(folder), copy)
    indexer.waitForImportFinished()
    return database


def loadSeries(scene, database, source, backwards: bool = False):
    """Import a series and load it as Slicer does: HU in a node that names its instances, in the order of its slices.

    Slicer turns a left-handed series round, `backwards`.
    """
    imported(database, source, copy=False)
    volume = read_volume(source)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    turn = slice(None, None, -1 if backwards else 1)
    slicer.util.updateVolumeFromArray(node, np.array(volume.array[turn]))
    uids = [str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in volume.facts["files"][turn]]
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return node
