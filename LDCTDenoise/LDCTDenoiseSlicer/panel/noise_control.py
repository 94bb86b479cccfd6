"""How much noise to leave, beside the strength: what is left at a strength, and the strength that leaves so much."""

from LDCTDenoiseLib.engine import NoiseLeft, noise_left_of
from LDCTDenoiseLib.errors import LDCTError
from slicer.i18n import tr as _

from ..nodes import INPUT_ROLE, volumeFromNode
from ..task_runner import TaskRunner, sentence
from ..tasks import Task


class NoiseControl:
    """A field for the noise to leave, and a line that says what is left.

    What outputs leave is measured beside the event loop, once each.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    strengths : Strengths
        Of the logic.
    say : callable
        Shows a line to the user.
    onMeasured : callable
        Called when what is left of the noise has become known.
    """

    def __init__(self, ui, strengths, say, onMeasured):
        self.ui, self._strengths, self._say, self._onMeasured = ui, strengths, say, onMeasured
        self._parameters = None
        self._known: dict[tuple, NoiseLeft | str] = {}
        self._runner = TaskRunner(self._guarded, lambda: None)
        ui.noiseEdit.connect("editingFinished()", self._onEdited)

    def setParameterNode(self, parameters) -> None:
        self._parameters = parameters

    def wanted(self, outputs, strength: float) -> dict:
        """Return the strength of each output, with words where it follows from the noise to leave."""
        noise = self._parameters.noiseLeft
        found = {}
        for output in outputs:
            left = self._known.get(_key(output))
            try:
                found[output] = left.strength_leaving(noise) if noise and isinstance(left, NoiseLeft) else (
                    strength, None)
            except LDCTError as error:
                self._say(sentence(error))
                found[output] = strength, None
        return found

    def refresh(self, outputs: dict) -> None:
        """Show what outputs, by label, leave, and measure those that are new."""
        if self.ui.noiseEdit.text != self._parameters.noiseLeft:
            self.ui.noiseEdit.text = self._parameters.noiseLeft
        words = []
        for label, output in outputs.items():
            left = self._known.get(_key(output))
            if isinstance(left, NoiseLeft):
                strength = float(output.GetAttribute("LDCTDenoise.Strength") or 1)
                words.append(_("{label} at {strength}: {left} of {own} HU").format(
                    label=label, strength=f"{strength:.2f}", left=f"{left.at(strength):.1f}", own=f"{left.own:.1f}"))
        if not words and self._parameters.noiseLeft:
            words = [_("known after Apply")]
        self.ui.noiseLabel.text = "; ".join(words)
        self._measure([output for output in outputs.values() if _key(output) not in self._known])

    def close(self) -> None:
        self._runner.close()

    def _measure(self, outputs) -> None:
        if self._runner.running or not outputs:
            return
        jobs = []
        for output in outputs:
            try:
                source = volumeFromNode(output.GetNodeReference(INPUT_ROLE), "input of the output")
                jobs.append((_key(output), source, self._strengths.full(output)))
            except LDCTError as error:
                self._known[_key(output)] = str(error)

        def work(report) -> dict:
            found = {}
            for key, source, full in jobs:
                report(None)
                try:
                    found[key] = noise_left_of(source, full)
                except LDCTError as error:
                    found[key] = str(error)
            return found

        def measured(found: dict) -> None:
            self._known.update(found)
            self._onMeasured()

        self._runner.run(Task(work, lambda found: found, outputs), measured)

    def _guarded(self, step) -> None:
        step()

    def _onEdited(self) -> None:
        if self._parameters is not None and self.ui.noiseEdit.text.strip() != self._parameters.noiseLeft:
            self._parameters.noiseLeft = self.ui.noiseEdit.text.strip()


def _key(output) -> tuple:
    """Return what says which output at full strength this is."""
    return (output.GetID(), *(output.GetAttribute(f"LDCTDenoise.{name}") for name in (
        "InputCRC", "Method", "ModelSHA256")))
