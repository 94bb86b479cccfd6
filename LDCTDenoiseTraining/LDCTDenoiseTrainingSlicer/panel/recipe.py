"""The section "Recipe": every setting of a training, with its reason."""

from dataclasses import asdict
from pathlib import Path

import qt
from LDCTDenoiseLib.engine.device import CHOICES as DEVICES
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.methods import NETWORK_METHODS
from LDCTDenoiseSlicer.dependencies import ensurePackages
from LDCTDenoiseTrainingLib.loop.config import TrainingConfig, read_settings
from slicer.i18n import tr as _

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
    """

    def __init__(self, ui, logic, work: Work, patients, requirements: str):
        self.ui, self.logic, self._work, self._patients = ui, logic, work, patients
        self._requirements = requirements
        self._fields: dict = {}
        self._build(ui.mainSettings, MAIN)
        self._build(ui.otherSettings, otherKeys())
        for method in NETWORK_METHODS:
            ui.methodComboBox.addItem(method, method)
        for device in DEVICES:
            ui.deviceComboBox.addItem(device, device)
        ui.methodComboBox.setCurrentIndex(list(NETWORK_METHODS).index("DCSCN"))
        ui.methodComboBox.connect("currentIndexChanged(int)", lambda index: self.showDefaults())
        for name, step in (("loadConfig", self._load), ("saveConfig", self._save), ("defaults", self.showDefaults),
                           ("estimate", self._estimate)):
            button = getattr(ui, f"{name}Button")
            button.connect("clicked(bool)", lambda checked=False, step=step: work.guarded(step))
        self.showDefaults()

    @property
    def method(self) -> str:
        return NETWORK_METHODS[self.ui.methodComboBox.currentIndex]

    @property
    def device(self) -> str:
        return DEVICES[self.ui.deviceComboBox.currentIndex]

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
        for key, value in asdict(config).items():
            if key in CHOICES:
                self._fields[key].setCurrentIndex(CHOICES[key].index(value))
            elif key != "method":
                self._fields[key].text = _shown(value)
        self._judge()

    def showDefaults(self) -> None:
        """Put the method's defaults into the fields."""
        self.show(self.logic.config(self.method))

    def _build(self, parent, keys) -> None:
        layout = qt.QFormLayout(parent)
        layout.setContentsMargins(0, 0, 0, 0)
        for key in keys:
            if key in CHOICES:
                field = qt.QComboBox()
                for choice in CHOICES[key]:
                    field.addItem(choice, choice)
            else:
                field = qt.QLineEdit()
                field.connect("editingFinished()", self._judge)
            label, reason = wordsOf(key)
            field.toolTip = f"{reason} [{key}]"
            layout.addRow(f"{label}:", field)
            self._fields[key] = field

    def _text(self, key: str) -> str:
        field = self._fields[key]
        return CHOICES[key][field.currentIndex] if key in CHOICES else field.text.strip()

    def _judge(self) -> None:
        """Say what the settings come to, or what is wrong with them."""
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
        task = self.logic.startEstimate(config, self.device, self._patients())
        self._work.begin(task, _("Measuring a few steps"), measured)


def _shown(value) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(_shown(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
