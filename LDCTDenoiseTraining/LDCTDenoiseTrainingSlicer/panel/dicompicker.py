"""The dialog in which CT series of the DICOM database are chosen."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import qt
import slicer
import slicer.util
from LDCTDenoiseSlicer.filling import fill, silent, tickItem
from slicer.i18n import tr as _

from ..patients.database_series import DicomSeries, pairSeries

_TICK, _BECOMES = 0, 8
_UI = Path(__file__).parents[2] / "Resources" / "UI" / "LDCTDenoiseTrainingDicom.ui"
_SIZE = (1160, 520)


class DicomPicker:
    """Patients, studies and CT series with boxes to tick; says of the ticked ones which pairs they make.

    Parameters
    ----------
    series : sequence of DicomSeries
    known : collection of str
        SeriesInstanceUIDs that are in the table of patients already; they cannot be ticked.
    add : callable
        Gets the SeriesInstanceUIDs of the ticked series once the user presses Add.
    """

    def __init__(self, series: Sequence[DicomSeries], known: Collection[str], add: Callable[[list[str]], None]):
        self.series, self._known, self._add = list(series), set(known), add
        self.ticked: set[str] = set()
        # Not modal: the module stays as it is meanwhile, and a script can go on.
        self.dialog = qt.QDialog(slicer.util.mainWindow())
        self.dialog.setWindowTitle(_("CT series of the DICOM database"))
        widget = slicer.util.loadUI(str(_UI))
        qt.QVBoxLayout(self.dialog).addWidget(widget)
        self.dialog.resize(*_SIZE)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.ui.filterEdit.connect("textChanged(QString)", lambda text: self._filter())
        self.ui.seriesTable.connect("cellChanged(int,int)", self._onCell)
        self.ui.tickButton.connect("clicked(bool)", lambda checked=False: self._tickShown(True))
        self.ui.untickButton.connect("clicked(bool)", lambda checked=False: self._tickShown(False))
        self.ui.addButton.connect("clicked(bool)", lambda checked=False: self._onAdd())
        self.ui.closeButton.connect("clicked(bool)", lambda checked=False: self.close())
        fill(self.ui.seriesTable, [
            ["" if one.uid in known else tickItem(False), one.patient, one.pseudonym, one.studyDescription, one.date,
             one.label, str(one.images), one.size, ""] for one in self.series
        ])
        self._refresh()

    def open(self) -> None:
        """Show it in front of the window."""
        self.dialog.show()
        self.dialog.raise_()

    def close(self) -> None:
        """Let go of the dialog; nothing is added."""
        if self.dialog is not None:
            self.dialog.hide()
            self.dialog.deleteLater()
            self.dialog = None

    def _onAdd(self) -> None:
        chosen = [one.uid for one in self.series if one.uid in self.ticked]
        self.close()
        self._add(chosen)

    def _onCell(self, row: int, column: int) -> None:
        if column == _TICK:
            ticked = self.ui.seriesTable.item(row, column).checkState() == qt.Qt.Checked
            (self.ticked.add if ticked else self.ticked.discard)(self.series[row].uid)
            self._refresh()

    def _tickShown(self, tick: bool) -> None:
        shown = [one for one in self.series if self._fits(one)]
        if tick:
            self.ticked |= {one.uid for one in shown if not (one.localizer or one.derived)} - self._known
        else:
            self.ticked -= {one.uid for one in shown}
        self._refresh()

    def _refresh(self) -> None:
        """Show what is ticked and what comes of it; the other cells stay, of which a hospital's database has many."""
        table, becomes = self.ui.seriesTable, self._becomes()
        with silent(table):
            for row, one in enumerate(self.series):
                if one.uid not in self._known:
                    table.item(row, _TICK).setCheckState(qt.Qt.Checked if one.uid in self.ticked else qt.Qt.Unchecked)
                table.item(row, _BECOMES).setText(becomes.get(one.uid, ""))
            table.resizeColumnToContents(_BECOMES)
        self.ui.countLabel.text = _("{ticked} of {count} series ticked.").format(
            ticked=len(self.ticked), count=len(self.series))
        self.ui.addButton.enabled = bool(self.ticked)

    def _becomes(self) -> dict[str, str]:
        """Return what each series would be in the table of patients, by its UID."""
        words = {one.uid: text for one in self.series for applies, text in (
            (one.derived, _("result of LDCT Denoise")), (one.localizer, _("localizer")),
            (one.uid in self._known, _("in the table already"))) if applies}
        ticked = [one for one in self.series if one.uid in self.ticked]
        words |= {one.uid: _("left out: no full-dose series belongs to it") for one in ticked}
        for pair in pairSeries(ticked)[0]:
            if pair.low is None:
                words[pair.full.uid] = _("full dose; low dose simulated")
            else:
                words[pair.full.uid] = _("full dose, with '{low}'").format(low=pair.low.label)
                words[pair.low.uid] = _("low dose of '{full}'").format(full=pair.full.label)
        return words

    def _fits(self, one: DicomSeries) -> bool:
        said = " ".join((one.patient, one.pseudonym, one.studyDescription, one.date, one.label)).lower()
        return all(word in said for word in self.ui.filterEdit.text.lower().split())

    def _filter(self) -> None:
        for row, one in enumerate(self.series):
            self.ui.seriesTable.setRowHidden(row, not self._fits(one))
