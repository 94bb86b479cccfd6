"""The measurements: interleaved rounds, medians, one object of results."""

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..engine import Device, denoise_array
from ..engine.device import synchronize
from ..methods import make_denoiser
from ..methods.cpu import keep_large_blocks
from ..methods.denoiser import numbers_read
from ..metrics import measure_images
from ..networks import count_macs
from ..phantom import abdomen_phantom
from .contenders import APART, make_contender
from .memory import peak_bytes
from .volumes import seconds_of_arrays, seconds_of_dicom

#: Side of the matrices whose product gives the machine's rate.
_MATRIX = 2048

#: Seconds for which a contender computes in each round, one call at least: its first call there finds caches, and
#: memory that was handed back, as the contender before left them.
_ROUND = 0.5

#: Parts of the time that first calls may be begun in, and that rounds may after them.
_FIRST_CALLS, _ROUNDS = 0.5, 0.3

#: SD in HU of the noise that is put onto the phantom.
_NOISE = 40.0


def noisy_slices(count: int, size: int) -> np.ndarray:
    """Return noisy slices of the phantom, int16 HU of shape (count, size, size)."""
    drawn = abdomen_phantom(min(count, 2), size).array
    noise = np.random.default_rng(0).normal(0, _NOISE, (count, size, size))
    return np.rint(drawn[np.arange(count) % len(drawn)] + noise).clip(-1024, 3071).astype(np.int16)


def run_benchmark(
    method: str,
    device: Device,
    *,
    contenders: Sequence[str] = ("engine",),
    repeats: int = 5,
    minutes: float = 5.0,
    slices: int = 20,
    size: int = 512,
    progress: Callable[[float, str], None] = lambda _fraction, _words: None,
) -> dict:
    """Measure; never fails on a time.

    Parameters
    ----------
    method : str
        The method of the engine and of those that compute the same.
    device : Device
    contenders : sequence of str
        What is timed, the engine among it, see `chosen_contenders`.
    repeats : int
        Rounds. In each, every contender computes for half a second at least, the engine as it does within a volume,
        the others one slice after the other; the results are medians over the rounds.
    minutes : float
        What all of it may take. First calls are begun in the order of `contenders` during the first half: those that
        are not reached are left out. The rounds have the rest but for what is kept for the volumes, each contender an
        even share; one that has used it up sits out the rounds that are left, and one whose first call took longer is
        timed by that alone.
    slices, size : int
        Slices of the volume, of which as many are timed as there is time for, and rows and columns of each.
    progress : callable
        Called with the part that is done, 0 to 1, and what is measured next.

    Returns
    -------
    dict
        What `ldct-denoise benchmark --json` prints; docs/speed.md describes it.
    """
    started = time.perf_counter()

    def spent_of(part: float) -> bool:
        return time.perf_counter() - started > part * 60 * minutes

    volume = noisy_slices(slices, size)
    keep_large_blocks()
    matrices = torch.rand(2, _MATRIX, _MATRIX, device=device.name)
    matmul: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in contenders}
    firsts: dict[str, _First] = {}
    steps = iter(np.linspace(0, 1, len(contenders) * (repeats + 1) + 5))
    with ExitStack() as stack:
        here = _Timer(method, device, volume)
        apart = here
        if set(contenders) & set(APART):
            apart = stack.enter_context(_Apart(method, device, volume))
        timers = {name: apart if name in APART else here for name in contenders}
        for name, timer in timers.items():
            progress(next(steps), f"first call of {name}")
            if not firsts or not spent_of(_FIRST_CALLS):
                firsts[name] = timer.first(name)
        spent = {name: first.seconds for name, first in firsts.items()}
        share = (_FIRST_CALLS + _ROUNDS) * 60 * minutes / len(firsts)
        for number in range(repeats):
            matmul.append(min(_seconds(lambda: torch.mm(*matrices), device) for _ in range(3)))
            for name in firsts:
                progress(next(steps), f"round {number + 1} of {repeats}, {name}")
                in_time = spent[name] + max(_ROUND, firsts[name].seconds) <= share
                if (in_time or number == 0 and spent[name] <= share) and not spent_of(_FIRST_CALLS + _ROUNDS):
                    seconds, took = timers[name].time(name)
                    times[name].append(seconds)
                    spent[name] += took
    rate = 2 * _MATRIX**3 / statistics.median(matmul)
    plain = firsts["plain"].output if "plain" in firsts else None
    rows = {name: _row(first, times[name], rate, plain) for name, first in firsts.items()}
    result = {
        "version": __version__, "torch": torch.__version__, "machine": platform.machine(), "device": str(device),
        "method": method, "size": size, "repeats": repeats, "contenders": rows, "matmul_gflops": round(rate / 1e9, 2),
        "left_out": [name for name in contenders if name not in firsts],
    }  # fmt: skip
    rivals = {name: row["seconds_per_slice"] for name, row in rows.items() if row["is_rival"]}
    if rivals:
        best = min(rivals, key=rivals.get)
        result["best_rival"] = best
        result["factor_to_best_rival"] = round(rivals[best] / rows["engine"]["seconds_per_slice"], 3)
    # Array to array, DICOM to DICOM, and once more for the memory; what is left over is for the start-up.
    left = 60 * minutes - (time.perf_counter() - started)
    volume = volume[: max(1, int(left / (4 * rows["engine"]["seconds_per_slice"])))]
    progress(next(steps), "volume, from array to array")
    arrays = seconds_of_arrays(method, device, volume)
    progress(next(steps), "volume, from DICOM to DICOM")
    denoiser = make_denoiser(method)
    result["volume"] = {
        "slices": len(volume),
        **arrays,
        "seconds_dicom_to_dicom": seconds_of_dicom(method, device, volume),
        "bytes_input_and_output": 2 * volume.nbytes,
        "peak_bytes": peak_bytes(lambda: denoise_array(volume.copy(), denoiser, device), "cpu"),
    }
    progress(next(steps), "metrics")
    result["metrics_seconds"] = seconds_of_metrics(repeats, size)
    progress(next(steps), "start-up")
    result["start_up_seconds"] = seconds_of_start_up(method, device, size)
    return result


@dataclass(frozen=True)
class _First:
    """The first call of a contender, in which its memory is measured."""

    facts: dict
    macs: int
    trained: bool
    slices: int
    seconds: float  #: Its making included.
    output: np.ndarray


def _row(first: _First, times: list[float], rate: float, plain: np.ndarray | None) -> dict:
    """Return what is told of a contender; `rate` is that of the matrix product in operations a second."""
    times = times or [first.seconds / first.slices]
    seconds = statistics.median(times)
    flops = 2 * first.macs / seconds
    compared = first.trained and plain is not None
    return {
        **first.facts,
        "seconds_per_slice": seconds,
        "slices_per_second": 1 / seconds,
        "all_seconds": times,
        "gflops": round(flops / 1e9, 2) if flops else None,
        "fraction_of_matmul": round(flops / rate, 4) if flops else None,
        "max_abs_hu_difference": float(np.abs(first.output[:1] - plain).max()) if compared else None,
    }


class _Timer:
    """Times contenders in this process; each is made for its first call."""

    def __init__(self, method: str, device: Device, volume: np.ndarray):
        self._method, self._device, self._volume = method, device, volume
        self._made: dict = {}

    def first(self, name: str) -> _First:
        started = time.perf_counter()
        contender = make_contender(name, self._method, self._device.name)
        count = min(contender.slices, len(self._volume))
        numbers = numbers_read(0, count, len(self._volume), contender.neighbours)
        slices = self._volume[numbers].astype(np.float32)
        self._made[name] = contender, slices
        outputs = []
        peak = peak_bytes(lambda: outputs.append(contender.compute(slices)), self._device.name)
        synchronize(self._device.name)
        return _First(
            {"words": contender.words, "is_rival": contender.is_rival, "peak_bytes": peak},
            count_macs(contender.network, *slices.shape[1:]) if contender.network else 0,
            contender.trained, count, time.perf_counter() - started, outputs[0],
        )  # fmt: skip

    def time(self, name: str) -> tuple[float, float]:
        """Return the seconds of a slice, the mean over a round's calls, and those of the round."""
        contender, slices = self._made[name]
        started = time.perf_counter()
        seconds = _seconds(lambda: contender.compute(slices), self._device, _ROUND)
        return seconds / (len(slices) - 2 * contender.neighbours), time.perf_counter() - started


class _Apart:
    """A `_Timer` in a process of its own, where nothing has changed what the allocator does by itself."""

    def __init__(self, *arguments):
        self._process = ProcessPoolExecutor(1, get_context("spawn"), _begin, arguments)

    def __enter__(self) -> "_Apart":
        return self

    def __exit__(self, *_error) -> None:
        self._process.shutdown()

    def first(self, name: str) -> _First:
        return self._process.submit(_there, "first", name).result()

    def time(self, name: str) -> tuple[float, float]:
        return self._process.submit(_there, "time", name).result()


def _begin(*arguments) -> None:
    global _timer
    _timer = _Timer(*arguments)


def _there(work: str, name: str):
    return getattr(_timer, work)(name)


def seconds_of_metrics(repeats: int, size: int) -> float:
    """Return the seconds for PSNR, SSIM and RMSE of one slice of five volumes against a sixth, the median."""
    reference, *others = noisy_slices(6, size)
    images = {str(number): image for number, image in enumerate(others)}
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        measure_images(reference, images)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def seconds_of_start_up(method: str, device: Device, size: int) -> float:
    """Return the seconds from the start of a new Python to its first denoised slice."""
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import numpy as np\n"
        "from LDCTDenoiseLib.engine import denoise_array; from LDCTDenoiseLib.methods import make_denoiser\n"
        "size = int(sys.argv[4]); volume = np.zeros((1, size, size), np.int16)\n"
        "denoise_array(volume, make_denoiser(sys.argv[2]), sys.argv[3])"
    )
    library = Path(__file__).resolve().parents[2]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, str(library), method, device.name, str(size)], check=True)
    return time.perf_counter() - started


def _seconds(work: Callable, device: Device, at_least: float = 0.0) -> float:
    """Return the mean seconds of one call, of as many as take `at_least` seconds."""
    synchronize(device.name)
    started, calls, spent = time.perf_counter(), 0, 0.0
    while not calls or spent < at_least:
        work()
        synchronize(device.name)
        calls, spent = calls + 1, time.perf_counter() - started
    return spent / calls
