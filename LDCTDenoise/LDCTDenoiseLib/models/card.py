"""What a model file says of itself."""

import json
from dataclasses import asdict, dataclass, field

from ..errors import InputError, ModelFileError
from ..hounsfield import HURange
from ..methods.table import NETWORK_METHODS
from ..strict_json import as_fields, parse_json

#: Raised when a card's meaning changes, so that an older version refuses a newer file instead of misreading it.
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelCard:
    """The facts about a trained model; see docs/model-files.md for an example."""

    method: str  #: One of `methods.NETWORK_METHODS`.
    architecture: dict  #: What `methods.build_generator` takes.
    hu_range: tuple[float, float]  #: The HU that the network sees as 0 and as 1.
    #: What it was trained to remove: `fraction` (a number or a [low, high] range of the full dose) and whatever else is
    #: known of the noise, such as `noise_hu` and the `simulation` that made it.
    dose: dict
    #: Collections, each with `name`, `licence` and `citation`; may say how many `patients`.
    training_data: list[dict]
    #: Metrics on patients that were not trained on, with `window`, `data_range` and `ssim` variant beside them.
    validation: dict
    training: dict  #: Loss, steps, batch, patch size, learning rate, and other settings worth knowing.
    software: str  #: The version that trained it.
    seed: int  #: The seed of the training.
    licence: str = "Apache-2.0"  #: The licence of the weights.
    #: For what, and not for what, the model is meant.
    intended_use: str = "Research. Not a medical device; not for diagnosis."
    #: What `ldct-denoise evidence --into-card` measured with it; empty where nothing was.
    evidence: dict = field(default_factory=dict)
    format_version: int = field(default=FORMAT_VERSION)

    def __post_init__(self):
        _require_version(self.format_version)
        _typed(vars(self))
        if self.method not in NETWORK_METHODS:
            known = ", ".join(NETWORK_METHODS)
            raise ModelFileError(f"it names the unknown method {self.method!r}; known are {known}.")
        if not isinstance(self.architecture.get("name"), str):
            raise ModelFileError("its model card's 'architecture' has no name.")
        try:
            given = HURange(*(float(v) for v in self.hu_range))
        except InputError as error:
            raise ModelFileError(f"of its model card: {error}") from error
        object.__setattr__(self, "hu_range", (given.lower, given.upper))

    @property
    def range(self) -> HURange:
        """The HU range as an object that scales."""
        return HURange(*self.hu_range)

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "ModelCard":
        """Read a card; `ModelFileError` says what is missing or wrong."""
        try:
            values = parse_json(text)
        except ValueError as error:
            raise ModelFileError(f"of its model card: {error}.") from error
        if isinstance(values, dict) and "format_version" in values:
            _require_version(values["format_version"])
        # Facts that a later version adds without changing the meaning of these are no reason to refuse a file.
        return cls(**_typed(values))


def _require_version(version) -> None:
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"its format version is {version!r}, this software reads {FORMAT_VERSION}; use the LDCTDenoise version "
            "that it was made for."
        )


def _typed(values) -> dict:
    try:
        return as_fields(ModelCard, values)
    except ValueError as error:
        raise ModelFileError(f"of its model card: {error}.") from error
