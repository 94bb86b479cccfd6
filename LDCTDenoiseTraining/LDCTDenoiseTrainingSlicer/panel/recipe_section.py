"""The section "Recipe": every setting of a training, with its reason."""

import re
from dataclasses import asdict
from pathlib import Path

import qt
from LDCTDenoiseLib.engine.device import CHOICES as DEVICES
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.methods import NETWORK_METHODS
from LDCTDenoiseSlicer.dependencies import ensurePackages
from LDCTDenoiseSlicer.filling import RED, silent
from LDCTDenoiseSlicer.task_runner import onClicked
from LDCTDenoiseTrainingLib.training.config import TrainingConfig, read_settings
from slicer.i18n import tr as _

from ..jobs.run_state import KINDS, LEAVE_ONE_OUT, TABLE, TRAINING
from ..recipe import CHOICES, CODES, LENGTH, MAIN, applies, otherKeys, recipes, settingsOf, wordsOf
from .work import Work

#: Places in the list of recipes: what stands in the fields, and the method's defaults.
_OWN, _DEFAULTS = 0, 1


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

    Attributes
    ----------
    problem : str
        What is wrong with a field; empty when all are right.
    """

    def __init__(self, ui, logic, work: Work, patients, requirements: str, onChanged):
        self.ui, self.logic, self._work, self._patients = ui, logic, work, patients
        self._requirements, self._onChanged = requirements, onChanged
        self.problem = ""
        self._fields: dict = {}
        self._labels: dict = {}
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
        for key in LENGTH:
            self._fields[key] = getattr(ui, f"{key}Edit")
            self._fields[key].toolTip = f"{wordsOf(key).reason} [{key}]"
            self._fields[key].connect("editingFinished()", self._judge)
            ui.lengthComboBox.addItem(wordsOf(key).label.lower(), key)
        ui.lengthComboBox.connect("currentIndexChanged(int)", lambda index: self._onLength())
        self._build(ui.mainSettings, MAIN, before)
        self._build(ui.otherSettings, otherKeys(), ui.otherButton)
        for kind, words in _kinds().items():
            ui.kindComboBox.addItem(words, kind)
        ui.kindComboBox.connect("currentIndexChanged(int)", lambda index: self._judge())
        ui.deviceComboBox.connect("currentIndexChanged(int)", lambda index: self._onChanged())
        for device in DEVICES:
            ui.deviceComboBox.addItem(_devices().get(device, device), device)
        ui.methodComboBox.setCurrentIndex(list(NETWORK_METHODS).index("DCSCN"))
        ui.methodComboBox.connect("currentIndexChanged(int)", lambda index: self.showMethod())
        self._recipes = [settingsOf(path) for path in recipes().values()]
        for words in (_("own settings"), _("defaults of the method"), *recipes()):
            ui.recipeComboBox.addItem(words, words)
        ui.recipeComboBox.connect("currentIndexChanged(int)", self._onRecipe)
        for name, step in (("loadConfig", self._load), ("saveConfig", self._save), ("estimate", self._estimate)):
            onClicked(work.guarded, (getattr(ui, f"{name}Button"), step))
        self._ready = True
        self.showMethod()

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
        self.showMethod()
        for name, box in self._ticks.items():
            box.checked = name in written.get("methods", ())
        for key, text in written.get("settings", {}).items():
            if key in self._fields:
                self._put(key, str(text))
        self._judge()

    def config(self) -> TrainingConfig:
        """Return the settings as they stand in the fields; raises `InputError` when one does not fit."""
        return self.logic.config(self.method, **{key: self._text(key) for key in self._fields})

    @property
    def length(self) -> str:
        """What the length is counted in, one of `LENGTH`."""
        return LENGTH[self.ui.lengthComboBox.currentIndex]

    @property
    def patch(self) -> int:
        return self.config().patch

    def show(self, config: TrainingConfig) -> None:
        """Put settings into the fields."""
        with silent(self.ui.methodComboBox):
            self.ui.methodComboBox.setCurrentIndex(list(NETWORK_METHODS).index(config.method))
        self._ready = False  # until all fields are filled
        for key, value in asdict(config).items():
            if key != "method":
                self._put(key, _shown(value))
        self._ready = True
        self._judge()

    def showMethod(self) -> None:
        """Put the recipe of the weights that ship into the fields, or the method's defaults where there is none."""
        known = [place for place, stored in enumerate(self._recipes) if stored["method"] == self.method]
        self._onRecipe(_DEFAULTS + 1 + known[0] if known else _DEFAULTS)

    def _put(self, key: str, text: str) -> None:
        """Put a setting, as the command line takes it, into its field."""
        if key in CHOICES:
            if text in CHOICES[key]:
                self._fields[key].setCurrentIndex(list(CHOICES[key]).index(text))
            return
        if key == "steps":
            self.ui.lengthComboBox.setCurrentIndex(LENGTH.index("epochs" if text in ("", "0") else "steps"))
        self._fields[key].text = "" if key in CODES and text == CODES[key][0] else text

    def _build(self, parent, keys, before) -> None:
        """Make the fields of some settings, which the tab key comes to after the widget `before`."""
        layout = qt.QFormLayout(parent)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setRowWrapPolicy(qt.QFormLayout.WrapLongRows)
        for key in keys:
            if key in CHOICES:
                field = qt.QComboBox()
                for choice, words in CHOICES[key].items():
                    field.addItem(words, choice)
                field.connect("currentIndexChanged(int)", lambda index: self._judge())
            else:
                field = qt.QLineEdit()
                field.connect("editingFinished()", self._judge)
                if key in CODES:
                    field.placeholderText = CODES[key][1]
            field.toolTip = f"{wordsOf(key).reason} [{key}]"
            self._fields[key], self._labels[key] = field, qt.QLabel()
            layout.addRow(self._labels[key], field)
            qt.QWidget.setTabOrder(before, field)
            before = field

    def _text(self, key: str) -> str:
        """Return a setting as the command line takes it."""
        field = self._fields[key]
        if key in CHOICES:
            return list(CHOICES[key])[field.currentIndex]
        if key == "steps" and (self.length == "epochs" or field.text.strip() in ("", "0")):
            return "0"
        return field.text.strip() or CODES.get(key, ("",))[0]

    def _onRecipe(self, index: int) -> None:
        if index > _DEFAULTS:
            settings = dict(self._recipes[index - _DEFAULTS - 1])
            self.show(self.logic.config(settings.pop("method"), **settings))
        elif index == _DEFAULTS:
            self.show(self.logic.config(self.method))

    def _onLength(self) -> None:
        """The length is counted otherwise: it stays what it was, as far as that can be said."""
        if self._ready and not self.problem:
            config = self.config().changed({"steps": "0"})
            if self.length == "steps":
                self._fields["steps"].text = str(config.total_steps)
            else:
                self._fields["epochs"].text = f"{int(self._fields['steps'].text) / config.epoch_steps:.4g}"
        self._judge()

    def _problems(self) -> dict[str, str]:
        """Return what is wrong, by the setting's key."""

        def reason(settings: dict) -> dict[str, str]:
            try:
                self.logic.config(self.method, **settings)
            except LDCTError as error:
                key, said = re.search(r"'(\w+)'(.*)", str(error)).groups()
                return {key: said.strip(" .")}
            return {}

        texts = {key: self._text(key) for key in self._fields}
        if self.length == "steps" and texts["steps"] == "0":
            return {"steps": _("must be positive")}
        alone = [reason({key: text}) for key, text in texts.items()]
        found = {key: said for problem in alone for key, said in problem.items() if key in texts}
        return found or reason(texts)

    def _judge(self) -> None:
        """Say what the settings come to, mark those that are wrong, and show those that matter."""
        if not self._ready:
            return
        ui, problems = self.ui, self._problems()
        ui.furtherMethods.visible = ui.furtherMethodsLabel.visible = self.kind == LEAVE_ONE_OUT
        for method, box in self._ticks.items():
            box.enabled = method != self.method
        for key in LENGTH:
            self._fields[key].visible = key == self.length
        _mark(ui.lengthLabel, _("Length"), not problems.keys().isdisjoint(LENGTH))
        for key, label in self._labels.items():
            _mark(label, wordsOf(key).label, key in problems)
            label.visible = self._fields[key].visible = applies(key, self.method)
        if any(key not in (*MAIN, *LENGTH) for key in problems):
            ui.otherButton.collapsed = False
        self.problem = "; ".join(f"{wordsOf(key).label} {said}" for key, said in problems.items())
        self._onChanged()
        with silent(ui.recipeComboBox):
            ui.recipeComboBox.setCurrentIndex(_OWN if self.problem else self._place(self.config()))
        if self.problem:
            ui.recipeLabel.text = f"{self.problem}."
            return
        config = self.config()
        ui.recipeLabel.text = _("{steps} steps of {batch} pairs, {pairs} pairs in all.").format(
            steps=f"{config.total_steps:,}", batch=config.batch, pairs=f"{config.total_steps * config.batch:,}")
        if config.critic_alone:
            ui.recipeLabel.text += " " + _("In the first {steps} steps the critic learns alone.").format(
                steps=f"{config.critic_alone:,}")

    def _place(self, config: TrainingConfig) -> int:
        """Return the place in the list of the recipe that the settings are."""
        for place, stored in enumerate(self._recipes, start=_DEFAULTS + 1):
            settings = {key: value for key, value in stored.items() if key != "method"}
            if stored["method"] == config.method and config == self.logic.config(config.method, **settings):
                return place
        return _DEFAULTS if config == self.logic.config(config.method) else _OWN

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


def _devices() -> dict[str, str]:
    return {"auto": _("automatic"), "cpu": "CPU", "cuda": "GPU (CUDA)", "mps": "GPU (Apple)"}


def _mark(label, words: str, wrong: bool) -> None:
    label.text = f'<b style="color:{RED}">{words}: ✗</b>' if wrong else f"{words}:"


def _shown(value) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(_shown(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
