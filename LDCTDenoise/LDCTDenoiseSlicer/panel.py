"""The panel: choices, Apply that becomes Cancel, progress, and the table of the comparison (desktop only)."""

import time

import qt
import slicer
from LDCTDenoiseLib.errors import InputError, LDCTError
from LDCTDenoiseLib.methods import available_methods
from slicer.i18n import tr as _

from . import dependencies
from .tables import CAPTION, isComparisonOf, shownRows

#: Milliseconds between two rounds of polling; with the wait of `Task.poll` the window is served every 20 ms.
_INTERVAL = 5

#: Seconds that closing the panel waits for the batch in flight.
_PATIENCE = 5


class Panel:
    """What the user sees and presses; one `Task` at a time runs beside it.

    Parameters
    ----------
    ui : object
        The widgets of LDCTDenoise.ui by name.
    logic : LDCTDenoiseLogic
        Does the work.
    requirements : str
        Path of the module's requirements.txt.
    """

    def __init__(self, ui, logic, requirements: str):
        self.ui, self.logic, self._requirements = ui, logic, requirements
        self._parameterNode = None
        self._methods = []
        self._task = self._then = None
        self._ending = []
        self._timer = qt.QTimer()
        self._timer.setInterval(_INTERVAL)
        self._timer.connect("timeout()", self._onTick)
        ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        ui.methodComboBox.connect("currentIndexChanged(int)", self._onMethodChosen)
        self.refresh()

    @property
    def running(self) -> bool:
        return self._task is not None

    def setParameterNode(self, parameterNode) -> None:
        """Show another parameter node, or none."""
        self._parameterNode = parameterNode
        if parameterNode is not None:
            # Each time the panel is entered: a model may have been added meanwhile.
            self._methods = available_methods()
            missing = dependencies.missingPackages(self._requirements)
            if missing:
                self._setStatus(
                    _("Not installed yet: {packages}. Apply offers to install.").format(packages=", ".join(missing))
                )
        self.refresh()

    def refresh(self) -> None:
        """Bring the panel in line with the parameter node and with what is running."""
        parameters, running = self._parameterNode, self.running
        ready = parameters is not None and parameters.inputVolume is not None
        button = self.ui.applyButton
        button.text = _("Cancel") if running else _("Apply")
        button.enabled = running or ready
        if running:
            button.toolTip = _("Stop; the scene stays as it was")
        elif ready:
            button.toolTip = _("Denoise the low-dose volume")
        else:
            button.toolTip = _("Select a low-dose volume first")
        self.ui.progressBar.visible = running
        self.ui.choices.enabled = not running
        if parameters is not None:
            self._showMethods()
            if ready:
                self.ui.outputSelector.baseName = f"{parameters.inputVolume.GetName()} {parameters.method}"
        self._showTable()

    def onApplyButton(self, checked: bool = False) -> None:
        """Start, or stop what runs."""
        if self.running:
            self.stop(_("Stopped. The scene is as it was."))
        else:
            self._guarded(self._start)

    def stop(self, reason: str) -> None:
        """Stop what runs, if anything does; nothing of it reaches the scene. Its thread ends with its batch."""
        if self.running:
            self._task.cancel()
            self._ending.append(self._task)
            self._setIdle(reason)

    def close(self) -> None:
        """Stop, and wait for the threads a little: the module is about to go."""
        self.stop(_("Stopped."))
        self._timer.stop()
        for task in self._ending:
            task.join(_PATIENCE)
        self._ending.clear()

    def _start(self) -> None:
        parameters = self._parameterNode
        low, full, output = parameters.inputVolume, parameters.referenceVolume, parameters.outputVolume
        if output is not None and output is full:
            raise InputError(_("The output is the full-dose reference; choose another output, so that it is kept."))
        if full is not None:
            self.logic.requireSameGrid(full, low)
        dependencies.ensurePackages(self._requirements)
        started = time.monotonic()

        def denoised(node) -> None:
            method, device = node.GetAttribute("LDCTDenoise.Method"), node.GetAttribute("LDCTDenoise.Device")
            text = _("{output}: {method} on {device}, {duration}.").format(
                output=node.GetName(), method=method, device=device, duration=_duration(time.monotonic() - started)
            )
            notices = node.GetAttribute("LDCTDenoise.Notices")
            self._setStatus(f"{text} {notices}" if notices else text)
            if self._parameterNode is not None:
                slicer.util.setSliceViewerLayers(background=node)
            if full is not None:
                images = {"LDCT": low, method: node}
                self._run(self.logic.startCompare(full, images, tableNode=parameters.comparisonTable), compared)

        def compared(table) -> None:
            parameters.comparisonTable = table

        self._setStatus(_("Getting ready…"))
        task = self.logic.startDenoise(low, parameters.method, output, parameters.device, parameters.strength)
        self._run(task, denoised)

    def _run(self, task, then) -> None:
        self._task, self._then = task, then
        # Without a range the bar only moves: the network is being loaded, and nobody knows for how long.
        self.ui.progressBar.setRange(0, 0)
        self.refresh()
        self._timer.start()

    def _onTick(self) -> None:
        task, then = self._task, self._then
        self._ending = [t for t in self._ending if t.running]
        if task is None:
            if self._ending:
                self._ending[0].poll()
            else:
                self._timer.stop()
            return
        progress = task.poll()
        if task.orphaned:
            self.stop(_("Stopped: a volume in use was removed from the scene."))
            return
        if progress is not None:
            self._showProgress(progress)
        if task.running:
            return
        # Idle before the result is handled: an error's message box serves events, and so this timer, while it is open.
        self._setIdle()
        self._guarded(lambda: then(task.finish()))
        self.refresh()

    def _guarded(self, step) -> None:
        """Do a step; show the user's errors as the line they are, and any other with its traceback."""
        with slicer.util.tryWithErrorDisplay(_("LDCT Denoise failed.")):
            try:
                step()
            except LDCTError as error:
                message = str(error)[:1].upper() + str(error)[1:]
                self._setStatus(message)
                slicer.util.errorDisplay(message, windowTitle=_("LDCT Denoise"))

    def _setIdle(self, status: str | None = None) -> None:
        self._task = self._then = None
        if status is not None:
            self._setStatus(status)
        self.refresh()

    def _setStatus(self, text: str) -> None:
        self.ui.statusLabel.text = text

    def _showProgress(self, progress) -> None:
        self.ui.progressBar.setRange(0, 100)
        self.ui.progressBar.value = int(100 * progress.fraction)
        if hasattr(progress, "seconds_left"):
            self._setStatus(
                _("{done} of {of} slices on {device}, {duration} left.").format(
                    done=progress.done, of=progress.of, device=progress.device.words,
                    duration=_duration(progress.seconds_left),
                )
            )

    def _onMethodChosen(self, index: int) -> None:
        if self._parameterNode is not None and index >= 0:
            self._parameterNode.method = self.ui.methodComboBox.itemData(index)

    def _showMethods(self) -> None:
        """List the methods that can run here, and the scene's own even when it cannot."""
        combo, chosen = self.ui.methodComboBox, self._parameterNode.method
        methods = [*self._methods, *([] if chosen in self._methods else [chosen])]
        # The list is the panel's doing and not the user's choice.
        wasBlocked = combo.blockSignals(True)
        if methods != [combo.itemData(index) for index in range(combo.count)]:
            combo.clear()
            for method in methods:
                combo.addItem(_descriptions().get(method, method), method)
        combo.setCurrentIndex(methods.index(chosen))
        combo.blockSignals(wasBlocked)

    def _showTable(self) -> None:
        """Show the last comparison as long as it is one of the volumes that are selected."""
        parameters = self._parameterNode
        node = None if parameters is None else parameters.comparisonTable
        fits = node is not None and isComparisonOf(node, parameters.referenceVolume, parameters.inputVolume)
        self.ui.comparisonButton.visible = fits
        if not fits:
            return
        rows, table = shownRows(node), self.ui.comparisonTable
        table.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                table.setItem(row, column, qt.QTableWidgetItem(text))
        table.resizeColumnsToContents()
        self.ui.captionLabel.text = node.GetAttribute(CAPTION) or ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest) if minutes else _("{seconds} s").format(
        seconds=rest
    )


def _descriptions() -> dict[str, str]:
    """Return the methods in words; a function, because the language is known only when the panel opens."""
    return {
        "CNN-L1": _("CNN-L1 (network, L1 loss)"),
        "WGAN": _("WGAN (network, adversarial)"),
        "DCSCN": _("DCSCN (network with skip connections, L1 loss)"),
        "DCSWGAN": _("DCSWGAN (network with skip connections, adversarial)"),
        "TV": _("TV (total variation, no training)"),
        "NLM": _("NLM (non-local means, no training)"),
    }
