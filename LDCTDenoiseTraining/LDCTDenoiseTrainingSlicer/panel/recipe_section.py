"""The section "Recipe": every setting of a training, with its reason."""

from dataclasses import asdict
from pathlib import Path

import qt
from LDCTDenoiseLib.engine.device import CHOICES as DEVICES
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.methods import NETWORK_METHODS
from LDCTDenoiseSlicer.dependencies import ensurePackages
from LDCTDenoiseTrainingLib.training.config import TrainingConfig, read_settings
from slicer.i18n import tr as _

from ..jobs.run_state import KINDS, LEAVE_ONE_OUT, TABLE, TRAINING
from ..recipe import CHOICES, MAIN, otherKeys, wordsOf
from .work import Work


class RecipeSection:
    """Shows a `TrainingConfig` and reads it back; what is in no field is in no training.

    Parameters
    ----------
    ui : object
    logic : LDCTDenoiseTrainingLogic
    work : Work
    patients : callable
        Returns the table of patients, for the estimate.
    requirements : str
        Path of the file with the packages that a training needs.
    onChanged : callable
        Called when something was changed.
    """

    def __init__(self, ui, logic, work: Work, patients, requirements: str, onChanged):
        self.ui, self.logic, self._work, self._patients = ui, logic, work, patients
        self._requirements, self._onChanged = requirements, onChanged
        self._fields: dict = {}
        self._ready = False
        self._ticks: dict = {}
        before = ui.kindComboBox
        for number, method in enumerate(NETWORK_METHODS):
            ui.methodComboBox.addItem(method, method)
            box = self._ticks[method] = qt.QCheckBox(method)
            box.toolTip = _("Train {method}, too, for each patient that is left out; an adversarial method brings its "
                            "L1 twin").format(method=method)
            box.connect("toggled(bool)", lambda ticked: self._onChanged())
            ui.furtherMethods.layout().addWidget(box, number // 2, number % 2)
            qt.QWidget.setTabOrder(before, box)
            before = box
        self._build(ui.mainSettings, MAIN, before)
        self._build(ui.otherSettings, otherKeys(), ui.otherButton)
        for kind, words in _kinds().items():
            ui.kindComboBox.addItem(words, kind)
        ui.kindComboBox.connect("currentIndexChanged(int)", lambda index: self._judge())
        ui.deviceComboBox.connect("currentIndexChanged(int)", lambda index: self._onChanged())
        for device in DEVICES:
            ui.deviceComboBox.addItem(device, device)
        ui.methodComboBox.setCurrentIndex(list(NETWORK_METHODS).index("DCSCN"))
        ui.methodComboBox.connect("currentIndexChanged(int)", lambda index: self.showDefaults())
        for name, step in (("loadConfig", self._load), ("saveConfig", self._save), ("defaults", self.showDefaults),
                           ("estimate", self._estimate)):
            button = getattr(ui, f"{name}Button")
            button.connect("clicked(bool)", lambda checked=False, step=step: work.guarded(step))
        self._ready = True
        self.showDefaults()

    @property
    def method(self) -> str:
        return NETWORK_METHODS[self.ui.methodComboBox.currentIndex]

    @property
    def device(self) -> str:
        return DEVICES[self.ui.deviceComboBox.currentIndex]

    @property
    def kind(self) -> str:
        """What Start does, one of `KINDS`."""
        return KINDS[self.ui.kindComboBox.currentIndex]

    @property
    def methods(self) -> list[str]:
        """The further methods of a leave-one-out."""
        ticked = [method for method, box in self._ticks.items() if box.checked and method != self.method]
        return ticked if self.kind == LEAVE_ONE_OUT else []

    def written(self) -> dict:
        """Return what stands in the fields, right or wrong."""
        return {
            "method": self.method, "device": self.device, "kind": self.kind,
            "methods": [method for method, box in self._ticks.items() if box.checked],
            "settings": {key: self._text(key) for key in self._fields},
        }

    def restore(self, written: dict) -> None:
        """Put into the fields what was `written`, and defaults where that says nothing."""
        ui, method = self.ui, written.get("method")
        for box, names, value in ((ui.methodComboBox, NETWORK_METHODS, method if method else "DCSCN"),
                                  (ui.deviceComboBox, DEVICES, written.get("device")),
                                  (ui.kindComboBox, KINDS, written.get("kind"))):
            box.setCurrentIndex(names.index(value) if value in names else 0)
        self.showDefaults()
        for name, box in self._ticks.items():
            box.checked = name in written.get("methods", ())
        for key, text in written.get("settings", {}).items():
            if key in CHOICES and text in CHOICES[key]:
                self._fields[key].setCurrentIndex(CHOICES[key].index(text))
            elif key in self._fields and key not in CHOICES:
                self._fields[key].text = str(text)
        self._judge()

    def config(self) -> TrainingConfig:
        """Return the settings as they stand in the fields; raises `InputError` when one does not fit."""
        return self.logic.config(self.method, **{key: self._text(key) for key in self._fields})

    @property
    def patch(self) -> int:
        return self.config().patch

    def show(self, config: TrainingConfig) -> None:
        """Put settings into the fields."""
        blocked = self.ui.methodComboBox.blockSignals(True)
        self.ui.methodComboBox.setCurrentIndex(list(NETWORK_METHODS).index(config.method))
        self.ui.methodComboBox.blockSignals(blocked)
        self._ready = False  # until all fields are filled
        for key, value in asdict(config).items():
            if key in CHOICES:
                self._fields[key].setCurrentIndex(CHOICES[key].index(value))
            elif key != "method":
                self._fields[key].text = _shown(value)
        self._ready = True
        self._judge()

    def showDefaults(self) -> None:
        """Put the method's defaults into the fields."""
        self.show(self.logic.config(self.method))

    def _build(self, parent, keys, before) -> None:
        """Make the fields of some settings, which the tab key comes to after the widget `before`."""
        layout = qt.QFormLayout(parent)
        layout.setContentsMargins(0, 0, 0, 0)
        for key in keys:
            if key in CHOICES:
                field = qt.QComboBox()
                for choice in CHOICES[key]:
                    field.addItem(choice, choice)
                field.connect("currentIndexChanged(int)", lambda index: self._judge())
            else:
                field = qt.QLineEdit()
                field.connect("editingFinished()", self._judge)
            label, reason = wordsOf(key)
            field.toolTip = f"{reason} [{key}]"
            layout.addRow(f"{label}:", field)
            self._fields[key] = field
            qt.QWidget.setTabOrder(before, field)
            before = field

    def _text(self, key: str) -> str:
        field = self._fields[key]
        return CHOICES[key][field.currentIndex] if key in CHOICES else field.text.strip()

    def _judge(self) -> None:
        """Say what the settings come to, or what is wrong with them."""
        if not self._ready:
            return
        self.ui.furtherMethods.visible = self.ui.furtherMethodsLabel.visible = self.kind == LEAVE_ONE_OUT
        for method, box in self._ticks.items():
            box.enabled = method != self.method
        self._onChanged()
        try:
            config = self.config()
        except LDCTError as error:
            self.ui.recipeLabel.text = str(error)[:1].upper() + str(error)[1:]
            return
        self.ui.recipeLabel.text = _("{steps} steps of {batch} pairs, {pairs} pairs in all.").format(
            steps=f"{config.total_steps:,}", batch=config.batch, pairs=f"{config.total_steps * config.batch:,}")

    def _load(self) -> None:
        path = qt.QFileDialog.getOpenFileName(None, _("Config file"), "", _("Config files (*.json)"))
        if path:
            stored = read_settings(path)
            self.show(self.logic.config(str(stored.get("method") or self.method), path))

    def _save(self) -> None:
        config = self.config()
        path = qt.QFileDialog.getSaveFileName(None, _("Save config file"), "config.json", _("Config files (*.json)"))
        if path:
            config.write(Path(path))
            self._work.say(_("Saved as {path}.").format(path=path))

    def _estimate(self) -> None:
        def measured(estimate) -> None:
            self._judge()
            self.ui.recipeLabel.text = f"{self.ui.recipeLabel.text} {estimate.text}"

        config = self.config()
        ensurePackages(self._requirements)
        task = self.logic.estimate.task(config, self.device, self._patients())
        self._work.begin(task, _("Measuring a few steps"), measured)


def _kinds() -> dict[str, str]:
    return {TRAINING: _("one training"), LEAVE_ONE_OUT: _("leave one patient out, each in turn"),
            TABLE: _("the paper's table: all four methods")}


def _shown(value) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(_shown(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
