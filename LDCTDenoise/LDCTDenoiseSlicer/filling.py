"""Fill widgets with what is to be shown, without a signal of theirs (desktop only)."""

import contextlib
from collections.abc import Collection, Sequence

import qt


@contextlib.contextmanager
def silent(widget):
    """Let a widget send no signals meanwhile."""
    blocked = widget.blockSignals(True)
    try:
        yield
    finally:
        widget.blockSignals(blocked)


def tickItem(ticked: bool):
    """Return a cell with a box to tick."""
    item = qt.QTableWidgetItem("")
    item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    item.setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)
    return item


#: What marks a problem, in cells and at fields.
RED = "#d02020"


def fill(
    table, rows: Sequence[Sequence], editable: Sequence[int] = (), red: Collection[int] = (), wide: int | None = None,
    tips: Sequence[str] = (),
) -> None:
    """Show rows of texts and ready cells, where they differ; the selection stays, and no signal is sent.

    Parameters
    ----------
    table : QTableWidget
    rows : sequence of sequence of str or QTableWidgetItem
    editable : sequence of int
        Columns that the user may change.
    red : collection of int
        Rows that have a problem.
    wide : int, optional
        The column that has what the others leave of the table's width, so that nothing scrolls sideways; what does
        not fit into it is cut, and shown in full under the pointer. Default: each is as wide as what it shows.
    tips : sequence of str
        What each row shows under the pointer. Default: the text of the cell.
    """
    with silent(table):
        changed = table.rowCount != len(rows)
        if changed:
            table.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                tip = tips[row] if tips else cell
                if _same(table.item(row, column), cell, tip, row in red):
                    continue
                changed = True
                if isinstance(cell, str):
                    item = qt.QTableWidgetItem(cell)
                    more = qt.Qt.ItemIsEditable if column in editable else 0
                    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | more)
                    item.setToolTip(tip)
                    item.setData(qt.Qt.UserRole, _kept(tip, row in red))
                    if row in red:
                        item.setForeground(qt.QBrush(qt.QColor(RED)))
                    cell = item
                table.setItem(row, column, cell)
        if changed or not rows:  # measuring the columns takes longer than all the rest
            for column in range(table.columnCount):
                if wide is None:
                    table.resizeColumnToContents(column)
                else:
                    table.horizontalHeader().setSectionResizeMode(
                        column, qt.QHeaderView.Stretch if column == wide else qt.QHeaderView.ResizeToContents)


def _same(item, cell, tip: str, red: bool) -> bool:
    """Whether a cell shows what it is to show."""
    if item is None:
        return False
    if isinstance(cell, str):
        return item.text() == cell and item.data(qt.Qt.UserRole) == _kept(tip, red)
    return item.checkState() == cell.checkState()


def _kept(tip: str, red: bool) -> str:
    """Return what of a cell its text does not tell."""
    return f"{red} {tip}"
