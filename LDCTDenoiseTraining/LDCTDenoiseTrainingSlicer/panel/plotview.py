"""The plot view beside the slices, while curves are drawn; the user's layout comes back afterwards."""

import slicer
import slicer.util


class PlotView:
    """Shows a chart in a layout with a plot."""

    def __init__(self):
        self._before: int | None = None

    @property
    def shown(self) -> bool:
        return self._before is not None

    def show(self, chart) -> None:
        """Show a vtkMRMLPlotChartNode in the plot views, which are laid out the first time."""
        layout = _layoutNode()
        if layout is None:
            return
        if self._before is None:
            self._before = layout.GetViewArrangement()
            layout.SetViewArrangement(layout.SlicerLayoutConventionalPlotView)
        for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode"):
            view.SetPlotChartNodeID(chart.GetID() if chart else None)

    def hide(self) -> None:
        """Put the user's layout back, unless the user has chosen another one meanwhile."""
        layout = _layoutNode()
        if self.shown and layout is not None:
            if layout.GetViewArrangement() == layout.SlicerLayoutConventionalPlotView:
                layout.SetViewArrangement(self._before)
        self._before = None


def _layoutNode():
    return next(iter(slicer.util.getNodesByClass("vtkMRMLLayoutNode")), None)
