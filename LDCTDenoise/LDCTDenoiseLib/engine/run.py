"""Denoise a volume slice by slice, in batches, with progress and a way to stop."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError, MethodError, warn
from ..hounsfield import add_correction
from ..methods.denoiser import Denoiser, neighbours_of, numbers_read, start, told
from ..requirements import require
from ..scan.level import measure_level
from ..volumes.volume import Volume
from .conditioning import Conditioning, working_pixels
from .device import HOST, Device, check_choice, choose_device, is_out_of_memory, release_memory

#: Slices of one batch where the caller does not say. On the CPU one slice keeps both memory and caches small; a GPU
#: wants more work at a time.
DEFAULT_BATCH = {"cpu": 1, "gpu": 16}


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    #: Slices finished, and slices in all.
    done: int
    of: int
    #: Time spent, and the time left at the speed so far.
    seconds: float
    seconds_left: float
    device: Device  #: Where the last batch ran.

    @property
    def fraction(self) -> float:
        return self.done / self.of if self.of else 1.0


def _as_array(volume) -> np.ndarray:
    """Return a numpy view of an array or tensor, checked to hold real numbers in 2 or 3 dimensions."""
    if hasattr(volume, "detach"):
        volume = volume.detach().cpu().numpy()
    array = np.asarray(volume)
    if array.dtype.kind not in "iuf":
        raise InputError(f"CT numbers must be integers or floats, not {array.dtype}.")
    if array.ndim not in (2, 3):
        raise InputError(f"a volume has the axes (slices, rows, columns); this one has shape {array.shape}.")
    if not array.size:
        raise InputError(f"the volume is empty: shape {array.shape}.")
    return array if array.ndim == 3 else array[None]


# HU by which no method changes a voxel, but where the voxels themselves are as large (metal).
_LARGEST_CORRECTION = 10_000


def _store(values: np.ndarray, output: np.ndarray) -> None:
    """Write float HU into the output's type: integers are rounded to nearest and kept within the type's range."""
    if output.dtype.kind in "iu":
        limits = np.iinfo(output.dtype)
        np.clip(np.rint(values, out=values), limits.min, limits.max, out=values)
    output[...] = values.astype(output.dtype)


@dataclass
class DenoiseRun:
    """One pass of a denoiser over a volume; iterate it to do the work.

    Between two batches the iteration yields a `Progress`, so that the caller can show it, pump events, or stop by
    ending the loop: `output` is complete when all slices are done. The memory needed is the input, the output and two
    batches: one is begun before the result of the other is waited for.

    A method that reads neighbouring slices is given them with each batch, so that a slice's output is the same in
    whichever batch it is. Beyond the ends of the volume and the gaps that its geometry tells, a slice is its own
    neighbour (`methods.denoiser.numbers_read`).

    Parameters
    ----------
    volume : Volume, array_like or torch.Tensor
        HU of shape (slices, rows, columns) or (rows, columns), any integer or float type. A `Volume` says how large its
        pixels are: where a network was trained on others, it works on a grid of its own.
    denoiser : Denoiser
        See `LDCTDenoiseLib.methods.make_denoiser`.
    device : str
        "auto", "cpu", "cuda", "cuda:N" or "mps".
    strength : float
        0 (the input) to 1 (the method's full correction).
    batch : int, optional
        Slices at a time. Default: 1 on the CPU, 16 on a GPU.
    remarks : tuple of str
        What the record of the output is to say besides: what is unusual about the scan, how the strength was chosen.
    slices : sequence of int, optional
        Which slices to denoise, where it is not all of them: each as in a run over the whole volume.

    Attributes
    ----------
    output : numpy.ndarray
        Same shape and type as the input; of chosen `slices`, these alone.
    device : Device
        Where it runs; changes to the CPU when GPU memory runs out.
    notices : list of str
        What the user must know: a smaller batch, a fall back to the CPU. Also issued as `LDCTWarning`.

    Raises
    ------
    InputError
        If the volume is not a numeric 2D or 3D array, the strength is outside [0, 1], the batch is not positive, a
        chosen slice is not there, or (while iterating) a slice holds NaN or infinity.
    DeviceError
        If the device is unknown or absent.
    """

    volume: object
    denoiser: Denoiser
    device: Device | str = "auto"
    strength: float = 1.0
    batch: int | None = None
    remarks: tuple[str, ...] = ()
    slices: Sequence[int] | None = None
    notices: list[str] = field(default_factory=list, init=False)

    def __post_init__(self):
        volume, self._conditioning, self._gaps = self.volume, Conditioning(), ()
        if isinstance(self.volume, Volume):
            trained = getattr(self.denoiser, "trained", {}).get("pixel_mm")
            self._conditioning = Conditioning(tuple(self.volume.geometry.spacing[:2]), working_pixels(trained))
            self.volume, self._gaps = self.volume.array, self.volume.geometry.gaps
        self._input = _as_array(self.volume)
        count = len(self._input)
        self._slices = range(count) if self.slices is None else [int(k) for k in self.slices]
        if bad := [k for k in self._slices if not 0 <= k < count]:
            raise InputError(f"there is no slice {bad[0]} in a volume of {count}.")
        if not 0 <= self.strength <= 1:
            raise InputError(f"the strength must lie between 0 and 1, not {self.strength:g}.")
        if self.batch is not None and self.batch < 1:
            raise InputError(f"a batch needs at least one slice, not {self.batch}.")
        if not self.denoiser.on_device:
            if not isinstance(self.device, Device):
                check_choice(self.device)
            self.device = HOST
        elif not isinstance(self.device, Device):
            self.device = choose_device(self.device)
        self.batch = self.batch or DEFAULT_BATCH["cpu" if self.device.is_cpu else "gpu"]
        self.denoiser = told(
            self.denoiser, lambda: measure_level(volume if isinstance(volume, Volume) else self._input)
        )
        shape = (len(self._slices), *self._input.shape[1:])
        self._output = np.empty(shape, self._input.dtype.newbyteorder("="))

    @property
    def output(self) -> np.ndarray:
        return self._output if self.slices is not None else self._output.reshape(np.shape(self.volume))

    def __iter__(self) -> Iterator[Progress]:
        count = len(self._slices)
        started = time.monotonic()
        self.denoiser.prepare(self.device.name)
        done, ahead = 0, None
        while done < count:
            try:
                stop, slices, finish = ahead or self._begin(done)
                # The next batch is begun before this one is waited for: what the host does for one overlaps with what
                # the device, or the cores' threads, do for the other.
                ahead = self._begin(stop) if stop < count else None
                correction = finish()
            except Exception as error:
                if self.device.is_cpu or not is_out_of_memory(error):
                    raise
                ahead = None
                self._shrink()
                continue
            self._require_sane(slices, correction)
            _store(add_correction(slices, correction, self.strength), self._output[done:stop])
            done = stop
            seconds = time.monotonic() - started
            yield Progress(done, count, seconds, seconds / done * (count - done), self.device)

    def _begin(self, begin: int) -> tuple[int, np.ndarray, Callable[[], np.ndarray]]:
        """Begin the batch from the chosen slice `begin` on; return its end, its HU and what waits for its correction.
        """
        reach, end = neighbours_of(self.denoiser), min(begin + self.batch, len(self._slices))
        numbers = np.array(self._slices[begin:end])
        if reach:
            # Only slices that are each other's neighbours share a batch.
            end = next((n for n in range(begin + 1, end) if not self._follows(n)), end)
            numbers = numbers_read(numbers[0], self._slices[end - 1] + 1, len(self._input), reach, self._gaps)
        part = self._input[numbers]
        # float64 input keeps its precision; every other type is exact in float32 over the range of CT.
        wide = self._input.dtype.itemsize > 4 or self._input.dtype.kind in "iu" and self._input.dtype.itemsize > 2
        part = part.astype(np.float64 if wide else np.float32, copy=False)
        slices = part[reach : len(part) - reach]
        if not (finite := np.isfinite(part).all(axis=(1, 2))).all():
            bad = numbers[finite.argmin()]
            raise InputError(f"slice {bad} holds NaN or infinity; replace those values before denoising.")
        shown = part.astype(np.float32, copy=False)
        # Methods that need no training work in the slice as it is.
        if self.denoiser.on_device:
            return end, slices, self._conditioning.start(self.denoiser, shown)
        return end, slices, start(self.denoiser, shown)

    def _follows(self, number: int) -> bool:
        """Tell whether a chosen slice is a neighbour of the one chosen before it."""
        before, this = self._slices[number - 1], self._slices[number]
        return this == before + 1 and before not in self._gaps

    def _require_sane(self, slices: np.ndarray, correction: np.ndarray) -> None:
        """Refuse what absurd weights or HU ranges give: NaN, infinity, or corrections that no noise explains."""
        largest = np.abs(correction).max()
        if not largest <= _LARGEST_CORRECTION + 2 * np.abs(slices).max():
            raise MethodError(
                f"{self.denoiser.name} would change voxels by {largest:g} HU: its weights or its HU range are damaged; "
                "get a whole copy of the model file, or choose another."
            )

    def _shrink(self) -> None:
        """Halve the batch; when one slice is already too much for the GPU, go on with the CPU."""
        failed, full_device = self.batch, self.device
        if self.batch > 1:
            self.batch //= 2
            notice = f"{self.device} ran out of memory with {failed} slices at a time; going on with {self.batch}."
        else:
            notice = f"{self.device} has too little memory for one slice; going on with the CPU, which is slower."
            self.device, self.batch = choose_device("cpu"), DEFAULT_BATCH["cpu"]
        release_memory(full_device)
        self.denoiser.prepare(self.device.name)
        self.notices.append(notice)
        warn(notice, up=2)


def check_run(denoiser: Denoiser, device: str, strength: float, batch: int | None) -> None:
    """Raise what would stop every run of this kind; to find out before anything is measured or read."""
    DenoiseRun(np.zeros((1, 1, 1), np.int16), denoiser, device, strength, batch)


def denoise_array(volume, denoiser: Denoiser, device: str = "auto", strength: float = 1.0, batch: int | None = None):
    """Denoise a volume in one call; parameters as for `DenoiseRun`.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        Denoised HU of the input's shape and type; a tensor for a tensor, on its device.
    """
    run = DenoiseRun(volume, denoiser, device, strength, batch)
    for _ in run:
        pass
    if hasattr(volume, "detach"):
        return require("torch").from_numpy(run.output).to(volume.device)
    return run.output
