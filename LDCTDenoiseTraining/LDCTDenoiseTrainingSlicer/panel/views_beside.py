"""The views beside the panel: a chart that uses the window, linked slices below it; the user's layout comes back."""

import slicer
import slicer.util
from LDCTDenoiseSlicer.comparison import plane, views, widgets
from LDCTDenoiseSlicer.comparison.furniture import Words
from LDCTDenoiseSlicer.comparison.layout import sliceViews
from LDCTDenoiseSlicer.comparison.link import LinkedViews, Place

#: Layout ids of this module: two for each number of slice views, without and with a chart.
_FIRST_ID = 71780

#: The view group within which Slicer links.
_GROUP = 7182


class ViewsBeside:
    """Slices side by side, linked, with or without a chart above them, in a layout of the module's own.

    There is one user at a time: what another shows replaces what was there.

    Attributes
    ----------
    owner : object or None
        Whose content is shown.
    """

    def __init__(self):
        self.owner = None
        self._before: int | None = None
        self._arrangement = 0
        self._links = None
        self._shown: tuple = ()

    def show(self, owner, slices: dict, chart=None) -> None:
        """Show volumes, and a chart; nothing is done to the views when they show these already.

        Parameters
        ----------
        owner : object
        slices : dict of str to vtkMRMLScalarVolumeNode
            Volumes on one grid by their captions, from left to right.
        chart : vtkMRMLPlotChartNode, optional
        """
        layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        shown, arrangement = (owner, list(slices.items()), chart), _idOf(slices, chart)
        if chart is not None and layout is not None:  # Slicer takes it away once more after a scene has been opened
            _draw(chart)
        if layout is None or (shown == self._shown and layout.GetViewArrangement() == arrangement):
            return
        if self._before is None:
            self._before = layout.GetViewArrangement()
        self.owner, self._shown, self._arrangement = owner, shown, arrangement
        if not layout.IsLayoutDescription(arrangement):
            layout.AddLayoutDescription(arrangement, _xml(len(slices), chart is not None))
        # Not saved: a Slicer that has not opened this module could not show a layout of ours.
        layout.SetSaveWithScene(False)
        layout.SetViewArrangement(arrangement)
        if chart is not None:
            _draw(chart)
        self._fill(slices)

    def forget(self) -> None:
        """A scene comes or goes, and with it what the views show: the next `show` fills them anew."""
        self._shown = ()

    def hide(self, owner) -> None:
        """Put the user's layout back, if what is shown is this owner's, unless the user has chosen another one."""
        layout = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if self.owner is not owner:
            return
        if layout is not None:
            layout.SetSaveWithScene(True)
            if layout.GetViewArrangement() == self._arrangement:
                layout.SetViewArrangement(self._before)
        self._unlink()
        self.owner, self._before, self._shown = None, None, ()

    def _fill(self, slices: dict) -> None:
        self._unlink()
        names = [_viewName(number) for number in range(len(slices))]
        nodes = [views.sliceNode(slicer.mrmlScene, name) for name in names]
        if not nodes or None in nodes:  # no window follows the layout
            return
        with widgets.renderedOnce():
            for name, node, (caption, volume) in zip(names, nodes, slices.items(), strict=True):
                views.fill(node, volume, caption, _GROUP)
                widgets.settle(name)

            def write() -> None:
                for name, node, caption in zip(names, nodes, slices, strict=True):
                    widgets.dress(name, node, Words(title=caption))

            write()
            first = next(iter(slices.values()))
            # A view that gets another size has its caption elsewhere.
            self._links = LinkedViews(
                nodes, [], lambda: plane.corners(first), lambda: None, lambda: None, lambda: None, write)
            matrix = plane.standardMatrix(first)
            self._links.goTo(Place(matrix), plane.spacingAlong(first, matrix[:3, 2]))

    def _unlink(self) -> None:
        if self._links is not None:
            self._links.close()
            self._links = None


def _draw(chart) -> None:
    for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode"):
        if view.GetPlotChartNodeID() != chart.GetID():
            view.SetPlotChartNodeID(chart.GetID())


def _viewName(number: int) -> str:
    return f"LDCTDenoiseTraining{number + 1}"


def _idOf(slices, chart) -> int:
    return _FIRST_ID + 2 * len(slices) + (chart is not None)


def _xml(slices: int, chart: bool) -> str:
    row = sliceViews(map(_viewName, range(slices)))
    if not chart:
        return row
    plot = ('<view class="vtkMRMLPlotViewNode" singletontag="PlotView1">'
            '<property name="viewlabel" action="default">P</property></view>')
    if not slices:
        return f'<layout type="horizontal" split="false"><item>{plot}</item></layout>'
    return (f'<layout type="vertical" split="true"><item splitSize="550">{plot}</item>'
            f'<item splitSize="450">{row}</item></layout>')
