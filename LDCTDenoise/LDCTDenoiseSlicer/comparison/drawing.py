"""The user draws a region in any view: a box with two clicks, a curve with as many as it takes."""

from slicer.util import VTKObservationMixin

from . import plane


class Drawing(VTKObservationMixin):
    """Let Slicer place a markup, and say when the user has done it or given it up.

    Parameters
    ----------
    markup : vtkMRMLMarkupsROINode or vtkMRMLMarkupsClosedCurveNode
        Without a place yet. A curve is ended with a double click or the right button.
    onEnded : callable
        Called once, with whether it has been placed.
    """

    def __init__(self, markup, onEnded):
        VTKObservationMixin.__init__(self)
        self._markup, self._onEnded = markup, onEnded
        scene = markup.GetScene()
        selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        self._interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        selection.SetReferenceActivePlaceNodeClassName(markup.GetClassName())
        selection.SetActivePlaceNodeID(markup.GetID())
        self._interaction.SetPlaceModePersistence(not markup.IsA("vtkMRMLMarkupsROINode"))
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
        box = self._markup.IsA("vtkMRMLMarkupsROINode")
        placed = plane.isPlaced(self._markup) and (not box or self._markup.GetNumberOfDefinedControlPoints() == 1)
        self._onEnded(placed)
