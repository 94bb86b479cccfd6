"""Outputs that follow the strength slider at once, the slice in view first."""

import time

import qt
import slicer
from LDCTDenoiseLib.errors import InputError

from ..task_runner import sentence

#: Seconds of work in one round of the event loop.
_BUDGET = 0.015


class StrengthFollower:
    """Brings outputs to the strength of the slider, without another run.

    Parameters
    ----------
    strengths : Strengths
        Of the logic.
    say : callable
        Shows a line to the user.
    """

    def __init__(self, strengths, say):
        self._strengths, self._say = strengths, say
        self._work = []
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._onTick)

    def follow(self, strengths: dict, first: int) -> None:
        """Begin to bring outputs to their strengths, their slice `first` before the others, and at once.

        Parameters
        ----------
        strengths : dict of vtkMRMLScalarVolumeNode to (float, str or None)
            Strength, and words for how it was chosen by the noise to leave.
        first : int
        """
        self._work = []
        for output, (strength, words) in strengths.items():
            if output.GetAttribute("LDCTDenoise.Strength") == f"{strength:g}":
                output.SetAttribute("LDCTDenoise.NoiseLeft", words)
                continue
            steps = self._strengths.steps(output, strength, first, words)
            try:
                next(steps, None)
            except InputError as error:
                self._say(sentence(error))
                continue
            self._work.append((output, steps))
        if self._work:
            self._timer.start()

    def finish(self) -> None:
        """Do what is left now: the scene is about to be saved, or numbers of the whole volume to be measured."""
        while self._work:
            self._step()
        self._timer.stop()

    def drop(self) -> None:
        """Leave what is left undone: the scene is about to go."""
        self._work = []
        self._timer.stop()

    def _onTick(self) -> None:
        until = time.monotonic() + _BUDGET
        while self._work and time.monotonic() < until:
            self._step()
        if not self._work:
            self._timer.stop()

    def _step(self) -> None:
        output, steps = self._work[0]
        gone = output.GetScene() is not slicer.mrmlScene
        if gone or next(steps, None) is None:
            self._work.pop(0)
