"""Tables of the panel."""

from collections.abc import Collection, Sequence

import qt


def tickItem(ticked: bool):
    """Return a cell with a box to tick."""
    item = qt.QTableWidgetItem("")
    item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    item.setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)
    return item


#: Pixels that a last column has at least.
_LEAST = 20

#: What marks a problem, in cells and at fields.
RED = "#d02020"


def fill(table, rows: Sequence[Sequence], editable: Sequence[int] = (), red: Collection[int] = ()) -> None:
    """Show rows of texts and ready cells, where they differ; the selection stays, and no signal is sent.

    Parameters
    ----------
    table : QTableWidget
    rows : sequence of sequence of str or QTableWidgetItem
    editable : sequence of int
        Columns that the user may change.
    red : collection of int
        Rows that have a problem.
    """
    blocked = table.blockSignals(True)
    changed = table.rowCount != len(rows)
    if changed:
        table.setRowCount(len(rows))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if _same(table.item(row, column), cell, row in red):
                continue
            changed = True
            if isinstance(cell, str):
                item = qt.QTableWidgetItem(cell)
                more = qt.Qt.ItemIsEditable if column in editable else 0
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | more)
                item.setToolTip(cell)
                item.setData(qt.Qt.UserRole, row in red)
                if row in red:
                    item.setForeground(qt.QBrush(qt.QColor(RED)))
                cell = item
            table.setItem(row, column, cell)
    if changed or not rows:  # measuring the columns takes longer than all the rest
        for column in range(table.columnCount - 1):
            table.resizeColumnToContents(column)
        table.setColumnWidth(table.columnCount - 1, _LEAST)  # it is stretched to what is left, and no more
    table.blockSignals(blocked)


def _same(item, cell, red: bool) -> bool:
    """Whether a cell shows what it is to show."""
    if item is None:
        return False
    if isinstance(cell, str):
        return item.text() == cell and bool(item.data(qt.Qt.UserRole)) == red
    return item.checkState() == cell.checkState()
