"""The networks and their optimisers, and checkpoints of them."""

import copy
import hashlib
import io
import os
from pathlib import Path

import torch
from LDCTDenoiseLib.errors import InputError, LDCTError, OutputError, disk_errors
from LDCTDenoiseLib.files import put_in_place
from LDCTDenoiseLib.methods import build_generator
from LDCTDenoiseLib.models import load_model
from LDCTDenoiseLib.strict_json import fits
from torch import nn

from ..losses import Critic
from ..optimisers import make_optimiser
from .config import RANDOM, TrainingConfig

_VERSION = 1

#: Begins the comment at the end of a checkpoint's zip, the SHA-256 of the file without it: torch does not look at the
#: checksums that a zip has. Files of earlier versions have no comment.
_MARK = b"LDCTDenoise SHA-256 "
_COMMENT = len(_MARK) + 64
_END = 22

#: What a checkpoint holds besides what only networks and optimisers can check.
_TYPES = {"version": int, "step": int, "seconds": float, "best": dict, "networks": dict, "optimisers": dict}


class State:
    """All that changes in a training: generator, critic, their optimisers, and how far they are.

    There is no state of a random number generator among it: what is drawn for a step follows from the step's number.
    """

    def __init__(self, config: TrainingConfig, device: str):
        torch.manual_seed(config.seed)
        self.config = config
        generator = build_generator(config.architecture)
        self.began_as = ""  #: The method of the model that the first weights are from, or none.
        if config.start_from not in ("", RANDOM):
            model = load_model(config.start_from)
            generator.load_state_dict(_start_weights(config, generator, model))
            self.began_as = model.card.method
        self.generator = generator.to(device, memory_format=torch.channels_last)
        self.critic = None
        parts = {"generator": self.generator}
        if config.adversarial:
            self.critic = Critic(config.patch).to(device, memory_format=torch.channels_last)
            parts["critic"] = self.critic
        self.optimisers = {
            name: make_optimiser(config.optimiser, network.parameters(), config.learning_rate, config.betas)
            for name, network in parts.items()
        }
        self.average = copy.deepcopy(self.generator) if config.generator_average else None
        self.step = 0
        self.seconds = 0.0
        self.best: dict = {}
        self.unvalidated = False

    @property
    def result(self) -> nn.Module:
        """The generator that is validated and saved."""
        return self.average or self.generator

    def parameters(self) -> list[nn.Parameter]:
        """Return the weights of all networks."""
        return [parameter for network in self._parts().values() for parameter in network.parameters()]

    def update_average(self) -> None:
        """Let the averaged generator follow."""
        if self.average is not None:
            with torch.no_grad():
                for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                    mean.lerp_(now, 1 - self.config.generator_average)

    def require_finite(self) -> None:
        """Raise `LDCTError` when a weight is NaN or infinite."""
        _require_finite({name: network.state_dict() for name, network in self._parts().items()}, self.step)

    def _parts(self) -> dict:
        networks = {"generator": self.generator, "critic": self.critic, "average": self.average}
        return {k: v for k, v in networks.items() if v is not None}

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all: a kill at any moment leaves the one before.

        Raises
        ------
        LDCTError
            If the weights are not finite; the old checkpoint stays.
        OutputError
            If it cannot be written.
        """
        self.write(self._content(), path)

    def copy(self, old: dict | None = None) -> dict:
        """Return what `save` would write now, as a copy in main memory, for `write`; an old copy's memory is reused."""
        return _copied(self._content(), old)

    def _content(self) -> dict:
        return {
            "version": _VERSION, "step": self.step, "seconds": self.seconds, "best": self.best,
            "unvalidated": self.unvalidated,
            "networks": {name: network.state_dict() for name, network in self._parts().items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }

    @staticmethod
    def write(content: dict, path: Path) -> None:
        """Write a checkpoint of a `copy`, see `save`."""
        _require_finite(content["networks"], content["step"])
        buffer = io.BytesIO()
        torch.save(content, buffer)
        comment = _MARK + hashlib.sha256(buffer.getbuffer()).hexdigest().encode()
        part = path.with_name(path.name + ".part")  # one name: what a kill leaves is overwritten by the next
        try:
            with part.open("wb") as file:
                file.write(buffer.getbuffer()[:-2])
                file.write(len(comment).to_bytes(2, "little") + comment)
                file.flush()
                os.fsync(file.fileno())
            put_in_place(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OutputError(
                f"cannot write the checkpoint '{path}': {error.strerror or error}. The one before it is whole: "
                "free some space and go on with --resume."
            ) from error

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        InputError
            If it cannot be read or is of another training.
        """
        content = _read(path)
        if content["version"] != _VERSION:
            raise InputError(f"the checkpoint '{path}' is of another version of this software.")
        try:
            for name, network in self._parts().items():
                network.load_state_dict(content["networks"][name])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(content["optimisers"][name])
        except Exception as error:  # whatever networks and optimisers stumble over
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"the checkpoint '{path}' cannot be used: {reason}.") from error
        self.step, self.seconds, self.best = content["step"], content["seconds"], content["best"]
        self.unvalidated = bool(content.get("unvalidated", False))


def _read(path: Path) -> dict:
    """Return what a checkpoint holds; raise `InputError` when it is none, or not as it was written."""
    with disk_errors(InputError, f"the checkpoint '{path}' cannot be read"):
        whole = path.read_bytes() if path.is_file() else b""
    damaged = InputError(
        f"the checkpoint '{path}' is damaged or no checkpoint; remove it to begin anew, or put back a copy of it."
    )
    if whole[-_COMMENT:].startswith(_MARK):
        whole, comment = whole[: -_COMMENT - 2] + b"\0\0", whole[-_COMMENT:]
        if comment != _MARK + hashlib.sha256(whole).hexdigest().encode():
            raise damaged
    elif not whole[-_END:].startswith(b"PK\5\6"):  # the end of a zip without a comment
        raise damaged
    try:
        content = torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises anything
        raise damaged from error
    if not isinstance(content, dict) or not all(fits(content.get(name), kind) for name, kind in _TYPES.items()):
        raise damaged
    if content["step"] < 0:
        raise damaged
    return content


def _require_finite(networks: dict, step: int) -> None:
    if not all(torch.isfinite(weight).all() for weights in networks.values() for weight in weights.values()):
        raise LDCTError(
            f"the training diverged before step {step}: a weight is NaN or infinite. The last checkpoint is good; "
            "resume with a smaller learning_rate into another folder, or look at the data."
        )


def _copied(value, old):
    if isinstance(value, torch.Tensor):
        if isinstance(old, torch.Tensor) and old.shape == value.shape and old.dtype == value.dtype:
            return old.copy_(value.detach())
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(member, old.get(key) if isinstance(old, dict) else None) for key, member in value.items()}
    return [_copied(member, None) for member in value] if isinstance(value, list) else value


def _start_weights(config: TrainingConfig, generator: nn.Module, model) -> dict:
    if tuple(model.card.hu_range) != tuple(config.hu_range):
        raise InputError(
            f"'{config.start_from}' was trained for the HU range {model.card.range}, this training has "
            f"{config.hu_range}."
        )
    weights, begun, network = model.generator.state_dict(), model.generator.network, generator.network
    if begun.channels < network.channels:
        # It goes on as it is: what the other one does not read, neighbours or the level, counts nothing yet.
        places = [network.image - begun.image + n for n in range(begun.channels - begun.noise_level)]
        places += [network.channels - 1] * begun.noise_level
        for name, own in generator.state_dict().items():
            if name in weights and own.ndim == 4 and weights[name].shape[1] == begun.channels < own.shape[1]:
                weights[name] = torch.zeros_like(own).index_copy_(1, torch.tensor(places), weights[name])
    shapes = [{k: v.shape for k, v in w.items()} for w in (weights, generator.state_dict())]
    if shapes[0] != shapes[1]:
        raise InputError(f"'{config.start_from}' is a {model.card.method}, which has another generator.")
    return weights
