"""A generator on the CPU's cores: each takes a strip of a slice at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..hounsfield import HURange
from ..requirements import require


def keep_large_blocks() -> None:
    """Let glibc keep blocks of up to 31 MB that are freed, from now on; elsewhere this does nothing.

    It hands the pages of freed channels back to the system, and has them cleared anew for each layer, until a larger
    piece than theirs was freed; 32 MB is the largest that it learns from. See docs/speed.md.
    """
    torch = require("torch")
    torch.empty(31 << 20, dtype=torch.uint8)


class CPUNetwork:
    """Computes the corrections of slices in strips, one thread a strip.

    Threads of its own, with one thread each within torch, beat torch's threads within each layer: they never wait
    for each other, which counts most when other programs run too, and each core works in its own cache.

    Parameters
    ----------
    strips : CompiledRows or Strips
        See `LDCTDenoiseLib.compiled` and `LDCTDenoiseLib.networks.strips`.
    hu_range : HURange
        The range that the network sees as [0, 1].
    """

    def __init__(self, strips, hu_range: HURange):
        self._strips, self._range = strips, hu_range
        keep_large_blocks()
        self._threads = require("torch").get_num_threads()
        self._pool = single_threads(self._threads)

    @classmethod
    def of(cls, generator, hu_range: HURange) -> "CPUNetwork | None":
        """Return a generator with a copy of its weights, or None when it is of a kind that is not known here."""
        # Imported here, since both import torch.
        from ..compiled.rows import compiled_rows
        from ..networks.strips import strips_of

        strips = compiled_rows(generator) or strips_of(generator)
        return strips and cls(strips, hu_range)

    def start(self, hounsfield: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin to compute `G(clip x) - clip x` in HU of slices (slices, rows, columns), float32 both ways.

        Of a network that reads neighbours they stand before and after the slices, as for `methods.denoiser.Denoiser`.

        Returns
        -------
        callable
            Waits for the result and returns it. Work that was begun earlier is finished earlier.
        """
        count, (height, width) = len(hounsfield) - self._strips.channels + 1, hounsfield.shape[1:]
        # As many as keep all threads busy to the end, but none so low that it shares most of what it computes.
        strips = -(-height * width // self._strips.pixels)
        strips = -(-count * strips // self._threads) * self._threads // count
        strips = max(1, min(strips, height // (2 * self._strips.radius)))
        edges = [height * n // strips for n in range(strips + 1)]
        output = np.empty((count, height, width), np.float32)
        jobs = [(k, a, b) for k in range(count) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        begun = [self._pool.submit(self._strip, hounsfield, output, *job) for job in jobs]

        def finish() -> np.ndarray:
            for job in begun:
                job.result()
            return output

        return finish

    def _strip(self, hounsfield: np.ndarray, output: np.ndarray, k: int, start: int, stop: int) -> None:
        torch = require("torch")
        height, radius = hounsfield.shape[1], self._strips.radius
        first, last = max(0, start - radius), min(height, stop + radius)
        with torch.inference_mode():
            # A copy always: the caller's array may be read-only, which torch cannot express.
            unit = self._range.to_unit(torch.tensor(hounsfield[k : k + self._strips.channels, first:last]))
            rows = self._strips(unit, first > 0, last < height)
            top = start if first > 0 else 0
            output[k, start:stop] = rows[start - top : stop - top].mul_(self._range.width).numpy()


def single_threads(count: int) -> ThreadPoolExecutor:
    """Return a pool of threads within which torch uses one thread; elsewhere its number stays what it is."""
    torch = require("torch")
    all_there = threading.Barrier(count)

    def prepare():
        # Asked first: otherwise torch, asking later by itself, would set the number anew.
        torch.get_num_threads()
        torch.set_num_threads(1)

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, "LDCTDenoise", initializer=prepare)
    for job in [pool.submit(all_there.wait) for _ in range(count)]:
        job.result()
    # The last call also says what threads that begin later use.
    torch.set_num_threads(threads)
    return pool
