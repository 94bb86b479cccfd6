"""JSON that anyone may have written or damaged: typed values, or one reason why not. The guard at every such door."""

import json
import math
import stat
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args, get_origin

#: Whole numbers beyond it are no count, seed or size; converting longer ones would take for ever, or overflow.
_LARGEST = 2**63


def read_text(path: Path, largest: int = 2**28) -> str:
    """Return the text of a regular file; a pipe or device, on which reading would wait for ever, is refused.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no regular file, is larger than `largest` bytes, or is no UTF-8.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is no regular file")
    if facts.st_size > largest:
        raise ValueError(f"it has {facts.st_size} bytes")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error


def parse_json(text: str | bytes, lenient: bool = False):
    """Return the value of a JSON text.

    Parameters
    ----------
    text : str or bytes
    lenient : bool
        Allow NaN, infinity and lone surrogates: in what this software has written itself, where a metric may be
        infinite and a file's name not UTF-8.

    Raises
    ------
    ValueError
        In a few words why it is none, or none that can be worked with: NaN or infinity, whole numbers beyond 64 bits,
        texts that are no Unicode or hold a NUL.
    """
    try:
        value = json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not valid JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:  # thousands of digits
        raise ValueError("it holds a number that is too long") from error
    inside = [value]
    while inside:
        one = inside.pop()
        if isinstance(one, dict):
            inside += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            inside += one
        elif isinstance(one, int) and abs(one) > _LARGEST:
            raise ValueError("it holds a whole number beyond 64 bits")
        elif isinstance(one, float) and not (lenient or math.isfinite(one)):
            raise ValueError("it holds a number that is not finite")
        elif isinstance(one, str) and ("\0" in one or not (lenient or _is_unicode(one))):
            raise ValueError("it holds a text that is no Unicode")
    return value


def as_fields(cls, values) -> dict:
    """Return those of a JSON object's entries that are fields of a dataclass, each of the field's type.

    Raises
    ------
    ValueError
        If it is no object, lacks a field without a default, or an entry is of another type.
    """
    if not isinstance(values, dict):
        raise ValueError("it is not a JSON object")
    known = {f.name: f for f in fields(cls)}
    missing = [n for n, f in known.items() if n not in values and f.default is f.default_factory is MISSING]
    if missing:
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    wrong = next((name for name, f in known.items() if name in values and not fits(values[name], f.type)), None)
    if wrong:
        raise ValueError(f"its '{wrong}' is not {_in_words(known[wrong].type)}")
    return {name: values[name] for name in known if name in values}


def fits(value, kind) -> bool:
    """Whether a value of JSON is of a type: str, int, float, bool, dict, list, list[...] or tuple[...]."""
    of = get_args(kind)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(fits(one, of[0]) for one in value)
    if get_origin(kind) is tuple:
        same = isinstance(value, list | tuple) and len(value) == len(of)
        return same and all(fits(one, k) for one, k in zip(value, of, strict=True))
    if kind in (int, float):  # true and false are whole numbers to Python
        return isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    return isinstance(value, get_origin(kind) or kind)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _in_words(kind) -> str:
    words = {str: "text", int: "a whole number", float: "a number", dict: "an object", bool: "true or false"}
    if get_origin(kind) is tuple:
        return f"{len(get_args(kind))} numbers"
    return words.get(kind, "a list")
