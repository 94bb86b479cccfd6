"""The user draws the box: two clicks in any view."""

from slicer.util import VTKObservationMixin

from . import plane


class Drawing(VTKObservationMixin):
    """Let Slicer place an ROI, and say when the user has done it or given it up.

    Parameters
    ----------
    roi : vtkMRMLMarkupsROINode
        Without a place yet.
    onEnded : callable
        Called once, with whether it has been placed.
    """

    def __init__(self, roi, onEnded):
        VTKObservationMixin.__init__(self)
        self._roi, self._onEnded = roi, onEnded
        scene = roi.GetScene()
        selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        self._interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        selection.SetReferenceActivePlaceNodeClassName(roi.GetClassName())
        selection.SetActivePlaceNodeID(roi.GetID())
        self._interaction.SetPlaceModePersistence(False)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)
        self.addObserver(self._interaction, self._interaction.InteractionModeChangedEvent, self._onModeChanged)

    def stop(self) -> None:
        """Give it up."""
        if self._interaction.GetCurrentInteractionMode() == self._interaction.Place:
            self._interaction.SwitchToViewTransformMode()

    def _onModeChanged(self, interaction, event) -> None:
        if interaction.GetCurrentInteractionMode() == interaction.Place:
            return
        self.removeObservers()
        self._onEnded(plane.isPlaced(self._roi) and self._roi.GetNumberOfDefinedControlPoints() == 1)
