"""Warnings about one series, kept with it although several threads are at work."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import LDCTWarning


class _OfThread(threading.local):
    texts: list[str] | None = None


_of_thread = _OfThread()


@contextmanager
def kept_apart() -> Iterator[None]:
    """Within this block, what a thread warns of inside `into` goes into its list."""

    def show(message, category, *place, **more) -> None:
        if _of_thread.texts is not None and issubclass(category, LDCTWarning):
            _of_thread.texts.append(" ".join(str(message).split()))
        else:
            shown_before(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", LDCTWarning)
        shown_before = warnings.showwarning
        warnings.showwarning = show
        yield


@contextmanager
def into(texts: list[str]) -> Iterator[None]:
    """Keep this thread's warnings in a list."""
    before, _of_thread.texts = _of_thread.texts, texts
    try:
        yield
    finally:
        _of_thread.texts = before
