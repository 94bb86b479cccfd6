"""How long a training will take on this machine, by a few steps in a process of its own."""

import json
import math
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.errors import DeviceError, LDCTError
from LDCTDenoiseSlicer.tasks import Task, duration
from LDCTDenoiseTrainingLib.training.config import TrainingConfig

from .jobs.interpreter import command, environment, requirePackages
from .jobs.process import APART, endAtOnce

#: Seconds after which a measurement is given up.
_LIMIT = 600


@dataclass(frozen=True)
class Estimate:
    """What was measured, and what follows for a whole training."""

    device: str  #: In words.
    #: The batch asked for, and the largest that the memory holds among it, its half, its quarter, …
    batch: int
    fits: int
    secondsPerStep: float
    #: Of all steps and validations; reading the scans and simulating low dose come on top.
    seconds: float
    #: Bytes needed, and bytes of the device (0: not known).
    memory: int
    memoryThere: int

    @property
    def text(self) -> str:
        """The estimate in a sentence."""
        words = (f"About {duration(self.seconds)} on {self.device}: {self.secondsPerStep:.2g} s a step. Memory: about "
                 f"{self.memory / 1e9:.1f} GB" + (f" of {self.memoryThere / 1e9:.0f} GB." if self.memoryThere else "."))
        if self.fits < self.batch:
            words += f" A batch of {self.batch} does not fit into the memory; a batch of {self.fits} does."
        return words


def estimateTask(config: TrainingConfig, device: str, validationScans: int = 0) -> Task:
    """Return the measurement; its `finish` returns an `Estimate`. Its progress objects are the seconds gone.

    Parameters
    ----------
    config : TrainingConfig
    device : str
    validationScans : int
        Scans that validate.

    Raises
    ------
    MissingDependencyError
        If a package that it needs is not installed.
    """
    requirePackages()
    line = command(["estimate", "--device", device])

    def work(report) -> Estimate:
        with tempfile.TemporaryDirectory() as folder:
            config.write(Path(folder) / "config.json")
            told = _run([*line, "--config", str(Path(folder) / "config.json")], report)
        times = math.ceil(told["steps"] / config.validation_steps)
        validations = times * validationScans * config.validation_slices * told["seconds_per_validation_slice"]
        return Estimate(told["device"], told["batch"], told["fits"], told["seconds_per_step"],
                        told["seconds"] + validations, told["memory"], told["memory_there"])

    return Task(work, lambda estimate: estimate)


def _run(line: list[str], report) -> dict:
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env=environment(), **APART)
        try:
            while process.poll() is None:
                time.sleep(0.05)
                report(time.monotonic() - started)
                if time.monotonic() - started > _LIMIT:
                    raise LDCTError(f"the measurement took more than {_LIMIT // 60} minutes and was given up; choose "
                                    "a smaller batch or patch.")
        finally:
            if process.poll() is None:
                endAtOnce(process.pid)
                process.wait()
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").splitlines()
    if process.returncode == 0:
        return json.loads(lines[-1])
    errors = [line.partition("error: ")[2] for line in lines if line.startswith("ldct-train: error: ")]
    if errors:
        raise LDCTError(" ".join(errors))
    if process.returncode in (-9, 137):
        raise DeviceError("the measurement was ended by the system, most likely for want of memory; choose a smaller "
                          "batch.")
    raise LDCTError(f"the measurement failed: {lines[-1] if lines else f'exit code {process.returncode}'}")
