"""The panel in a real main window: its buttons pressed, its pictures taken (desktop only)."""

import os
import tempfile
import time
from pathlib import Path

import qt
import slicer

from .comparison_tests import ComparisonTests
from .logic_tests import makePair
from .measure_tests import MeasureTests

#: The median of the gaps of the event loop, in seconds, above which the window does not answer, ten times what it is on
#: an idle machine. Not the longest gap: that is the machine's, on one that does other work too.
_MEDIAN_GAP = 0.2
#: A gap that is felt, in seconds.
_FELT = 0.05


class PanelTest(ComparisonTests, MeasureTests):
    """One method for each test.

    Parameters
    ----------
    test : ScriptedLoadableModuleTest
        Asserts.
    """

    def __init__(self, test):
        self._test = test
        slicer.util.selectModule("LDCTDenoise")
        self.widget = slicer.modules.ldctdenoise.widgetRepresentation().self()
        self.panel, self.ui = self.widget.panel, self.widget.ui
        self.panel.parameters.methods = ["TV"]
        self.panel.parameters.strength, self.panel.parameters.preview = 1.0, False

    def applyMeasureAndCompare(self) -> None:
        """Two methods in one Apply, the numbers, and the comparison side by side."""
        test, low = self._test, self._choosePair()[1]
        self._tick("TV", "NLM")
        self._apply()
        outputs = self.panel.outputs()
        test.assertEqual(list(outputs), ["TV", "NLM"])
        test.assertEqual([n.GetName() for n in outputs.values()], ["LDCT TV", "LDCT NLM"])
        self._spin(lambda: self._rows()[-1:] == ["NLM"])
        test.assertEqual(self._rows(), ["FDCT", "LDCT", "TV", "NLM"])
        numbers = self.panel.logic.measure({"NLM": outputs["NLM"]}, self.panel.parameters.referenceVolume,
                                           self.panel.view.sliceIndex)
        test.assertEqual(self.ui.numbersTable.item(3, 2).text(), numbers.cells()[1][2])
        test.assertTrue("[-160, 240] HU" in self.ui.captionLabel.text)
        self._grab("numbers")
        self.ui.tableButton.click()
        test.assertEqual(slicer.util.getNodesByClass("vtkMRMLTableNode")[-1].GetTable().GetNumberOfRows(), 4)
        before = slicer.app.layoutManager().layout
        self.panel.section.ui.sideBySideButton.click()
        self._spin(lambda: self.panel.section.shown)
        self._wait(0.5)
        self._grab("comparison")
        slicer.util.selectModule("Data")
        test.assertEqual(slicer.app.layoutManager().layout, before)
        slicer.util.selectModule("LDCTDenoise")
        self._spin(lambda: self.panel.section.shown)
        self.panel.section.ui.sideBySideButton.click()
        test.assertEqual(slicer.app.layoutManager().layout, before)
        test.assertTrue(low.GetScene() is slicer.mrmlScene)

    def strengthAndPreview(self) -> None:
        """The slider changes the output without a run; the preview fills the slice in view and leaves no trace."""
        test, low = self._test, self._choosePair()[1]
        count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
        self.ui.previewCheckBox.checked = True
        self._spin(lambda: "TV preview" in self._rows())
        node = self.panel.preview.nodes["TV"]
        k = self.panel.view.sliceIndex
        self._spin(lambda: (self._voxels(node)[k] != self._voxels(low)[k]).any())
        self._grab("preview")
        self.ui.previewCheckBox.checked = False
        self._spin(lambda: slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == count)
        self._apply()
        output = self.panel.outputs()["TV"]
        full = self._voxels(output).copy()
        self.ui.strengthSlider.value = 0.0
        self._spin(lambda: (self._voxels(output) == self._voxels(low)).all())
        self.ui.strengthSlider.value = 1.0
        self._spin(lambda: (self._voxels(output) == full).all())
        test.assertFalse(self.panel.running)

    def cancelAndClose(self) -> None:
        """Cancel leaves the scene as it was; so does closing it, or deleting the input, while it runs."""
        test = self._test
        low = self._choosePair(60, 256)[1]
        names = self._names()
        self.ui.applyButton.click()
        self._spin(lambda: "of 60 slices" in self.ui.progressBar.format)
        self.ui.applyButton.click()
        test.assertEqual((self.ui.applyButton.text, self._names()), ("Apply", names))
        self.ui.applyButton.click()
        slicer.mrmlScene.RemoveNode(low)
        self._spin(lambda: not self.panel.running)
        test.assertEqual(self._names(), ["FDCT"])
        self._choosePair(60, 256)
        self.ui.applyButton.click()
        slicer.mrmlScene.Clear()
        test.assertFalse(self.panel.running)
        self._wait(0.5)
        test.assertEqual(self._names(), [])

    def saveAndReopen(self) -> None:
        """The choices come back with the scene."""
        test = self._test
        self._choosePair()
        self._apply()
        self.ui.strengthSlider.value = 0.5
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "scene.mrb")
            test.assertTrue(slicer.util.saveScene(path))
            slicer.mrmlScene.Clear()
            slicer.util.loadScene(path)
        parameters = self.panel.parameters
        test.assertEqual((parameters.inputVolume.GetName(), parameters.referenceVolume.GetName()), ("LDCT", "FDCT"))
        test.assertEqual((list(parameters.methods), parameters.strength), (["TV"], 0.5))
        test.assertEqual([n.GetName() for n in self.panel.outputs().values()], ["LDCT TV"])
        test.assertEqual(self.ui.strengthSlider.value, 0.5)

    def deletedIsNothing(self) -> None:
        """No selector takes another volume in place of one that is deleted, here or while another module is open."""
        test, ui = self._test, self.ui
        makePair()
        full, low = self._choosePair()
        slicer.mrmlScene.RemoveNode(full)
        self._wait(0.1)
        test.assertEqual((ui.referenceSelector.currentNode(), ui.inputSelector.currentNode()), (None, low))
        slicer.util.selectModule("Data")
        slicer.mrmlScene.RemoveNode(low)
        slicer.util.selectModule("LDCTDenoise")
        self._wait(0.1)
        test.assertEqual((ui.inputSelector.currentNode(), self.panel.parameters.inputVolume), (None, None))
        test.assertFalse(ui.applyButton.enabled)

    def answersWhileItRuns(self) -> None:
        """The event loop turns while a volume is denoised; its gaps are printed."""
        self._choosePair(12, 512)
        gaps = _Gaps()
        self._apply()
        self._test.assertGreater(_MEDIAN_GAP, gaps.stop())

    def reload(self) -> None:
        """The module can be loaded anew, with Slicer's own button."""
        self._choosePair()
        self.widget.onReload()
        widget = slicer.modules.ldctdenoise.widgetRepresentation().self()
        self._test.assertFalse(widget is self.widget)
        self._test.assertEqual(widget.ui.inputSelector.currentNode().GetName(), "LDCT")

    def _choosePair(self, slices: int = 4, size: int = 64) -> tuple:
        full, low = makePair(slices, size)
        self.panel.parameters.inputVolume, self.panel.parameters.referenceVolume = low, full
        slicer.util.setSliceViewerLayers(background=low, fit=True)
        return full, low

    def _tick(self, *methods) -> None:
        for row in range(self.ui.methodList.count):
            item = self.ui.methodList.item(row)
            ticked = item.text().split(" ")[0] in methods
            item.setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)

    def _apply(self) -> None:
        self.ui.applyButton.click()
        self._test.assertTrue(self.panel.running)
        self._spin(lambda: not self.panel.running)

    def _rows(self) -> list[str]:
        table = self.ui.numbersTable
        return [table.item(row, 0).text() for row in range(table.rowCount)]

    @staticmethod
    def _names() -> list[str]:
        return [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]

    @staticmethod
    def _voxels(node):
        return slicer.util.arrayFromVolume(node)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._spin(lambda: time.monotonic() > until)

    def _spin(self, until, seconds: float = 120) -> None:
        """Let the event loop turn until a condition holds."""
        loop, timer, started = qt.QEventLoop(), qt.QTimer(), time.monotonic()

        def look() -> None:
            if until() or time.monotonic() - started > seconds:
                loop.quit()

        timer.setInterval(20)
        timer.connect("timeout()", look)
        timer.start()
        loop.exec_()
        timer.stop()
        self._test.assertTrue(until())

    @staticmethod
    def _grab(name: str) -> None:
        """Save a picture of the main window, when the environment variable LDCT_SCREENSHOTS names a folder."""
        folder = os.environ.get("LDCT_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            slicer.util.forceRenderAllViews()
            slicer.app.processEvents()
            slicer.util.mainWindow().grab().save(str(Path(folder) / f"{name}.png"))


class _Gaps:
    """The time between two turns of the event loop, by a timer of 10 ms."""

    def __init__(self):
        self._last, self._gaps = time.monotonic(), []
        self._timer = qt.QTimer()
        self._timer.setInterval(10)
        self._timer.connect("timeout()", self._onTick)
        self._timer.start()

    def stop(self) -> float:
        """Print the gaps and return their median in seconds."""
        self._timer.stop()
        gaps = sorted(self._gaps)
        median, most = gaps[len(gaps) // 2], gaps[int(0.99 * len(gaps))]
        long = sum(gap > _FELT for gap in gaps)
        print(f"Gaps of the event loop: {len(gaps)}, median {1e3 * median:.0f} ms, 99 % below {1e3 * most:.0f} ms, "
              f"longest {1e3 * gaps[-1]:.0f} ms, {long} above 50 ms")
        return median

    def _onTick(self) -> None:
        now = time.monotonic()
        self._gaps.append(now - self._last)
        self._last = now
