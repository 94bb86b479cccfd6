"""The section "Patients": the table, and the selected row's choices below it."""

import tempfile
from pathlib import Path

import qt
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.scan_line import ScanLine
from LDCTDenoiseSlicer.scanning import readTask
from LDCTDenoiseTrainingLib.patients import ROLES, SimulationRanges
from slicer.i18n import tr as _

from ..monitoring.pictures import writeStrip
from ..patients import SceneImage
from ..patients.scene_volumes import ctVolumes
from .cells import fill, tickItem
from .dicompicker import DicomPicker
from .work import Work

_TICK, _PATIENT = 0, 1
_RANGES = ("dose", "photons", "kernel")

#: Pixels that a picture in the panel may be wide.
PICTURE_WIDTH = 420


class PatientsSection:
    """Shows a table of patients and changes it.

    Parameters
    ----------
    ui : object
    logic : LDCTDenoiseTrainingLogic
    work : Work
    patch : callable
        Returns the recipe's patch, for the check.
    onChanged : callable
        Called when the table may have changed.
    """

    def __init__(self, ui, logic, work: Work, patch, onChanged):
        self.ui, self.logic, self._work, self._patch, self._onChanged = ui, logic, work, patch, onChanged
        self.table = logic.newPatients()
        self._lows: list = []
        self._gone = 0
        self.picker: DicomPicker | None = None
        self._scan = ScanLine(ui.scanLabel)
        for name, step in (
            ("addScene", lambda: self._added(self.table.addVolumes())),
            ("addFolder", self._addFolder), ("addFile", self._addFile),
            ("addDicom", self._pickDicom),
            ("remove", self._remove), ("save", self._save), ("check", self._check), ("preview", self._preview),
            ("split", self._split),
        ):
            button = getattr(ui, f"{name}Button")
            button.connect("clicked(bool)", lambda checked=False, step=step: work.guarded(step))
        ui.patientTable.connect("cellChanged(int,int)", self._onCell)
        ui.patientTable.connect("itemSelectionChanged()", self._showDetails)
        for role in ROLES:
            ui.roleComboBox.addItem(_roles()[role], role)
        ui.roleComboBox.connect("currentIndexChanged(int)", self._onRole)
        ui.lowComboBox.connect("currentIndexChanged(int)", self._onLow)
        for name in _RANGES:
            getattr(ui, f"{name}Edit").connect("editingFinished()", lambda name=name: work.guarded(self._onRanges))
        self.refresh()

    @property
    def row(self):
        """The selected row, or None."""
        number = self.ui.patientTable.currentRow()
        return self.table.rows[number] if 0 <= number < len(self.table.rows) else None

    def show(self, table) -> None:
        """Show another table."""
        self.table = table
        self.refresh()

    def refresh(self) -> None:
        """Show the table as it is."""
        rows = []
        for row in self.table.rows:
            low = _("simulated") if row.simulated else row.low.label
            slices = "" if row.shape is None else str(row.shape[0])
            rows.append([tickItem(row.used), row.patient, _roles()[row.role], row.full.label, low, slices,
                         " ".join(row.troubles)])
        fill(self.ui.patientTable, rows, editable=(_PATIENT,), red=(6,))
        notes = self.logic.notes(self.table)
        self.ui.patientsLabel.text = " ".join(notes)
        self.ui.patientsLabel.visible = bool(notes)
        self._showDetails()
        self._onChanged()

    def close(self) -> None:
        """Let go of the dialog, if one is open, and of what is measured."""
        self._scan.close()
        if self.picker is not None:
            self.picker.close()

    def onNodeRemoved(self) -> None:
        """A node has left the scene: if it was a volume of the table, its row says so."""
        images = [image for row in self.table.rows for _role, image in row.images]
        gone = sum(isinstance(image, SceneImage) and not image.there for image in images)
        if gone != self._gone:
            self._gone = gone
            self.refresh()

    def _added(self, notes: list[str]) -> None:
        self.refresh()
        self._work.say(" ".join(notes))

    def _addFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of CT images"))
        if folder:
            self._added(self.table.addFolder(folder))

    def _addFile(self) -> None:
        path = qt.QFileDialog.getOpenFileName(None, _("Patient set"), "", _("Patient sets (*.json *.csv)"))
        if path:
            self._added(self.table.addFile(path))

    def _pickDicom(self) -> None:
        database = getattr(slicer, "dicomDatabase", None)
        series = self.logic.dicomSeries(database)
        if not series:
            raise InputError(_("the DICOM database holds no CT series; import the patients in the module DICOM first."))

        def add(chosen: list[str]) -> None:
            self._work.guarded(lambda: self._added(self.table.addDicom(database, chosen)))

        self.close()
        self.picker = DicomPicker(series, self.table.series, add)
        self.picker.open()

    def _save(self) -> None:
        path = qt.QFileDialog.getSaveFileName(None, _("Save patient set"), "patients.json",
                                              _("Patient sets (*.json *.csv)"))
        if path:
            self.logic.savePatients(self.table, path)
            self._work.say(_("Saved as {path}.").format(path=path))

    def _remove(self) -> None:
        if self.row is None:
            raise InputError(_("select a row of the table first."))
        self.table.remove([self.row])
        self.refresh()

    def _split(self) -> None:
        self.table.splitSevenToThree()
        self.refresh()

    def _check(self) -> None:
        if not any(row.takesPart for row in self.table.rows):
            raise InputError(_("no patient is ticked; add patients, or tick some."))

        def checked(problems: list[str]) -> None:
            self.refresh()
            self._work.say(_("{count} problems, in red above.").format(count=len(problems)) if problems
                           else _("No problems found."))

        self._work.begin(self.logic.check.task(self.table, self._patch()), _("Checking"), checked)

    def _preview(self) -> None:
        row = self.row
        if row is None:
            raise InputError(_("select a row of the table first."))

        def simulated(preview) -> None:
            showPicture(self.ui.previewLabel, [preview.full, preview.low])
            words = _("{patient}, slice {slice}: full dose, and {dose} of it.").format(
                patient=row.patient, slice=preview.slice, dose=f"{preview.dose:.2f}")
            if preview.noise:
                full, low = (f"{sd:.0f}" for sd in preview.noise)
                words += " " + _("Noise {full} and {low} HU.").format(full=full, low=low)
            self._work.say(words)

        self._work.begin(self.logic.preview.task(row), _("Simulating one slice"), simulated)

    def _onCell(self, number: int, column: int) -> None:
        row, item = self.table.rows[number], self.ui.patientTable.item(number, column)
        if column == _TICK:
            row.used = item.checkState() == qt.Qt.Checked
        elif column == _PATIENT:
            self._work.guarded(lambda: self.table.rename(row, item.text()))
        self.refresh()

    def _onRole(self, index: int) -> None:
        if self.row is not None and index >= 0:
            self.table.setRole(self.row, ROLES[index])
            self.refresh()

    def _onLow(self, index: int) -> None:
        if self.row is not None and 0 <= index < len(self._lows):
            self._work.guarded(lambda: self.table.setLow(self.row, self._lows[index]))
            self.refresh()

    def _onRanges(self) -> None:
        if self.row is not None and self.row.simulated:
            ranges = {name: getattr(self.ui, f"{name}Edit").text.strip() for name in _RANGES}
            # Nothing leaves it to the scan; one number is a range of its own.
            parts = {name: text.split(",") if text else None for name, text in ranges.items()}
            self.row.simulation = SimulationRanges(**{k: v * 2 if v and len(v) == 1 else v for k, v in parts.items()})
            self._onChanged()

    def _showScan(self) -> None:
        """Say what the selected row's full-dose scan is."""
        row = self.row
        if row is None:
            self._scan.show(None)
        elif isinstance(row.full, SceneImage):
            self._scan.show(row.full.node)
        else:
            self._scan.showOf((str(row.full.path), row.full.series), lambda: readTask(row.full.reader("volume")))

    def _showDetails(self) -> None:
        self._showScan()
        row, ui = self.row, self.ui
        ui.details.visible = row is not None
        if row is None:
            ui.previewLabel.visible = False
            return
        blocked = [widget.blockSignals(True) for widget in (ui.roleComboBox, ui.lowComboBox)]
        ui.roleComboBox.setCurrentIndex(ROLES.index(row.role))
        volumes = [SceneImage(node) for node in ctVolumes()]
        # What stands in other rows of the patient may have been paired wrongly.
        others = [image for other in self.table.samePatient(row) for _, image in other.images]
        fitting = (image for image in (row.low, *others, *volumes) if image not in (None, row.full))
        self._lows = [None, *dict.fromkeys(fitting)]
        ui.lowComboBox.clear()
        for image in self._lows:
            ui.lowComboBox.addItem(_("simulated") if image is None else image.label)
        ui.lowComboBox.setCurrentIndex(self._lows.index(row.low))
        for widget, was in zip((ui.roleComboBox, ui.lowComboBox), blocked, strict=True):
            widget.blockSignals(was)
        for name in _RANGES:
            edit = getattr(ui, f"{name}Edit")
            edit.text = ", ".join(f"{value:g}" for value in getattr(row.simulation, name) or ())
            edit.enabled = row.simulated
        ui.previewButton.enabled = row.simulated


def showPicture(label, images) -> None:
    """Show slices side by side in a label."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "strip.png"
        writeStrip(path, images, PICTURE_WIDTH)
        label.setPixmap(qt.QPixmap(str(path)))
    label.visible = True


def _roles() -> dict[str, str]:
    return {"train": _("train"), "validation": _("validation"), "test": _("test"), "out": _("left out")}
