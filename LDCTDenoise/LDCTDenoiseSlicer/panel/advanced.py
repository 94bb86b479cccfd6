"""The section "Advanced": what the models say, diagnostics to copy, installing without a network."""

import qt
import slicer
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.models import find_model
from slicer.i18n import tr as _

from .. import dependencies
from ..diagnostics import modelInformation
from ..task_runner import onClicked


class Advanced:
    """Shows what is looked up only while the section is open.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    logic : LDCTDenoiseLogic
        Gives the diagnostics.
    requirements : str
        Path of the module's requirements.txt.
    guarded, onInstalled : callable
        As elsewhere in the panel; called after packages were installed.
    """

    def __init__(self, ui, logic, requirements: str, guarded, onInstalled):
        self.ui, self._logic, self._requirements = ui, logic, requirements
        self._onInstalled = onInstalled
        self._jobs = None
        ui.advancedButton.connect("contentsCollapsed(bool)", self._onCollapsed)
        onClicked(guarded, (ui.copyDiagnosticsButton, self._copy), (ui.installButton, self._install))

    def show(self, jobs) -> None:
        """Show the models of these jobs; nothing is read again while they stay the same."""
        if self.ui.advancedButton.collapsed:
            return
        jobs = [(job.method, job.model) for job in jobs]
        if jobs != self._jobs:
            self._jobs = jobs
            self.ui.modelInfoText.plainText = "\n\n".join(_information(method, model) for method, model in jobs)
        self.ui.diagnosticsText.plainText = self._logic.diagnostics()
        missing = [*dependencies.missingPackages(self._requirements), *dependencies.fasterPackages()]
        self.ui.installButton.enabled = bool(missing)

    def _onCollapsed(self, collapsed: bool) -> None:
        self._onInstalled()

    def _copy(self) -> None:
        qt.QApplication.clipboard().setText(self._logic.diagnostics())

    def _install(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder with the packages as wheels (.whl)")
        )
        if folder:
            try:
                dependencies.installFromFolder(folder, self._requirements)
            finally:
                self._onInstalled()


def _information(method, model) -> str:
    """Return what a model file says of itself, a line each."""
    try:
        if model is None:
            from LDCTDenoiseLib.methods import REFERENCE_METHODS

            if method in REFERENCE_METHODS:
                return _("{method}: no training, no model file.").format(method=method)
            model = find_model(method)
        return "\n".join(f"{name}: {text}" for name, text in modelInformation(model))
    except LDCTError as error:
        return str(error)
