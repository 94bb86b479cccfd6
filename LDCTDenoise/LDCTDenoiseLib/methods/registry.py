"""From a method's name, or a model file, to a denoiser that is ready to run."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import MethodError, ModelFileError
from .denoiser import Denoiser
from .table import METHOD, METHODS, REFERENCE_METHODS

_OTHER_NAMES = {other: row.name for row in METHOD.values() for other in row.other_names}

#: What tables call full and low dose, and no denoiser.
_DOSES = ("FDCT", "LDCT")


def method_name(name: str) -> str:
    """Return the canonical spelling of a method's name, whatever its case.

    Raises
    ------
    MethodError
        If there is no such method; the message lists all.
    """
    wanted = str(name).strip().upper().replace("_", "-").replace(" ", "-")
    wanted = _OTHER_NAMES.get(wanted, wanted)
    if wanted not in METHODS:
        raise MethodError(f"the method '{name}' is unknown; choose from {', '.join(METHODS)}.")
    return wanted


def available_methods() -> list[str]:
    """Return the methods that can run now: those with a model file at hand, then the references."""
    from ..models import catalogue

    with_weights = {entry.card.method for entry in catalogue()}
    return [m for m in METHODS if m in with_weights or m in REFERENCE_METHODS]


def make_denoiser(method: str | None = None, model: str | Path | None = None) -> Denoiser:
    """Build a denoiser from a method's name, from a model file, or both.

    Parameters
    ----------
    method : str, optional
        One of `METHODS`, in any case. With `model`, the file must be of this method.
    model : path, optional
        A model file. Default: the one of the catalogue for this method.

    Raises
    ------
    MethodError
        If the method is unknown, has no weights at hand, or neither argument is given.
    ModelFileError
        If the model file cannot be used, or is of another method.
    """
    from ..models import find_model, load_model

    if method is None and model is None:
        raise MethodError(f"no method is selected; choose from {', '.join(METHODS)}, or give a model file.")
    name = None if method is None else method_name(method)
    if model is None:
        if name in REFERENCE_METHODS:
            return REFERENCE_METHODS[name]()
        return load_model(find_model(name)).denoiser()
    if name in REFERENCE_METHODS:
        raise MethodError(f"the method '{name}' uses no model file; leave the model out.")
    loaded = load_model(model)
    if name is not None and loaded.card.method != name:
        raise ModelFileError(f"'{Path(model).name}' is a model of {loaded.card.method}, not of {name}.")
    return loaded.denoiser()


def make_denoisers(methods: Sequence[str] = (), models: Sequence[str | Path] = ()) -> dict[str, Denoiser]:
    """Build denoisers by what a table calls them: methods by their name, model files by the file's.

    Raises
    ------
    MethodError
        If two would have one label, or that of the full or the low dose; further errors as for `make_denoiser`.
    """
    found = {}
    made = [(d.name, d) for d in map(make_denoiser, methods)]
    for label, denoiser in [*made, *((Path(m).stem, make_denoiser(model=m)) for m in models)]:
        if label in found or label in _DOSES:
            raise MethodError(f"'{label}' is asked for twice; every row of the table needs a name of its own.")
        found[label] = denoiser
    return found
