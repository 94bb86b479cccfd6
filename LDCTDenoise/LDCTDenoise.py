"""LDCT Denoise: low-dose CT denoising in 3D Slicer.

On slicer-core, which has no module framework, `from LDCTDenoise import LDCTDenoiseLogic` works all the same.
"""

import slicer
import vtk
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from LDCTDenoiseSlicer.module import Module, ModuleTest, ModuleWidget, _

#: The attribute of a parameter node for which a low-dose volume has been chosen: from then on the choice is the user's.
_CHOSEN = "LDCTDenoise.InputChosen"

__all__ = ["LDCTDenoise", "LDCTDenoiseLogic", "LDCTDenoiseTest", "LDCTDenoiseWidget"]


#
# LDCTDenoise
#


class LDCTDenoise(Module):
    """What Slicer's module list knows of the module."""

    def __init__(self, parent):
        Module.__init__(self, parent)
        self.parent.title = _("LDCT Denoise")
        self.parent.dependencies = []
        self.parent.helpText = _(
            "Denoises low-dose CT with convolutional networks, and with total variation and non-local means beside "
            "them; measures PSNR, SSIM and RMSE against a full-dose volume."
            "<p>For research. Not a medical device, not for diagnosis: denoising can blur or invent detail.</p>"
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add the phantom pair to the module Sample Data, once all modules are there."""
    from LDCTDenoiseSlicer.sample import registerSampleData

    registerSampleData()


#
# LDCTDenoiseWidget
#


class LDCTDenoiseWidget(ModuleWidget):
    """Slicer's life cycle; what the user sees and presses is `LDCTDenoiseSlicer.panel.Panel`."""

    packages = ("LDCTDenoiseLib", "LDCTDenoiseSlicer")

    def __init__(self, parent=None):
        ModuleWidget.__init__(self, parent)
        self._parameterNodeGuiTag = None

    def setup(self):
        ModuleWidget.setup(self)
        from LDCTDenoiseSlicer.comparison.debounce import Debounce
        from LDCTDenoiseSlicer.panel import Panel

        self.loadUI()
        self.logic = LDCTDenoiseLogic()
        self.panel = Panel(self.ui, self.logic, self.resourcePath)
        # After the events at hand: a volume that is added has no image yet.
        self._proposal = Debounce(self.proposePair)

        self.observeScene(
            StartSave=self.onSceneStartSave, NodeAboutToBeRemoved=self.onNodeAboutToBeRemoved,
            NodeRemoved=self.onNodeRemoved, NodeAdded=self.onNodeAdded,
        )  # fmt: skip
        self.initializeParameterNode()

    def cleanup(self):
        """Stop what runs and let go of the scene: Slicer closes, or the module is reloaded."""
        if self.panel is not None:
            self._proposal.stop()
            self.panel.close()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        """Leave what runs running; only the panel no longer follows."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.panel.follower.drop()
        ModuleWidget.onSceneStartClose(self, caller, event)

    def onSceneStartSave(self, caller, event):
        self.panel.follower.finish()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAboutToBeRemoved(self, caller, event, node):
        # Before it goes: a selector that loses its volume takes another one, which nobody has chosen.
        if self.panel is not None:
            self.panel.release(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, caller, event, node):
        if self.panel is not None and (node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLMarkupsNode")):
            self.panel.onNodeRemoved()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, caller, event, node):
        if self._parameterNode is not None and node.IsA("vtkMRMLScalarVolumeNode"):
            self._proposal.ask()

    def proposePair(self):
        """Choose the pair that the scene seems to hold, as long as the user has chosen none."""
        node = self._parameterNode
        unchosen = node is not None and not node.inputVolume and not node.parameterNode.GetAttribute(_CHOSEN)
        if unchosen or self.panel.guessed:
            self.panel.proposePair()

    def initializeParameterNode(self):
        """Make sure that there is a parameter node; the first time, with a pair proposed when the scene has one."""
        self.setParameterNode(self.logic.getParameterNode())
        self.proposePair()
        self._rememberChoice()

    def setParameterNode(self, parameterNode):
        """Bind panel and widgets to another parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self._parameterNodeGuiTag = None
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        if self.panel is not None:
            self.panel.setParameterNode(parameterNode)

    def _onParametersModified(self, caller=None, event=None):
        self._rememberChoice()
        self.panel.refresh()

    def _rememberChoice(self):
        if self._parameterNode.inputVolume:
            self._parameterNode.parameterNode.SetAttribute(_CHOSEN, "1")


#
# LDCTDenoiseTest
#


class LDCTDenoiseTest(ModuleTest):
    """Run the logic in Slicer's own scene and, where there is a main window, press the panel's buttons."""

    def runTest(self):
        from LDCTDenoiseSlicer.selftest import PANEL_TESTS

        for test in (self.test_DenoiseAndCompare, self.test_BadInput, self.test_DICOM):
            self.setUp()
            test()
            self.delayDisplay(f"{test.__name__} done")
        if slicer.app.layoutManager() is not None:
            for name in PANEL_TESTS:
                self.setUp()
                self.runPanelTest(name)

    def test_DenoiseAndCompare(self):
        from LDCTDenoiseSlicer.selftest import denoiseAndCompare

        denoiseAndCompare(self)

    def test_BadInput(self):
        from LDCTDenoiseSlicer.selftest import badInput

        badInput(self)

    def test_DICOM(self):
        from LDCTDenoiseSlicer.selftest.dicom_tests import hasDICOM, thereAndBack

        if not hasDICOM():
            self.delayDisplay("test_DICOM left out: this Slicer has no DICOM database")
            return
        thereAndBack(self)

    def runPanelTest(self, name):
        from LDCTDenoiseSlicer.selftest.panel_tests import PanelTest

        getattr(PanelTest(self), name)()
        self.delayDisplay(f"{name} passed")
