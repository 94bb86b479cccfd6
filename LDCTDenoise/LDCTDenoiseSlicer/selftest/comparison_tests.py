"""The comparison in real views: scrolled, zoomed, dragged and drawn in with the mouse (desktop only)."""

import tempfile
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk

from ..comparison import plane, views
from ..comparison.layout import isOurs, viewName


class ComparisonTests:
    """The part of `PanelTest` that works in the comparison's views."""

    def linkedViews(self) -> None:
        """Scrolling, zooming and panning one view moves the others; the zooms stay on their region."""
        test = self._test
        section = self._layOut("zoom", "difference", "noise")
        links = self.panel.logic.comparison._stage.links
        mouse = _Mouse(viewName("images", 1))
        k = section.sliceIndex
        mouse.over(0.5, 0.5)
        mouse.send("MouseWheelForwardEvent")
        self._spin(lambda: section.sliceIndex == k + 1)
        self._wait(0.2)
        offsets = [node.GetSliceOffset() for node in [*links.wholes, *links.zooms]]
        test.assertLess(np.ptp(offsets), 1e-6)
        before, zoomed = plane.scaleOf(links.wholes[1]), plane.scaleOf(links.zooms[0])
        mouse.drag("Right", (0.2, 0.2), (0.2, 0.4))  # beside the box, which takes the mouse
        mouse.drag("Middle", (0.2, 0.2), (0.3, 0.25))
        self._wait(0.2)
        scales = [plane.scaleOf(node) for node in links.wholes]
        test.assertLess(np.ptp(scales) / scales[0], 1e-3)
        test.assertGreater(abs(scales[0] / before - 1), 0.01)
        test.assertLess(np.ptp([node.GetXYZOrigin()[:2] for node in links.wholes], axis=0).max(), 1e-3)
        test.assertGreater(abs(links.wholes[0].GetXYZOrigin()[0]), 0.1)
        test.assertLess(abs(plane.scaleOf(links.zooms[0]) / zoomed - 1), 1e-3)
        section.ui.fitButton.click()
        self._wait(0.2)
        test.assertLess(abs(plane.scaleOf(links.wholes[1]) / before - 1), 1e-3)
        self._requireDrawn(links)
        self._grab("comparison-rows")
        section.ui.sideBySideButton.click()

    def hangAndFlick(self) -> None:
        """A double click and keys make one image large and flick between images, reference and differences."""
        test = self._test
        section = self._layOut()
        comparison = self.panel.logic.comparison
        test.assertEqual((comparison.layout.images, comparison.request.visible), (2, ["FDCT", "LDCT"]))
        mouse = _Mouse(viewName("images", 1))
        mouse.over(0.5, 0.5)
        self._spin(lambda: comparison.pointed != {})
        test.assertTrue("LDCT" in self.panel.ui.pointerLabel.text)
        self._grab("hung")
        mouse.send("LeftButtonDoubleClickEvent")
        self._spin(lambda: comparison.request.arrangement == "stack")
        self._wait(0.3)
        test.assertEqual(comparison.request.visible, ["LDCT"])
        test.assertTrue(slicer.app.layoutManager().viewport().isAncestorOf(qt.QApplication.focusWidget()))
        self._grab("stack")
        self._press("1")
        test.assertEqual(self._shownIn("images"), "FDCT")
        self._press("2")
        self._press("Space")
        test.assertEqual((comparison.peeked, self._shownIn("images")), ("reference", "FDCT"))
        self._press("Space")
        self._press("D")
        test.assertEqual(comparison.peeked, "difference")
        self._wait(0.2)
        self._grab("stack-difference")
        released = qt.QKeyEvent(qt.QEvent.KeyRelease, qt.Qt.Key_D, qt.Qt.NoModifier)
        qt.QCoreApplication.sendEvent(qt.QApplication.focusWidget(), released)
        test.assertEqual((comparison.peeked, self._shownIn("images")), ("", "LDCT"))
        self._press("F4")
        test.assertEqual(section.window.lower, -1350)
        self._press("F1")
        self._press("Esc")
        self.panel.logic.turnComparison("coronal")
        self._wait(0.3)
        test.assertEqual((comparison.layout.images, comparison.position[0]), (2, 1))
        self._grab("coronal")
        test.assertEqual(section.ui.orientationComboBox.currentIndex, 1)
        self.panel.logic.turnComparison("axial")
        section.ui.sideBySideButton.click()

    def _press(self, key: str) -> None:
        """Do what the shortcut does; that the key reaches it, a real keyboard must show."""
        self.panel.logic.comparison._keys._onPressed(key)
        self._wait(0.1)

    @staticmethod
    def _shownIn(row: str) -> str:
        return views.backgroundOf(slicer.mrmlScene, viewName(row, 0)).GetName()

    def dragAndDrawTheBox(self) -> None:
        """The zooms follow the box while it is dragged; two clicks draw another."""
        test = self._test
        section = self._layOut("zoom")
        roi, links = section.roi, self.panel.logic.comparison._stage.links
        mouse = _Mouse(viewName("images", 1))
        heard = []
        section.addListener(heard.append)
        start = np.array(roi.GetCenterWorld())
        # Anywhere inside, not by the handle in its middle alone.
        corners = np.array([mouse.share(corner) for corner in plane.boxCorners(roi)])
        at = corners.min(axis=0) + 0.3 * np.ptp(corners, axis=0)
        mouse.drag("Left", at, at + [0.1, 0.05])
        self._wait(0.2)
        moved = np.array(roi.GetCenterWorld())
        test.assertGreater(np.linalg.norm(moved - start), 1)
        test.assertTrue({"roi", "roiEnd"} <= set(heard))
        self._requireZoomed(roi, links)
        self._grab("comparison-zoom")
        section.ui.drawButton.click()
        self._wait(0.2)
        drawn = section.roi
        test.assertFalse(drawn is roi)
        for share in ((0.3, 0.4), (0.55, 0.65)):
            mouse.click("Left", share)
            self._wait(0.2)
        test.assertEqual(drawn.GetNumberOfDefinedControlPoints(), 1)
        links = self.panel.logic.comparison._stage.links
        self._requireZoomed(drawn, links)
        k = section.sliceIndex
        self.panel.logic.showComparisonSlice(k - 1)
        normal = plane.matrixOf(links.wholes[0])[:3, 2]
        # It stays where it was drawn.
        step = np.array(drawn.GetCenterWorld()) - plane.matrixOf(links.wholes[0])[:3, 3]
        test.assertGreater(abs(step @ normal), 0.1)
        section.ui.sideBySideButton.click()

    def layoutsStayTheUsers(self) -> None:
        """Another layout, a deleted volume, a closed scene and a saved one all leave the user's layout and windows."""
        test, manager = self._test, slicer.app.layoutManager()
        full, low = self._choosePair()
        low.GetDisplayNode().SetAutoWindowLevel(False)
        low.GetDisplayNode().SetWindowLevel(777, 55)
        before = manager.layout
        section = self.panel.section
        section.ui.sideBySideButton.click()
        test.assertTrue(isOurs(manager.layout))
        manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
        test.assertFalse(section.ui.sideBySideButton.checked)
        test.assertEqual(low.GetDisplayNode().GetWindow(), 777)
        manager.setLayout(before)
        section.ui.sideBySideButton.click()
        slicer.mrmlScene.RemoveNode(full)
        self._wait(0.2)
        test.assertEqual(list(self.panel.logic.comparison.request.images), ["LDCT"])
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "scene.mrb")
            test.assertTrue(slicer.util.saveScene(path))
            slicer.mrmlScene.Clear()
            test.assertEqual(manager.layout, before)
            slicer.util.loadScene(path)
        self._spin(lambda: section.shown)
        self._wait(0.2)
        section.ui.sideBySideButton.click()
        test.assertEqual(manager.layout, before)
        test.assertEqual(slicer.util.getNode("LDCT").GetDisplayNode().GetWindow(), 777)

    def _layOut(self, *rows):
        self._choosePair()
        section = self.panel.section
        section.ui.sideBySideButton.click()
        for row in rows:
            getattr(section.ui, f"{row}CheckBox").click()
        self._spin(lambda: section.shown and (section.roi is not None or "zoom" not in rows))
        self._wait(0.5)
        return section

    def _requireDrawn(self, links) -> None:
        """What the views paint must be what their nodes say: an update in the middle of another can get lost."""
        for node in [*links.wholes, *links.zooms]:
            self._test.assertLess(abs(node.GetXYToSlice().GetElement(1, 1) / plane.scaleOf(node) - 1), 1e-6)

    def _requireZoomed(self, roi, links) -> None:
        """The region must fill each zoom as far as its aspect lets it."""
        self._requireDrawn(links)
        for node in links.zooms:
            corners = np.array([_pixel(node, corner) for corner in plane.boxCorners(roi)])
            share = np.ptp(corners, axis=0) / node.GetDimensions()[:2]
            # A column may be a pixel wider than the next.
            self._test.assertLess(abs(share.max() - 1), 0.03)


class _Mouse:
    """The mouse in a slice view; places are shares of its width and height, from the lower left."""

    def __init__(self, view: str):
        widget = slicer.app.layoutManager().sliceWidget(view)
        self._node, self._interactor = widget.mrmlSliceNode(), widget.sliceView().interactor()

    def share(self, point) -> np.ndarray:
        """Return where a point of the world is seen."""
        return _pixel(self._node, point) / self._node.GetDimensions()[:2]

    def over(self, x: float, y: float) -> None:
        self._move(x, y, "EnterEvent")
        self._move(x, y, "MouseMoveEvent")

    def send(self, event: str) -> None:
        self._interactor.InvokeEvent(event)

    def click(self, button: str, share) -> None:
        self.over(*share)
        for what in ("Press", "Release"):
            self.send(f"{button}Button{what}Event")

    def drag(self, button: str, start, end) -> None:
        self.over(*start)
        self.send(f"{button}ButtonPressEvent")
        for part in np.linspace(0, 1, 6):
            self._move(*(np.array(start) + part * (np.array(end) - start)), "MouseMoveEvent")
            slicer.app.processEvents()
        self.send(f"{button}ButtonReleaseEvent")

    def _move(self, x: float, y: float, event: str) -> None:
        columns, rows, _ = self._node.GetDimensions()
        self._interactor.SetEventInformation(round(x * columns), round(y * rows), 0, 0)
        self.send(event)


def _pixel(node, point) -> np.ndarray:
    inverse = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
    return np.array(inverse.MultiplyPoint([*point, 1.0])[:2])
