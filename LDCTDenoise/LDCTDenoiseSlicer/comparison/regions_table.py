"""The regions as a table of the section, with what the user does to them (desktop only)."""

import contextlib

import qt
from LDCTDenoiseLib.errors import LDCTError
from slicer.i18n import tr as _

from ..filling import fill, silent
from ..regions import ROLES, Region

_NUMBER, _NAME, _SHAPE, _ROLE, _CROSS = range(5)


class RegionsTable:
    """Shows the list of regions and changes it.

    Parameters
    ----------
    ui : object
        The section's widgets by name.
    logic : LDCTDenoiseLogic
    guarded : callable
        Called with a step to do; shows what goes wrong.
    onActive : callable
        Called with the markup of the region that was selected, or None for a segment or for none.
    onChanged : callable
        Called when the list has been changed here.
    """

    def __init__(self, ui, logic, guarded, onActive, onChanged):
        self.ui, self._logic, self._guarded = ui, logic, guarded
        self._onActive, self._onChanged = onActive, onChanged
        self.regions: list[Region] = []
        for role in ROLES:
            ui.roleComboBox.addItem(_roles()[role], role)
        ui.regionTable.horizontalHeader().setSectionResizeMode(_NAME, qt.QHeaderView.Stretch)
        ui.regionTable.connect("itemSelectionChanged()", self._onSelected)
        ui.regionTable.connect("cellChanged(int,int)", self._onCell)
        ui.regionTable.connect("cellClicked(int,int)", self._onClicked)
        ui.roleComboBox.connect("activated(int)", self._onRole)
        ui.followCheckBox.connect("toggled(bool)", self._onFollow)
        for box in (ui.fromSpinBox, ui.toSpinBox):
            box.connect("valueChanged(int)", lambda value, box=box: self._onSlices(box))
        ui.addRegionSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onAdd)

    @property
    def selected(self) -> Region | None:
        row = self.ui.regionTable.currentRow()
        return self.regions[row] if 0 <= row < len(self.regions) else None

    def refresh(self, active) -> None:
        """Show the list as the scene has it, the region of a markup selected."""
        table, regions = self.ui.regionTable, self._logic.regions()
        rows = [[str(r.number), r.name, _shapes()[r.shape], _roles()[r.role], "✕"] for r in regions]
        with silent(table):
            fill(table, rows, editable=(_NAME,), tips=[table.toolTip] * len(rows))
            for row, region in enumerate(regions):
                red, green, blue = (round(255 * part) for part in region.color)
                table.item(row, _NUMBER).setBackground(qt.QBrush(qt.QColor(red, green, blue)))
                # In a dark theme letters are white, which nobody reads on yellow.
                light = 0.3 * red + 0.59 * green + 0.11 * blue > 128
                table.item(row, _NUMBER).setForeground(qt.QBrush(qt.QColor("black" if light else "white")))
            self.regions = regions
            if active is not None and (self.selected is None or self.selected.node is not active):
                number = next((n for n, region in enumerate(regions) if region.node is active), None)
                if number is not None:
                    table.selectRow(number)
            table.visible = bool(rows)
        self._showSelected()

    def _showSelected(self) -> None:
        region = self.selected
        for widget in (self.ui.roleComboBox, self.ui.followCheckBox):
            widget.visible = region is not None
        if region is not None:
            self.ui.roleComboBox.setCurrentIndex(ROLES.index(region.role))
            with silent(self.ui.followCheckBox):
                self.ui.followCheckBox.checked = region.follows
                self.ui.followCheckBox.enabled = not region.segment
        self._showSlices(region)

    def _showSlices(self, region: Region | None) -> None:
        """Show which slices the selected region reaches, where something is laid out to count them in."""
        request, boxes, reach = self._logic.comparison.request, (self.ui.fromSpinBox, self.ui.toSpinBox), None
        if region is not None and request is not None and not region.segment:
            with contextlib.suppress(LDCTError):  # not placed yet, or beside the image
                reach = region.reach(request.anchor)
        for number, box in enumerate(boxes):
            box.visible = reach is not None
            if reach is not None:
                with silent(box):
                    box.setRange(1, request.anchor.GetImageData().GetDimensions()[region.across(request.anchor)])
                    box.value = reach[number] + 1

    def _onSlices(self, moved) -> None:
        """The region reaches from the one to the other; the one that is passed goes along."""
        first, last, region = int(self.ui.fromSpinBox.value), int(self.ui.toSpinBox.value), self.selected
        if first > last:
            first = last = int(moved.value)
        if region is not None and self._logic.comparison.shown:
            anchor = self._logic.comparison.request.anchor
            self._change(lambda: self._logic.spanSlices(region, anchor, first - 1, last - 1))

    def _change(self, step) -> None:
        self._guarded(step)
        self._onChanged()

    def _onSelected(self) -> None:
        region = self.selected
        self._showSelected()
        self._onActive(region.node if region is not None and not region.segment else None)

    def _onCell(self, row: int, column: int) -> None:
        if column == _NAME and row < len(self.regions):
            name = self.ui.regionTable.item(row, column).text().strip()
            if name:
                self._change(lambda: self._logic.changeRegion(self.regions[row], name=name))

    def _onClicked(self, row: int, column: int) -> None:
        if column == _CROSS and row < len(self.regions):
            region = self.regions[row]
            self._change(lambda: self._logic.removeRegion(region))

    def _onRole(self, index: int) -> None:
        if self.selected is not None:
            self._change(lambda: self._logic.changeRegion(self.selected, role=ROLES[index]))

    def _onFollow(self, follows: bool) -> None:
        if self.selected is not None:
            self._change(lambda: self._logic.changeRegion(self.selected, follows=follows))

    def _onAdd(self, node) -> None:
        if node is None:
            return

        def add() -> None:
            if node.IsA("vtkMRMLSegmentationNode"):
                segmentation = node.GetSegmentation()
                for n in range(segmentation.GetNumberOfSegments()):
                    self._logic.addRegion(node, segment=segmentation.GetNthSegmentID(n))
            else:
                self._logic.addRegion(node)

        self.ui.addRegionSelector.setCurrentNode(None)
        self._change(add)
        if not node.IsA("vtkMRMLSegmentationNode"):
            self._onActive(node)


def _roles() -> dict[str, str]:
    return {"lesion": _("lesion"), "background": _("background"), "none": _("no role")}


def _shapes() -> dict[str, str]:
    return {"box": _("box"), "circle": _("circle"), "curve": _("curve"), "segment": _("segment")}
