"""The section "Comparison" of the panel (desktop only)."""

import slicer


class ComparisonSection:
    """The collapsible section with which the user lays out the comparison and drives it.

    How a panel uses it::

        section = ComparisonSection(resourcePath("UI/Comparison.ui"), logic)
        layout.addWidget(section.widget)
        section.addListener(onComparison)              # onComparison(what: str)
        section.setParameterNode(parameterNode)        # in enter, after import: lays out again if it was laid out
        section.setVolumes(reference, low, {"DCSCN": node, "NLM": node})   # whenever one of them changes
        section.setParameterNode(None)                 # in exit, before import or close: the user's layout comes back
        section.close()                                # in cleanup

    Parameters
    ----------
    uiPath : str
        Path of Comparison.ui.
    logic : LDCTDenoiseLogic
        Does the work; whatever the section does is a call of it: `showComparison`, `hideComparison`, ...

    Attributes
    ----------
    widget : ctkCollapsibleButton
        To be put into the panel.
    shown : bool
        Whether the comparison is laid out now. While it is, do not call `slicer.util.setSliceViewerLayers`: it would
        put one volume into every view.
    roi : vtkMRMLMarkupsROINode or None
        The chosen region.
    sliceIndex : int or None
        Index k, in the low-dose volume, of the slice that is laid out; None when none is.
    window : Window
        The display window of the images.

    Listeners are called with what has changed, always from the main thread and without a delay (throttle long work):
    "shown" (laid out, or put away), "slice" (another slice), "roi" (another ROI, or moved: often while it is dragged),
    "roiEnd" (let go of), "window".
    """

    def __init__(self, uiPath: str, logic):
        self.logic = logic
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.shown, self.roi, self.sliceIndex, self.window = False, None, None, None
        self._listeners = []

    def addListener(self, listener) -> None:
        self._listeners.append(listener)

    def setParameterNode(self, parameterNode) -> None:
        """Follow the module's parameter node (the wrapper); None puts the user's layout back and follows none."""

    def setVolumes(self, reference, low, outputs: dict) -> None:
        """Say what is compared; any may be None, and `outputs` is label to node in the order of the views."""

    def close(self) -> None:
        """Put the user's layout back and let go of the scene."""
        self.setParameterNode(None)
