"""The views of a reading: one image, or two side by side, large and without a name anywhere."""

import contextlib

import slicer
import slicer.util
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, PRESETS, Window
from slicer.util import VTKObservationMixin

from ..comparison import body, plane, views, widgets
from ..comparison.debounce import Debounce
from ..comparison.furniture import Words
from ..comparison.layout import sliceViews
from ..comparison.saved_display import forget, override, restore
from ..nodes import addHidden, ijkToWorld, nodesOf, removeVolume
from ..planes import planeInView
from .session import Reading

#: The ids of the layouts: one view, or two.
_ID = 72800

#: The group within which Slicer links the two.
_GROUP = 7280


class ReadingView(VTKObservationMixin):
    """Shows the trials of a reading.

    The views show volumes of their own, called "Image", that share the voxels of those that are read: whatever of
    Slicer's window says what is in view says that name.

    Parameters
    ----------
    reading : Reading
    """

    def __init__(self, reading: Reading):
        VTKObservationMixin.__init__(self)
        self.reading, self.window = reading, PAPER
        self._scene = reading.node.GetScene()
        self._layoutNode = None
        self._volumes: list = []
        self._markups: list = []
        # Views get their size after they have been laid out, and another one when the window does.
        self._sizes: list = []
        self._fitSoon = Debounce(self.fit)

    @property
    def shown(self) -> bool:
        return self._layoutNode is not None

    def show(self) -> None:
        """Lay out and show the trial that is next; called again, show the one that is next then.

        Raises
        ------
        InputError
            If all have been answered, an image has gone, or the scene has no views.
        """
        if self.reading.trial is None:
            raise InputError("every image of the reading has been answered; write the answers.")
        looked, sources = self.reading.shown()
        if not self.shown:
            self._layOut(len(sources))
        try:
            self._fill(looked, sources)
        except Exception:
            self.hide()  # rather the user's views than half of ours
            raise

    def _fill(self, looked, sources) -> None:
        """Put the images of the trial into the views."""
        with widgets.renderedOnce():
            for volume, source in zip(self._volumes, sources, strict=True):
                with slicer.util.NodeModify(volume):
                    volume.CopyOrientation(source)
                    volume.SetAndObserveTransformNodeID(source.GetTransformNodeID())
                    volume.SetAndObserveImageData(source.GetImageData())
            self._look(looked)
        self.showWindow(self.window)

    def showWindow(self, window: Window | str) -> None:
        """Show the images in a window, or in one of `PRESETS` by its name."""
        self.window = PRESETS[window] if isinstance(window, str) else window
        for volume in self._volumes:
            volume.GetDisplayNode().AutoWindowLevelOff()
            volume.GetDisplayNode().SetWindowLevelMinMax(self.window.lower, self.window.upper)
        self._write()

    def _write(self) -> None:
        """Write into the views how far the reading is, or the sides of a pair, the plane and the window."""
        nodes, study = self._sliceNodes(), self.reading.study
        for number, node in enumerate(nodes):
            title = ("left", "right")[number] if len(nodes) > 1 else f"{study.number + 1} of {len(study.trials)}"
            place = ""
            with contextlib.suppress(InputError):  # turned, or beside the volume
                place = planeInView(self._volumes[number], node).words
            widgets.dress(node.GetName(), node, Words(title=title, slice=place, window=str(self.window)))

    def scroll(self, slices: int) -> None:
        """Go so many slices on, as far as there are any."""
        nodes = self._sliceNodes()
        matrix, volume = plane.matrixOf(nodes[0]).copy(), self._volumes[0]
        normal = matrix[:3, 2]
        step = slices * plane.spacingAlong(volume, normal)
        matrix[:3, 3] = plane.onSlice(volume, normal, matrix[:3, 3] + step * normal)
        for node in nodes:
            plane.place(node, matrix, node.GetXYZOrigin()[:2], plane.scaleOf(node))
        self._write()

    def fit(self) -> None:
        """Fit the images into the views as large as these are now: in the plane that is looked at."""
        nodes = self._sliceNodes()
        volume, matrix = self._volumes[0], plane.matrixOf(nodes[0])
        plane.frame(nodes, body.corners(volume), plane.spacingAlong(volume, matrix[:3, 2]), matrix)
        self._write()

    def hide(self) -> None:
        """Put the views away; the layout is the user's again. Safe when not shown."""
        if not self.shown:
            return
        layoutNode, self._layoutNode = self._layoutNode, None
        self.removeObservers()
        self._fitSoon.stop()
        nodes = self._sliceNodes()
        if layoutNode.GetViewArrangement() in (_ID + 1, _ID + 2):
            restore(layoutNode)
        else:
            forget(layoutNode)
            layoutNode.SetSaveWithScene(True)
        for display in self._markups:
            if display.GetScene() is not None:
                restore(display)
        for node in nodes:
            views.empty(node)
        for volume in self._volumes:
            removeVolume(volume)
        self._volumes = []

    def _layOut(self, count: int) -> None:
        layoutNode = views.requireLayoutNode(self._scene)
        if not layoutNode.IsLayoutDescription(_ID + count):
            layoutNode.AddLayoutDescription(_ID + count, sliceViews(map(_name, range(count))))
        override(layoutNode, SaveWithScene=0, ViewArrangement=_ID + count)
        if any(views.sliceNode(self._scene, _name(number)) is None for number in range(count)):
            restore(layoutNode)
            raise InputError("there are no views to read in; start Slicer with its main window.")
        self._layoutNode = layoutNode
        # Lines and regions would cover what is read, and their names may say where to look.
        self._markups = nodesOf(self._scene, "vtkMRMLMarkupsDisplayNode")
        for display in self._markups:
            override(display, Visibility=0)
        for _number in range(count):
            self._volumes.append(addHidden(self._scene, "Image"))
        for number, volume in enumerate(self._volumes):
            widgets.settle(_name(number))
            widgets.bare(_name(number))
            node = views.sliceNode(self._scene, _name(number))
            views.fill(node, volume, "", _GROUP)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onView)

    def _onView(self, node, event) -> None:
        sizes = [node.GetDimensions() for node in self._sliceNodes()]
        if sizes != self._sizes:
            self._sizes = sizes
            self._fitSoon.ask()

    def _look(self, looked) -> None:
        """Bring the views to a plane, fitted to the body."""
        volume = self._volumes[0]
        matrix = plane.standardMatrix(volume, looked.name)
        toWorld = ijkToWorld(volume)
        ijk = [*(count / 2 for count in volume.GetImageData().GetDimensions()), 1.0]
        ijk[looked.axis] = looked.index
        matrix[:3, 3] = (toWorld @ ijk)[:3]
        depth = plane.spacingAlong(volume, matrix[:3, 2])
        plane.frame(self._sliceNodes(), body.corners(volume), depth, matrix)

    def _sliceNodes(self) -> list:
        return [views.sliceNode(self._scene, _name(number)) for number in range(len(self._volumes))]


def _name(number: int) -> str:
    return f"LDCTDenoiseReading{number + 1}"
