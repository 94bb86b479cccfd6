"""The section "Patients": the table, and the selected row's choices below it."""

import html

import qt
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.dependencies import ensurePackages
from LDCTDenoiseSlicer.filling import RED, fill, silent, tickItem
from LDCTDenoiseSlicer.scan_line import ScanLine
from LDCTDenoiseSlicer.scanning import readTask
from LDCTDenoiseSlicer.task_runner import onClicked
from LDCTDenoiseTrainingLib.patients import ROLES, SimulationRanges
from slicer.i18n import tr as _

from ..monitoring.slices import SliceVolumes
from ..patients import SceneImage
from ..patients.scene_volumes import ctVolumes
from .dicompicker import DicomPicker
from .views_beside import ViewsBeside
from .work import Work

_TICK, _PATIENT = 0, 1
_RANGES = ("dose", "photons", "kernel")


class PatientsSection:
    """Shows a table of patients and changes it.

    Parameters
    ----------
    ui : object
    logic : LDCTDenoiseTrainingLogic
    work : Work
    views : ViewsBeside
        Where a preview is shown.
    patch : callable
        Returns the recipe's patch, for the check.
    requirements : str
        Path of the file with the packages that a training needs.
    onChanged : callable
        Called when the table may have changed.
    """

    def __init__(self, ui, logic, work: Work, views: ViewsBeside, patch, requirements: str, onChanged):
        self.ui, self.logic, self._work, self._patch, self._onChanged = ui, logic, work, patch, onChanged
        self._views, self._requirements, self._slices = views, requirements, SliceVolumes()
        self.table = logic.newPatients()
        self._lows: list = []
        self._gone = 0
        self.picker: DicomPicker | None = None
        self._scan = ScanLine(ui.scanLabel)
        for name, step in (
            ("addScene", lambda: self._added(self.table.addVolumes())),
            ("addFolder", self._addFolder), ("addFile", self._addFile),
            ("addDicom", self._pickDicom), ("addSample", self._addSample),
            ("remove", self._remove), ("save", self._save), ("check", self._check), ("preview", self._preview),
            ("split", self._split),
        ):
            onClicked(work.guarded, (getattr(ui, f"{name}Button"), step))
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
        fill(self.ui.patientTable,
             [[tickItem(row.used), row.patient, _roles()[row.role], _state(row)] for row in self.table.rows],
             editable=(_PATIENT,), red=[number for number, row in enumerate(self.table.rows) if row.troubles],
             wide=_PATIENT, tips=[_scans(row) for row in self.table.rows])
        lines = [f'<span style="color:{RED}">{_escaped(row.patient)}: {_escaped(trouble)}</span>'
                 for row in self.table.rows for trouble in row.troubles]
        taking = [row for row in self.table.rows if row.takesPart]
        if taking and not lines and all(row.shape for row in taking):
            lines = [_("No problems found.")]
        lines += [_escaped(note) for note in self.logic.notes(self.table)]
        self.ui.patientsLabel.text = "<br>".join(lines)
        self.ui.patientsLabel.visible = bool(lines)
        self._showDetails()
        self._onChanged()

    def leave(self) -> None:
        """Put the preview away."""
        self._views.hide(self)
        self._slices.clear()

    def close(self) -> None:
        """Let go of the dialog, if one is open, of the preview, and of what is measured."""
        self._scan.close()
        self.leave()
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

        if self.picker is not None:
            self.picker.close()
        self.picker = DicomPicker(series, self.table.series, add)
        self.picker.open()

    def _addSample(self) -> None:
        ensurePackages(self._requirements)
        self._work.begin(self.logic.addSample.task(self.table),
                         _("Scanning three phantoms at full and at a quarter of the dose"), self._added)

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
            if problems:
                self._work.say(_("{count} problems, in red at the table.").format(count=len(problems)))

        self._work.begin(self.logic.check.task(self.table, self._patch()), _("Checking"), checked)

    def _preview(self) -> None:
        row = self.row
        if row is None:
            raise InputError(_("select a row of the table first."))

        def simulated(preview) -> None:
            full, low = _("full dose"), _("{percent:.0f} % of the dose").format(percent=100 * preview.dose)
            if preview.noise:
                full, low = (_("{what}, noise {sd:.0f} HU").format(what=what, sd=sd)
                             for what, sd in zip((full, low), preview.noise, strict=True))
            self._views.show(self, self._slices.show({full: preview.full, low: preview.low}))
            self._work.say(_("{patient}, slice {slice}: {full}; {low}.").format(
                patient=row.patient, slice=preview.slice, full=full, low=low))

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
            return
        ui.fullLabel.text, ui.fullLabel.toolTip = row.full.label, row.full.place
        volumes = [SceneImage(node) for node in ctVolumes()]
        # What stands in other rows of the patient may have been paired wrongly.
        others = [image for other in self.table.samePatient(row) for _, image in other.images]
        fitting = (image for image in (row.low, *others, *volumes) if image not in (None, row.full))
        self._lows = [None, *dict.fromkeys(fitting)]
        with silent(ui.roleComboBox), silent(ui.lowComboBox):
            ui.roleComboBox.setCurrentIndex(ROLES.index(row.role))
            ui.lowComboBox.clear()
            for image in self._lows:
                ui.lowComboBox.addItem(_("simulated") if image is None else image.label)
            ui.lowComboBox.setCurrentIndex(self._lows.index(row.low))
        for name in _RANGES:
            edit = getattr(ui, f"{name}Edit")
            edit.text = ", ".join(f"{value:g}" for value in getattr(row.simulation, name) or ())
            edit.enabled = row.simulated
        ui.previewButton.enabled = row.simulated


def _state(row) -> str:
    """Say in a word how a row stands."""
    if row.gone:
        return _("deleted")
    if row.problems:
        return _("{count} problems").format(count=len(row.problems)) if len(row.problems) > 1 else _("1 problem")
    return _("not checked") if row.shape is None else _("{count} slices").format(count=row.shape[0])


def _scans(row) -> str:
    """Say which scans a row has."""
    low = _("low dose simulated") if row.simulated else row.low.label
    return _("{patient}: {full}; {low}").format(patient=row.patient, full=row.full.label, low=low)


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _roles() -> dict[str, str]:
    return {"train": _("train"), "validation": _("validation"), "test": _("test"), "out": _("left out")}
