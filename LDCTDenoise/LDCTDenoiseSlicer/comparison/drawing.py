"""The user draws in any view: a box or a line with two clicks, a curve with as many as it takes."""

from slicer.util import VTKObservationMixin

from . import plane


class Drawing(VTKObservationMixin):
    """Let Slicer place a markup, and say when the user has done it or given it up.

    Parameters
    ----------
    markup : vtkMRMLMarkupsROINode, vtkMRMLMarkupsLineNode or vtkMRMLMarkupsClosedCurveNode
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
        self._interaction.SetPlaceModePersistence(markup.IsA("vtkMRMLMarkupsClosedCurveNode"))
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
        self._onEnded(self._isPlaced())

    def _isPlaced(self) -> bool:
        markup, points = self._markup, self._markup.GetNumberOfDefinedControlPoints()
        if markup.IsA("vtkMRMLMarkupsLineNode"):
            return points == 2
        return plane.isPlaced(markup) and (points == 1 or not markup.IsA("vtkMRMLMarkupsROINode"))
