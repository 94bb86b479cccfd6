"""Read and write model files; refuse what is damaged, truncated, foreign or unsafe."""

import hashlib
import json
import math
import stat
import struct
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelFileError
from ..files import write_atomic
from ..methods.network import NetworkDenoiser
from ..requirements import require
from ..strict_json import fits, parse_json
from .card import ModelCard

#: The key of the card in the safetensors metadata.
_KEY = "ldct_denoise"

#: The largest model file that is read; the paper's networks have 0.1 to 0.3 MB.
_LARGEST_FILE = 2**30

#: The types of weights that are read, and the bytes of one.
_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8}

#: The largest header that the safetensors format allows, in bytes.
_LARGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class Model:
    """A loaded model: its card, its generator with the weights in place, and the SHA-256 of the file."""

    card: ModelCard
    generator: object
    sha256: str
    path: Path

    def denoiser(self) -> NetworkDenoiser:
        """Return the model as a denoiser for the engine."""
        trained = self.card.dose.get("trained")
        return NetworkDenoiser(self.generator, self.card.range, self.card.method, self.sha256, trained)


def _refuse(path: Path, reason: str) -> ModelFileError:
    # Names and types in a hostile header may be megabytes long.
    return ModelFileError(f"the model file '{path.name}' cannot be used: {textwrap.shorten(reason, 300)}")


def _read_header(path: Path) -> dict:
    """Return the header of a safetensors file: 8 bytes of length, then JSON.

    Read here and not by the safetensors package, so that a model can be listed where that is not installed yet.
    """
    try:
        facts = path.stat()
        size = facts.st_size
        if not stat.S_ISREG(facts.st_mode):  # a pipe would keep the reader waiting for ever
            raise ModelFileError(f"the model file '{path}' cannot be read: it is no regular file.")
        with path.open("rb") as file:
            start, brace = file.read(8), file.read(1)
            # A pickle begins with the byte 0x80, and so does the length of one header in 32; but only after that
            # length comes a brace.
            if start[:2] == b"PK" or (start[:1] == b"\x80" and brace != b"{"):
                raise _refuse(path, "it is a pickled PyTorch file, which can run code when opened; "
                                    "ask for it as safetensors.")
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else None
            if length is None or size > _LARGEST_FILE:
                raise _refuse(path, f"it has {size} bytes, which no model of this software has.")
            if brace != b"{" or not 2 <= length <= _LARGEST_HEADER:
                raise _refuse(path, "it is not a safetensors file.")
            if length > size - 8:
                raise _refuse(path, "it is truncated; copy or download it again.")
            file.seek(8)
            header = parse_json(file.read(length))
    except OSError as error:
        raise ModelFileError(f"the model file '{path}' cannot be read: {error.strerror or error}.") from error
    except ModelFileError:
        raise
    except ValueError as error:
        raise _refuse(path, f"it is not a safetensors file, or its header is damaged: {error}.") from error
    if not isinstance(header, dict):
        raise _refuse(path, "it is not a safetensors file, or its header is damaged.")
    return header


def _read_shapes(path: Path, header: dict) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors that a header declares, all of them floating-point numbers in the file."""
    shapes, size = {}, path.stat().st_size
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        shape, dtype = (facts.get(key) for key in ("shape", "dtype")) if isinstance(facts, dict) else (None, None)
        if not fits(shape, list[int]) or any(n < 0 for n in shape) or not isinstance(dtype, str):
            raise _refuse(path, f"its tensor {name!r} has no shape or type; the header is damaged.")
        if dtype not in _BYTES:
            raise _refuse(path, f"its tensor {name!r} is of the type {dtype!r}; weights are {', '.join(_BYTES)}.")
        if math.prod(shape) * _BYTES[dtype] > size:
            raise _refuse(path, f"its tensor {name!r} is larger than the file; copy or download it again.")
        shapes[name] = tuple(shape)
    return shapes


def read_card(path: str | Path) -> ModelCard:
    """Read the card of a model file without loading its weights; needs neither torch nor safetensors.

    Raises
    ------
    ModelFileError
        With the reason why the file cannot be used.
    """
    path = Path(path)
    return _card_of(path, _read_header(path))


def _card_of(path: Path, header: dict) -> ModelCard:
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise _refuse(path, "it is a safetensors file of other software: it has no LDCTDenoise model card.")
    try:
        return ModelCard.from_json(text)
    except ModelFileError as error:
        raise _refuse(path, str(error)) from error


def load_model(path: str | Path) -> Model:
    """Load a model file.

    Raises
    ------
    ModelFileError
        If the file is damaged, truncated, foreign, pickled, or its weights do not fit its architecture or are not
        finite; the message names the file and the reason.
    """
    path = Path(path)
    header = _read_header(path)
    card = _card_of(path, header)
    shapes = _read_shapes(path, header)
    torch = require("torch")
    safetensors = require("safetensors")
    from safetensors.torch import load

    from ..methods import build_generator

    try:
        # A network without memory behind it: a card may declare one of 38 GB over a file of 1 MB.
        with torch.device("meta"):
            generator = build_generator(card.architecture)
    except ModelFileError as error:
        raise _refuse(path, str(error)) from error
    if {name: tuple(weight.shape) for name, weight in generator.state_dict().items()} != shapes:
        raise _refuse(path, f"its weights do not fit its architecture '{card.architecture['name']}'.")
    try:
        # Read once: the weights that are used are those that were hashed.
        content = path.read_bytes()
        weights = {name: weight.to(torch.float32, copy=True) for name, weight in load(content).items()}
        generator.load_state_dict(weights, assign=True)
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise _refuse(path, f"its tensors are damaged or truncated ({error}); copy or download it again.") from error
    except OSError as error:
        raise ModelFileError(f"the model file '{path}' cannot be read: {error.strerror or error}.") from error
    if not all(torch.isfinite(w).all() for w in weights.values()):
        raise _refuse(path, "its weights hold NaN or infinity.")
    return Model(card, generator.eval(), hashlib.sha256(content).hexdigest(), path)


def set_card(path: str | Path, card: ModelCard) -> None:
    """Give a model file another card; its weights stay as they are, to the byte.

    Raises
    ------
    ModelFileError
        If it is no model file.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    header = _read_header(path)
    _card_of(path, header)
    content = path.read_bytes()
    weights = content[8 + struct.unpack("<Q", content[:8])[0] :]
    header["__metadata__"][_KEY] = card.to_json()
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with write_atomic(path) as part:
        part.write_bytes(struct.pack("<Q", len(text)) + text + weights)


def save_model(path: str | Path, generator, card: ModelCard) -> Path:
    """Write a generator and its card as one safetensors file, whole or not at all.

    Raises
    ------
    ModelFileError
        If the weights do not fit the card's architecture or are not finite.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    torch = require("torch")
    require("safetensors")
    from safetensors.torch import save

    from ..methods import build_generator

    weights = {k: v.detach().to("cpu", torch.float32).contiguous() for k, v in generator.state_dict().items()}
    try:
        build_generator(card.architecture).load_state_dict(weights)
    except RuntimeError as error:
        raise ModelFileError("the weights do not fit the architecture that the card names.") from error
    if not all(torch.isfinite(w).all() for w in weights.values()):
        raise ModelFileError("the weights hold NaN or infinity; nothing was written.")
    with write_atomic(path) as part:
        part.write_bytes(save(weights, metadata={_KEY: card.to_json()}))
    return path
