"""LDCT Denoise Training: train the networks of LDCT Denoise on patients of one's own, in 3D Slicer.

On slicer-core, which has no module framework, `from LDCTDenoiseTraining import LDCTDenoiseTrainingLogic` works all the
same.
"""

import slicer
from LDCTDenoiseSlicer.module import Module, ModuleTest, ModuleWidget, _
from LDCTDenoiseTrainingSlicer.logic import LDCTDenoiseTrainingLogic

__all__ = ["LDCTDenoiseTraining", "LDCTDenoiseTrainingLogic", "LDCTDenoiseTrainingTest", "LDCTDenoiseTrainingWidget"]


#
# LDCTDenoiseTraining
#


class LDCTDenoiseTraining(Module):
    """What Slicer's module list knows of the module."""

    def __init__(self, parent):
        Module.__init__(self, parent)
        self.parent.title = _("LDCT Denoise Training")
        self.parent.dependencies = ["LDCTDenoise"]
        self.parent.helpText = _(
            "Trains the networks of LDCT Denoise on patients of your own, from the scene, folders or the DICOM "
            "database; where there is no low-dose scan, low dose is simulated. The training is a process of its own."
            "<p>For research. Not a medical device.</p>"
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add the phantom patients to the module Sample Data, once all modules are there."""
    from LDCTDenoiseTrainingSlicer.patients.phantoms import registerSampleData

    registerSampleData()


#
# LDCTDenoiseTrainingWidget
#


class LDCTDenoiseTrainingWidget(ModuleWidget):
    """Slicer's life cycle; what the user sees and presses is `LDCTDenoiseTrainingSlicer.panel.Panel`."""

    packages = ("LDCTDenoiseTrainingLib", "LDCTDenoiseTrainingSlicer")

    def __init__(self, parent=None):
        ModuleWidget.__init__(self, parent)
        self._reloading = False

    def setup(self):
        ModuleWidget.setup(self)
        from LDCTDenoiseTrainingSlicer.panel import Panel

        self.loadUI()
        self.logic = LDCTDenoiseTrainingLogic()
        self.panel = Panel(self.ui, self.logic, self.resourcePath("training-requirements.txt"))
        self.observeScene(NodeRemoved=self.onNodeRemoved)
        self.initializeParameterNode()

    def cleanup(self):
        """Let go of the scene: Slicer closes, or the module is reloaded, which is no reason to stop a training."""
        if self.panel is not None:
            if not self._reloading:
                self.panel.closing()
            self.panel.close()
            self.panel = None
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()
        self.panel.enter()

    def exit(self):
        if self.panel is not None:  # Slicer leaves a module after its cleanup, too
            self.panel.leave()

    def initializeParameterNode(self):
        """Follow the scene's parameter node, which is made when there is none."""
        if self._parameterNode is None:
            from LDCTDenoiseTrainingSlicer.training_parameters import getParameterNode

            self.setParameterNode(getParameterNode(slicer.mrmlScene))

    def setParameterNode(self, parameterNode):
        """Bind the panel to another parameter node, or to none."""
        self._parameterNode = parameterNode
        self.panel.setParameterNode(parameterNode)

    def onNodeRemoved(self, caller, event):
        # When a scene is closed, nobody follows it.
        if self._parameterNode is not None:
            self.panel.patients.onNodeRemoved()

    def onReload(self):
        self._reloading = True
        ModuleWidget.onReload(self)


#
# LDCTDenoiseTrainingTest
#


class LDCTDenoiseTrainingTest(ModuleTest):
    """Train a few steps on two tiny patients of the scene, stop, resume and use the model."""

    def runTest(self):
        for test in (self.test_PanelOpens, self.test_TrainStopResumeUse):
            self.setUp()
            test()

    def test_PanelOpens(self):
        widget = slicer.util.getModuleWidget("LDCTDenoiseTraining")
        self.assertEqual(widget.panel.recipe.method, "DCSCN")
        self.assertEqual(widget.panel.recipe.config().patch, 80)
        self.delayDisplay("test_PanelOpens passed")

    def test_TrainStopResumeUse(self):
        import os
        import tempfile

        self._addPatients()
        models = os.environ.get("LDCT_DENOISE_MODELS")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            os.environ["LDCT_DENOISE_MODELS"] = os.path.join(folder, "models")
            try:
                self._train(folder)
            finally:
                os.environ.pop("LDCT_DENOISE_MODELS")
                if models is not None:
                    os.environ["LDCT_DENOISE_MODELS"] = models
        self.delayDisplay("test_TrainStopResumeUse passed")

    def _train(self, folder):
        logic = LDCTDenoiseTrainingLogic(folder)
        patients = logic.newPatients()
        patients.addVolumes()
        patients.splitSevenToThree()
        self.assertEqual(logic.check(patients, 16), [])
        config = logic.config("CNN-L1", patch=16, batch=2, steps=100000, validate_every=50000, validation_slices=1,
                              validation_pairs=2, log_every=1)
        run = logic.start(patients, config, device="cpu")
        self._wait(run, lambda state: state.step >= 2 or not state.active)
        logic.stop(run)
        state = self._wait(run, lambda state: not state.active)
        self.assertEqual(state.status, "stopped")
        logic.resume(run, steps=state.step + 2)
        self.assertEqual(self._wait(run, lambda state: not state.active).status, "finished")
        logic.showCurves([run])
        self.assertGreater(logic.plots.chart("Training loss").GetNumberOfPlotSeriesNodes(), 0)
        self.assertGreater(logic.result(run).GetTable().GetNumberOfRows(), 1)
        from LDCTDenoiseLib.models import catalogue

        path = logic.useModel(run)
        self.assertEqual([entry.path for entry in catalogue() if not entry.ships], [path])

    def _wait(self, run, condition, seconds=600):
        import time

        until = time.monotonic() + seconds
        while not condition(state := run.poll()):
            if time.monotonic() > until:
                raise TimeoutError(f"{state}: {run.lines}")
            if hasattr(slicer.app, "processEvents"):
                slicer.app.processEvents()
            time.sleep(0.05)
        return state

    def _addPatients(self):
        """Add "P0 full", "P0 low", "P1 full", "P1 low": discs of soft tissue in air, 2 slices of 32×32."""
        import numpy as np

        j, i = np.mgrid[:32, :32]
        for number in range(2):
            rng = np.random.default_rng(number)
            full = np.where((i - 16) ** 2 + (j - 16) ** 2 < 13**2, 40.0, -1000.0) + rng.normal(0, 8, (2, 32, 32))
            for kind, array in (("full", full), ("low", full + rng.normal(0, 60, full.shape))):
                node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"P{number} {kind}")
                slicer.util.updateVolumeFromArray(node, np.rint(array).astype(np.int16))
                node.SetSpacing(10, 10, 5)
