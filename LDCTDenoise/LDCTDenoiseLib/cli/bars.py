"""Progress bars: they move on a terminal, and are one line in a file or a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..requirements import require


def progress_bar(total: int | None, description: str, unit: str = "slice", initial: int = 0):
    """Return a tqdm bar on standard error, so that standard output holds nothing but results."""
    return require("tqdm").tqdm(
        total=total, desc=f"{description:<20}", unit=unit, initial=initial,
        file=sys.stderr if sys.stderr.isatty() else _LastLine(sys.stderr),
    )  # fmt: skip


@contextmanager
def fraction_bar(description: str) -> Iterator[Callable[[float, str], None]]:
    """Give a function that shows which part is done, 0 to 1, and what is done next, in a bar."""
    with progress_bar(1000, description, "‰") as bar:
        bar.bar_format = "{desc}{percentage:3.0f}% |{bar}| {postfix}"

        def show(fraction: float, words: str) -> None:
            bar.n = max(bar.n, int(1000 * fraction))
            bar.set_postfix_str(words)

        yield show
        show(1, "done")


class _LastLine:
    """Hands on what a bar shows last, at its end: what is no terminal cannot go back to the beginning of a line."""

    def __init__(self, stream):
        self._stream, self._shown = stream, ""

    def write(self, text: str) -> None:
        self._shown = (self._shown + text).rpartition("\r")[2]
        if self._shown.endswith("\n"):
            self._stream.write(self._shown)
            self._shown = ""

    def __getattr__(self, name):
        return getattr(self._stream, name)
