"""Which device computes, chosen or asked for, and how to call it in words."""

from dataclasses import dataclass

from ..errors import DeviceError
from ..requirements import require

CHOICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """A compute device."""

    name: str  #: What torch calls it: "cpu", "cuda", "cuda:1", "mps".
    words: str  #: What a user reads: "CPU, 8 threads", "NVIDIA H200, CUDA".

    @property
    def is_cpu(self) -> bool:
        return self.name == "cpu"

    def __str__(self) -> str:
        return self.words


#: Where methods that know no device compute; they need no torch either.
HOST = Device("cpu", "CPU")


def check_choice(choice: str) -> tuple[str, str]:
    """Return a choice's kind and number, in lower case, or raise `DeviceError` when there is no such device."""
    kind, _, number = str(choice).lower().partition(":")
    if kind not in CHOICES or (number and not (kind == "cuda" and number.isdecimal())):
        raise DeviceError(f"the device '{choice}' is unknown; choose from {', '.join(CHOICES)}.")
    return kind, number


def choose_device(choice: str = "auto") -> Device:
    """Return the device to compute on.

    Parameters
    ----------
    choice : str
        "auto" takes CUDA, then Apple's MPS, then the CPU. "cpu", "cuda", "cuda:N" and "mps" insist.

    Raises
    ------
    DeviceError
        If the choice is unknown or that device is not on this machine.
    """
    kind, number = check_choice(choice)
    torch = require("torch", "compute with networks")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if cuda else "mps" if mps else "cpu"
    if kind == "cuda":
        if not cuda:
            raise DeviceError(
                "'cuda' was asked for, but this PyTorch finds no CUDA device here; use 'auto' or 'cpu', "
                "or install a CUDA build of PyTorch and the NVIDIA driver."
            )
        index = int(number or 0)
        if index >= torch.cuda.device_count():
            raise DeviceError(f"'{choice}' was asked for, but there are only {torch.cuda.device_count()} CUDA devices.")
        return Device(f"cuda:{index}", f"{torch.cuda.get_device_name(index)}, CUDA")
    if kind == "mps":
        if not mps:
            raise DeviceError("'mps' was asked for, but PyTorch finds no Apple GPU here; use 'auto' or 'cpu'.")
        return Device("mps", "Apple GPU, MPS")
    threads = torch.get_num_threads()
    return Device("cpu", f"CPU, {threads} thread{'s' if threads > 1 else ''}")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception from torch means that the device's memory ran out."""
    torch = require("torch")
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "out of memory" in str(error).lower()
    )


def synchronize(device: str) -> None:
    """Return when a device, by torch's name, has done all that it was given; the CPU has."""
    torch = require("torch")
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def release_memory(device: Device) -> None:
    """Give cached device memory back, so that a smaller batch has all there is."""
    torch = require("torch")
    if device.name.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device.name == "mps":
        torch.mps.empty_cache()
