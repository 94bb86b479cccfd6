"""What the user looks at: the slice, the ROI and the window, in the comparison or in Slicer's own views."""

import slicer
import vtk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..planes import Plane, planeInView


class ViewedSlice(VTKObservationMixin):
    """Follows the slice in view.

    Parameters
    ----------
    section : ComparisonSection
        The comparison, which knows its slice, ROI and window while it is laid out.
    onChanged : callable
        Called when the user looks at something else.
    onMoving : callable
        Called just before, as soon as the comparison begins to move.
    onRegion : callable
        Called while a region is dragged, as often as it moves.
    """

    def __init__(self, section, onChanged, onMoving, onRegion):
        VTKObservationMixin.__init__(self)
        self._section, self._onChanged, self._onMoving, self._onRegion = section, onChanged, onMoving, onRegion
        self._volume = None
        section.addListener(self._onComparison)

    @property
    def roi(self):
        return self._section.roi

    @property
    def window(self):
        return self._section.window or PAPER

    @property
    def sliceIndex(self) -> int | None:
        """Index k of the low-dose volume's slice in view, or None when there is none."""
        plane = self.plane
        return plane.index if plane is not None and plane.axis == 2 else None

    @property
    def plane(self) -> Plane | None:
        """The plane of the low-dose volume in view, or None when there is none."""
        try:
            return self.requirePlane()
        except InputError:
            return None

    def requirePlane(self) -> Plane:
        """Return the plane of the volume in view, a slice or one across them; `InputError` says why there is none."""
        if self._section.shown:
            plane = self._section.logic.comparison.plane
            if plane is None:
                raise InputError(_("The views show nothing of the volume; scroll back to it."))
            return plane
        node = self._sliceNode()
        if node is None:
            raise InputError(_("There is no slice view; press the comparison's button."))
        return planeInView(self._volume, node)

    def follow(self, volumeNode) -> None:
        """Follow the slices of another volume, or of none."""
        self.removeObservers()
        self._volume = volumeNode
        node = self._sliceNode()
        if volumeNode is not None and node is not None:
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onView)

    def _sliceNode(self):
        # The first axial view of Slicer's own layouts, by the name it has had in all of them.
        return slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")

    def _onView(self, caller, event) -> None:
        if not self._section.shown:
            self._onChanged()

    def _onComparison(self, what: str) -> None:
        if what == "moving":
            self._onMoving()
        elif what in ("roi", "regions"):
            self._onRegion()
        elif what != "pointer":
            self._onChanged()
