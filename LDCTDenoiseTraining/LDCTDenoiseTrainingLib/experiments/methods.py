"""An experiment: its methods, the settings of all or single ones of them, and their trainings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import NETWORK_METHODS

from ..patients import PatientSet
from ..training.config import TrainingConfig
from ..training.stopping import STOP_FILE


def in_order(methods: Sequence[str]) -> list[str]:
    """Return methods by their proper names, each once, in the order in which they can be trained.

    Raises
    ------
    InputError
        If one is unknown or there is none.
    """
    names = {TrainingConfig.of_method(method).method for method in methods}
    if not names:
        raise InputError("no method is given; choose from " + ", ".join(NETWORK_METHODS) + ".")
    return [method for method in NETWORK_METHODS if method in names]


def split_settings(settings: dict) -> tuple[dict, dict[str, dict]]:
    """Part settings named KEY, for all methods, from those named METHOD.KEY, for one.

    Raises
    ------
    InputError
        If METHOD is none.
    """
    common: dict = {}
    single: dict[str, dict] = {}
    for key, value in settings.items():
        method, dot, name = key.rpartition(".")
        if dot and method not in NETWORK_METHODS:
            raise InputError(f"'{method}' in --set {key} is not a method; choose from {', '.join(NETWORK_METHODS)}.")
        (single.setdefault(method, {}) if dot else common)[name] = value
    return common, single


@dataclass
class Experiment:
    """Trainings of several methods into one folder; called again, it goes on where it was."""

    patients: PatientSet
    output: Path  #: A file in it that is named stop ends the experiment.
    #: For all methods, see `TrainingConfig`; `method_settings` has those of single methods, by name.
    settings: dict
    method_settings: dict[str, dict] = field(default_factory=dict)
    config_file: str | None = None
    cache: Path | None = None  #: Default: cache/ in `output`.
    device: str = "auto"
    json_lines: bool = False

    def __post_init__(self):
        self.cache = self.cache or self.output / "cache"

    def config_of(self, method: str) -> str | Path | None:
        """Return the config file that a method is trained by."""
        return self.config_file

    def train(
        self, patients: PatientSet, methods: Sequence[str], folder: Path
    ) -> tuple[dict[str, Path], TrainingConfig]:
        """Train methods, or recipes, one after another, each in a folder of its name; what is done is left alone.

        Returns
        -------
        tuple of dict and TrainingConfig
            Method to model file, and the config of the last one.
        """
        # Only who trains needs torch; who asks for the methods does not.
        from ..training import Training
        from ..training.resume import make_config

        models = {}
        for method in methods:
            output = folder / method
            settings = {**self.settings, **self.method_settings.get(method, {})}
            name = method if method in NETWORK_METHODS else None  # a recipe says whose it is
            config = make_config(name, output, settings, True, self.config_of(method))
            models[method] = Training(
                patients, config, output, resume=True, cache=self.cache, device=self.device,
                json_lines=self.json_lines, stop_file=self.output / STOP_FILE,
            ).run()
        return models, config
