"""The section "Compared images": a row an image, ticked, named, coloured, ordered (desktop only)."""

import qt
from LDCTDenoiseLib.errors import InputError, LDCTError
from slicer.i18n import tr as _

from ..compared_images import COLORS, FULL, LOW, ComparedImages, isShown
from ..filling import silent
from ..nodes import INPUT_ROLE
from ..numbers import STRENGTH, Made

_IMAGE, _COLOR, _METHOD, _STRENGTH, _CROSS = range(5)


class ImagesSection:
    """Shows the list of compared images of the low-dose volume and changes it.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    guarded : callable
        Called with a step to do; shows what goes wrong.
    onChanged : callable
        Called when the list has been changed here.
    setStrength : callable
        Called with an output and the strength that it is to have.
    """

    def __init__(self, ui, guarded, onChanged, setStrength):
        self.ui, self._guarded, self._onChanged, self._setStrength = ui, guarded, onChanged, setStrength
        self._low = self._full = None
        #: What each row of the table shows: a volume, and whether it is one of the list (the first two are not).
        self._rows: list[tuple] = []
        ui.imageTable.connect("cellChanged(int,int)", self._onCell)
        ui.imageTable.connect("cellClicked(int,int)", self._onClicked)
        # A long name gives way, so that the cross stays in sight.
        ui.imageTable.horizontalHeader().setSectionResizeMode(_IMAGE, qt.QHeaderView.Stretch)
        header = ui.imageTable.verticalHeader()
        header.setSectionsMovable(True)
        header.connect("sectionMoved(int,int,int)", self._onMoved)
        ui.addImageSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onAdd)

    def shown(self) -> dict:
        """Return the ticked images of the list by their names, without low dose and reference."""
        listed = self._listed()
        return {} if listed is None else {row.label: row.node for row in listed.rows()
                                          if row.shown and row.node is not self._full}

    def made(self, low) -> dict:
        """Return what this module made of a low-dose volume by name, ticked or not."""
        rows = [] if low is None else ComparedImages(low).rows()
        return {row.label: row.node for row in rows if row.node.GetNodeReference(INPUT_ROLE) is low}

    def madeBy(self, label: str):
        """Return the newest output of a method or model, by its label, or None."""
        listed = self._listed()
        return None if listed is None else listed.madeBy(label)

    def refresh(self, low, full) -> None:
        """Show the list of a low-dose volume, or of none."""
        self._low, self._full = low, full
        listed, rows = self._listed(), []
        for node, label in ((full, FULL), (low, LOW)):
            if node is not None:
                rows.append((node, label, None, isShown(node), Made(), False))
        if listed is not None:
            rows += [(r.node, r.label, r.color, r.shown, r.made, True) for r in listed.rows() if r.node is not full]
        self._rows = [(row[0], row[-1]) for row in rows]
        table = self.ui.imageTable
        with silent(table):
            if table.rowCount != len(rows):
                table.setRowCount(len(rows))
            for number, row in enumerate(rows):
                self._fill(number, *row)
            table.resizeColumnsToContents()
            table.visible = bool(rows)
        self.ui.addImageSelector.enabled = low is not None

    def _fill(self, number: int, node, label: str, color, shown: bool, made: Made, isListed: bool) -> None:
        table = self.ui.imageTable
        texts = [label, "", made.method, STRENGTH.text(made.strength), "✕" if isListed else ""]
        for column, text in enumerate(texts):
            item = table.item(number, column)
            if item is None:
                item = qt.QTableWidgetItem(text)
                table.setItem(number, column, item)
            elif item.text() != text:
                item.setText(text)
            flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
            if column == _IMAGE:
                flags |= qt.Qt.ItemIsUserCheckable | (qt.Qt.ItemIsEditable if isListed else 0)
                item.setCheckState(qt.Qt.Checked if shown else qt.Qt.Unchecked)
                item.setToolTip(node.GetName())
            elif column == _STRENGTH and made.strength is not None and node.GetNodeReference(INPUT_ROLE) is self._low:
                flags |= qt.Qt.ItemIsEditable
            item.setFlags(flags)
        table.item(number, _COLOR).setBackground(qt.QBrush(qt.QColor(color)) if color else qt.QBrush())

    def _listed(self) -> ComparedImages | None:
        try:
            return ComparedImages(self._low)
        except LDCTError:  # none is chosen, or it has left the scene
            return None

    def _change(self, step) -> None:
        self._guarded(step)
        self._onChanged()

    def _onCell(self, number: int, column: int) -> None:
        if number >= len(self._rows):
            return
        if column == _STRENGTH:
            node, text = self._rows[number][0], self.ui.imageTable.item(number, column).text()
            self._change(lambda: self._setStrength(node, _strengthIn(text)))
            return
        if column != _IMAGE:
            return
        (node, isListed), item = self._rows[number], self.ui.imageTable.item(number, column)
        shown, label = item.checkState() == qt.Qt.Checked, item.text()

        def change() -> None:
            if shown != isShown(node):
                self._listed().change(node, shown=shown)
            elif isListed:
                self._listed().change(node, label=label)

        self._change(change)

    def _onClicked(self, number: int, column: int) -> None:
        if number >= len(self._rows) or not self._rows[number][1]:
            return
        node = self._rows[number][0]
        if column == _CROSS:
            self._change(lambda: self._listed().remove(node))
        elif column == _COLOR:
            now = next(row.color for row in self._listed().rows() if row.node is node)
            after = COLORS[(COLORS.index(now) + 1) % len(COLORS)] if now in COLORS else COLORS[0]
            self._change(lambda: self._listed().change(node, color=after))

    def _onMoved(self, logical: int, before: int, after: int) -> None:
        header = self.ui.imageTable.verticalHeader()
        with silent(header):
            header.moveSection(after, before)  # the table's rows stay; what they show is another
        first = sum(not isListed for _node, isListed in self._rows)
        if logical < len(self._rows) and self._rows[logical][1]:
            self._change(lambda: self._listed().move(self._rows[logical][0], after - first))

    def _onAdd(self, node) -> None:
        if node is None:
            return
        self.ui.addImageSelector.setCurrentNode(None)
        self._change(lambda: ComparedImages(self._low).add(node))


def _strengthIn(text: str) -> float:
    """Return the strength that was typed; `InputError` when it is none."""
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise InputError(_("'{text}' is no strength; type a number from 0 to 1.").format(text=text)) from error
