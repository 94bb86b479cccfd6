"""LDCT Denoise: low-dose CT denoising in 3D Slicer.

On slicer-core, which has no module framework, `from LDCTDenoise import LDCTDenoiseLogic` works all the same.
"""

import sys

import slicer
import vtk
from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic
from slicer.util import VTKObservationMixin

try:
    from slicer.i18n import tr as _
    from slicer.i18n import translate
    from slicer.ScriptedLoadableModule import (
        ScriptedLoadableModule,
        ScriptedLoadableModuleTest,
        ScriptedLoadableModuleWidget,
    )
except ModuleNotFoundError:  # slicer-core
    ScriptedLoadableModule = ScriptedLoadableModuleTest = ScriptedLoadableModuleWidget = type("DesktopOnly", (), {})

__all__ = ["LDCTDenoise", "LDCTDenoiseLogic", "LDCTDenoiseTest", "LDCTDenoiseWidget"]


#
# LDCTDenoise
#


class LDCTDenoise(ScriptedLoadableModule):
    """What Slicer's module list knows of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("LDCT Denoise")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering.Denoising")]
        self.parent.dependencies = []
        self.parent.contributors = ["LDCTDenoise contributors"]
        self.parent.helpText = _(
            "Denoises low-dose CT with convolutional networks, and with total variation and non-local means beside "
            "them; measures PSNR, SSIM and RMSE against a full-dose volume."
            "<p>For research. Not a medical device, not for diagnosis: denoising can blur or invent detail.</p>"
        )
        self.parent.acknowledgementText = _(
            "The networks are those of You et al., Low-Dose CT via Deep CNN with Skip Connection and Network in "
            "Network, {link}."
        ).format(link='<a href="https://arxiv.org/abs/1811.10564">arXiv 1811.10564</a>')
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add the phantom pair to the module Sample Data, once all modules are there."""
    from LDCTDenoiseSlicer.sample import registerSampleData

    registerSampleData()


#
# LDCTDenoiseWidget
#


class LDCTDenoiseWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Slicer's life cycle; what the user sees and presses is `LDCTDenoiseSlicer.panel.Panel`."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from LDCTDenoiseSlicer.panel import Panel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LDCTDenoise.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.logic = LDCTDenoiseLogic()
        self.panel = Panel(self.ui, self.logic, self.resourcePath)

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartSaveEvent, self.onSceneStartSave)
        self.initializeParameterNode()

    def cleanup(self):
        """Stop what runs and let go of the scene: Slicer closes, or the module is reloaded."""
        if self.panel is not None:
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
        self.panel.stop(_("Stopped: the scene was closed."))
        self.setParameterNode(None)

    def onSceneStartSave(self, caller, event):
        self.panel.follower.finish()

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller, event):
        # A selector takes the first volume that arrives, which would replace the choice that is saved in the scene.
        self.setParameterNode(None)

    def onSceneEndImport(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Make sure that there is a parameter node, with a volume chosen when the scene has one."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            # By class name: label maps and vector volumes are scalar volumes, too, by inheritance.
            volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
            first = next((v for v in volumes
                          if v.GetClassName() == "vtkMRMLScalarVolumeNode" and not v.GetHideFromEditors()), None)
            if first:
                self._parameterNode.inputVolume = first

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

    def onReload(self):
        """Reload the module with the code beneath it."""
        for name in list(sys.modules):
            if name.split(".")[0] in ("LDCTDenoiseLib", "LDCTDenoiseSlicer"):
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    def _onParametersModified(self, caller=None, event=None):
        self.panel.refresh()


#
# LDCTDenoiseTest
#


class LDCTDenoiseTest(ScriptedLoadableModuleTest):
    """Run the logic in Slicer's own scene on a small synthetic volume."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_DenoiseAndCompare, self.test_BadInput):
            self.setUp()
            test()

    def test_DenoiseAndCompare(self):
        from LDCTDenoiseLib.methods import available_methods

        method = "DCSCN" if "DCSCN" in available_methods() else "NLM"
        full, low = self._makePair()
        logic = LDCTDenoiseLogic()
        denoised = logic.denoise(low, method=method)
        self.assertEqual(denoised.GetName(), f"LDCT {method}")
        self.assertEqual(denoised.GetImageData().GetScalarType(), low.GetImageData().GetScalarType())
        self.assertEqual(denoised.GetImageData().GetDimensions(), low.GetImageData().GetDimensions())
        expected, matrix = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        low.GetIJKToRASMatrix(expected)
        denoised.GetIJKToRASMatrix(matrix)
        for row in range(4):
            for column in range(4):
                self.assertEqual(matrix.GetElement(row, column), expected.GetElement(row, column))
        # In the middle of the disc: its edge is sharper than any scanner's, which is nothing a network has learnt.
        table = logic.compare(full, {"LDCT": low, method: denoised}, roi=(22, 42, 22, 42, 1)).GetTable()
        self.assertEqual(table.GetNumberOfRows(), 2)
        psnr = [table.GetValueByName(row, "psnr_db").ToDouble() for row in range(2)]
        self.assertGreater(psnr[1], psnr[0])
        self.delayDisplay("test_DenoiseAndCompare passed")

    def test_BadInput(self):
        from LDCTDenoiseLib.errors import GeometryError, InputError

        full, low = self._makePair()
        logic = LDCTDenoiseLogic()
        count = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaises(InputError):
            logic.denoise(None)
        with self.assertRaises(InputError):
            logic.denoise(low, outputVolume=low)
        full.SetSpacing(2, 2, 2)
        with self.assertRaises(GeometryError):
            logic.compare(full, low)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), count)
        self.delayDisplay("test_BadInput passed")

    def _makePair(self):
        """Add a cylinder of soft tissue in air, 4 slices of 64×64, and the same with noise; return (full, low)."""
        import numpy as np

        j, i = np.mgrid[:64, :64]
        disc = np.where((i - 32) ** 2 + (j - 32) ** 2 < 24**2, 60.0, -1000.0)
        full = np.repeat(disc[None], 4, axis=0)
        low = full + np.random.default_rng(0).normal(0, 40, full.shape)
        nodes = []
        for name, array in (("FDCT", full), ("LDCT", low)):
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
            slicer.util.updateVolumeFromArray(node, np.rint(array).astype(np.int16))
            node.SetSpacing(0.7, 0.7, 1.5)
            node.SetOrigin(-20, -30, 100)
            node.CreateDefaultDisplayNodes()
            nodes.append(node)
        return nodes
