"""The section "Numbers": a table that follows slice and ROI, and what one can do with it."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

import qt
import slicer
from LDCTDenoiseLib.errors import InputError, LDCTError
from LDCTDenoiseLib.hounsfield import PAPER, PRESETS, Window
from LDCTDenoiseLib.metrics import HU_STATISTICS, METRICS
from slicer.i18n import tr as _

from ..compared_images import LOW
from ..comparison.debounce import Throttle
from ..filling import silent
from ..measuring import requireReference, requireSameGrid
from ..nodes import transformTime
from ..numbers import REFERENCE, SHOWN, STRENGTH, Made, Numbers, Row, measureRows, wholePlane
from ..parameters import REGIONS
from ..region_numbers import RegionNumbers, measureRegions
from ..regions import regionsOf
from ..tables import CAPTION, isComparisonOf, shownRows
from ..task_runner import sentence
from .words import regions

#: Seconds of measuring in one round of the event loop; one image is always finished. Long enough for all images of a
#: slice, since a second round comes only after the views have been drawn.
_BUDGET = 0.15

#: Pixels of a line of the table's header, and of frame and scroll bar; rows that are in sight without scrolling, in the
#: panel and below the views, which lose what the table takes.
_LINE, _FRAME, _BAR, _MOST_ROWS, _MOST_DOCKED = 21, 4, 16, 8, 6

#: Seconds between two measurements of regions while one is dragged.
_BETWEEN = 0.06

#: Milliseconds without a change after which the slices next to the one in view are measured: never in a drag.
_REST = 300

#: Rows that are remembered, so that scrolling back, or another strength of one output, measures no more than it must.
_REMEMBERED = 256


class NumbersSection:
    """The live numbers.

    Parameters
    ----------
    ui : object
        The panel's widgets by name.
    view : ViewedSlice
        Which slice the user looks at.
    images : callable
        Returns the volume nodes to measure by label, in the order of the panel.
    """

    def __init__(self, ui, view, images):
        self.ui, self._view, self._images = ui, view, images
        self._parameters = None
        self._header: list[str] = []
        # Letters of the widest cell of each column.
        self._widest: list[int] = []
        #: What is shown, and of what it was measured.
        self.numbers: Numbers | RegionNumbers | None = None
        self._shown = self._measuring = None
        self._rows, self._done = None, []
        self._measuredWhole, self._docked = None, False
        self._anyRegion = False
        #: Called when the table shows something else.
        self.onShown = lambda: None
        # What was measured last, by the voxels that it was measured of.
        self._known: OrderedDict[tuple, Row] = OrderedDict()
        # The slices next to it, measured when there is nothing else to do: one scrolls to them, as a rule.
        self._ahead: Iterator[Row] = iter(())
        for region, words in regions().items():
            ui.regionComboBox.addItem(words, region)
        # The second one for who chooses what is chosen already.
        for signal in ("currentIndexChanged(int)", "activated(int)"):
            ui.regionComboBox.connect(signal, self._onRegionChosen)
        for name, window in PRESETS.items():
            ui.metricWindowComboBox.addItem(_("in {window}").format(window=window), name)
        ui.metricWindowComboBox.connect("activated(int)", self._onWindowChosen)
        self._knownRegions: dict = {}
        self._throttle = Throttle(self._measureRegions, _BETWEEN)
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._onTick)
        self._idle = qt.QTimer()
        self._idle.setSingleShot(True)
        self._idle.setInterval(_REST)
        self._idle.connect("timeout()", self._onIdle)

    @property
    def region(self) -> str:
        return "slice" if self._parameters is None else self._parameters.region

    def setParameterNode(self, parameters) -> None:
        self._parameters = parameters
        if parameters is None:
            self._timer.stop()
            self._idle.stop()
            self._throttle.stop()
            self._rows = None
        else:
            self._anyRegion = _isAnyRegion()
            self._showChoices()

    def refresh(self) -> None:
        """Measure anew, soon, if anything that is shown has changed; many calls make one."""
        if self._parameters is not None and not self.ui.numbersButton.collapsed:
            self._idle.stop()
            self._timer.start()

    def fit(self, docked: bool) -> None:
        """Keep so many rows in sight as there is room for, in the panel or docked below the views."""
        self._docked, table = docked, self.ui.numbersTable
        # The rows and the bar below them, which the size hint leaves out; more rows scroll.
        most = min(table.rowCount, _MOST_DOCKED if docked else _MOST_ROWS)
        lines = max((text.count(": ") for text in self._header), default=0) + 1
        # Below the views a slice's few columns need no bar.
        height = _FRAME + _LINE * lines + (0 if docked and lines == 1 else _BAR)
        table.setMinimumHeight(height + table.verticalHeader().defaultSectionSize * most)

    def rememberWhole(self) -> None:
        """Note that the table of the whole volume is of the volumes as they are now."""
        self._measuredWhole = self._signature()
        self._shown = None
        self.refresh()

    def text(self) -> str:
        """Return the table as it is shown, as text to copy: cells between tabs, and the caption."""
        table = self.ui.numbersTable
        lines = ["\t".join(self._header)]
        for row in range(table.rowCount):
            lines.append("\t".join(table.item(row, column).text() for column in range(table.columnCount)))
        return "\n".join([*lines, self.ui.captionLabel.text, ""])

    @property
    def window(self) -> Window:
        """What PSNR, SSIM and RMSE in window are measured in; not what the images are shown in."""
        parameters = self._parameters
        with contextlib.suppress(LDCTError):  # a scene that was edited by hand
            if parameters is not None:
                return Window(parameters.metricLower, parameters.metricUpper)
        return PAPER

    def regionMoved(self) -> None:
        """Measure the regions now, straight from the event: at most every 60 ms."""
        self._followRegions()
        if self.region == "roi" and self._parameters is not None and not self.ui.numbersButton.collapsed:
            self._throttle.ask()

    def _onRegionChosen(self, index: int) -> None:
        if self._parameters is not None and index >= 0:
            with slicer.util.NodeModify(self._parameters.parameterNode):
                self._parameters.region, self._parameters.regionChosen = self.ui.regionComboBox.itemData(index), True

    def _followRegions(self) -> None:
        """Show the first region that there is, and the slice without any, as long as the user has not chosen."""
        if self._parameters is not None and _isAnyRegion() != self._anyRegion:
            self._anyRegion = not self._anyRegion
            if not self._parameters.regionChosen and self.region == ("slice" if self._anyRegion else "roi"):
                self._parameters.region = "roi" if self._anyRegion else "slice"

    def _onWindowChosen(self, index: int) -> None:
        name = self.ui.metricWindowComboBox.itemData(index)
        if self._parameters is not None and name in PRESETS:
            with slicer.util.NodeModify(self._parameters.parameterNode):
                self._parameters.metricLower = PRESETS[name].lower
                self._parameters.metricUpper = PRESETS[name].upper

    def _showChoices(self) -> None:
        """Show over what is measured, and in which window, one of a script's own among the presets."""
        with silent(self.ui.regionComboBox):
            self.ui.regionComboBox.setCurrentIndex(REGIONS.index(self.region))
        combo, window = self.ui.metricWindowComboBox, self.window
        names = [name for name, preset in PRESETS.items() if preset == window]
        while combo.count > len(PRESETS):
            combo.removeItem(len(PRESETS))
        if not names:
            combo.addItem(_("in {window}").format(window=window), None)
        combo.setCurrentIndex(list(PRESETS).index(names[0]) if names else len(PRESETS))

    def _onTick(self) -> None:
        """Go on measuring; what has changed meanwhile is measured after what is begun, so that something is shown."""
        if self._rows is None and not self._begin():
            self._timer.stop()
            self._idle.start()
            return
        until = time.monotonic() + _BUDGET
        try:
            while time.monotonic() < until:
                self._done.append(next(self._rows))
        except StopIteration:
            self._rows = None
            key, region, window, plane = self._measuring
            self.numbers = Numbers(tuple(self._done), region, True, window, plane, self._made())
            self._shown = key
            self._show([_("Image"), *(m.heading for m in SHOWN)], self.numbers.cells(), self.numbers.caption())
            self._ahead = self._rowsBeside(region, plane)
        except LDCTError as error:
            self._rows = None
            self._shown = self._measuring[0]
            self._showNothing(str(error))

    def _begin(self) -> bool:
        """Start to measure what is to be shown, unless that is what is shown or is measured at once."""
        if self._parameters is None:
            return False
        self._followRegions()
        self._showChoices()
        key = self._key()
        if key == self._shown:
            return False
        self._ahead = iter(())
        self.ui.measureButton.visible = self.region == "volume"
        try:
            if self.region == "slice":
                self._rows, region, plane = self._start()
                self._measuring, self._done = (key, region, self.window, plane), []
                return True
            self._shown = key
            if self.region == "volume":
                self._showWhole()
            else:
                self._showRegions()
        except LDCTError as error:
            if _isDrawing():
                # The table stays: without it the views would grow between the clicks, and what is drawn miss its place.
                self._shown = None
            else:
                self._shown = key
                self._showNothing(str(error))
        return False

    def _key(self) -> tuple:
        """Return something that changes when what is to be shown does."""
        what = {"slice": lambda: (self._view.plane, self.window), "volume": lambda: (),
                "roi": lambda: tuple((r.state(), r.role, r.name) for r in regionsOf(slicer.mrmlScene))}[self.region]()
        return self.region, what, self._signature()

    def _checked(self) -> dict:
        """Return the images to measure, which lie on one grid."""
        full, images = self._parameters.referenceVolume, self._images()
        if not images:
            raise InputError(_("Choose a low-dose volume."))
        first = next(iter(images.values()))
        if full is not None:
            requireReference(full, images)
        for node in images.values():
            requireSameGrid(first, node)
        return images

    def _made(self) -> dict[str, Made]:
        return {label: Made.of(node) for label, node in self._images().items()}

    def _start(self):
        images = self._checked()
        plane = self._view.requirePlane()
        region = wholePlane(next(iter(images.values())), plane)
        return self._rowsOf(region, plane), region, plane

    def _measureRegions(self) -> None:
        if self._parameters is not None and self._rows is None:
            self._begin()

    def _showRegions(self) -> None:
        images, full = self._checked(), self._parameters.referenceVolume
        keys = {label: _voxels(node) for label, node in images.items()}
        if full is not None:
            keys[REFERENCE] = _voxels(full)
        self.numbers = measureRegions(
            {label: slicer.util.arrayFromVolume(node) for label, node in images.items()},
            None if full is None else slicer.util.arrayFromVolume(full), regionsOf(slicer.mrmlScene),
            next(iter(images.values())), self._made(), LOW, self._knownRegions, keys,
        )
        self._show([_("Image"), *self.numbers.header()], self.numbers.cells(), self.numbers.caption())

    def _rowsOf(self, region, plane) -> Iterator[Row]:
        """Measure a plane of what is there now; rows that are known are not measured again."""
        full, images, window = self._parameters.referenceVolume, self._images(), self.window
        against = None if full is None else _voxels(full)
        keys = {label: (label, _voxels(node), against, region, plane.axis, window) for label, node in images.items()}
        if full is not None:
            keys[REFERENCE] = (REFERENCE, against, region, plane.axis)
        known = {label: self._known[key] for label, key in keys.items() if key in self._known}
        slices = {label: plane.stacked(slicer.util.arrayFromVolume(node))[region.k] for label, node in images.items()}
        reference = None if full is None else plane.stacked(slicer.util.arrayFromVolume(full))[region.k]
        for row in measureRows(slices, reference, region, window, known):
            self._known[keys[row.label]] = row
            self._known.move_to_end(keys[row.label])
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            yield row

    def _rowsBeside(self, region, plane) -> Iterator[Row]:
        count = self._parameters.inputVolume.GetImageData().GetDimensions()[plane.axis]
        for k in (region.k + 1, region.k - 1):
            if 0 <= k < count:
                yield from self._rowsOf(replace(region, k=k), plane)

    def _onIdle(self) -> None:
        """Measure images of the slices beside the one in view, once nothing has happened for a while."""
        if int(qt.QApplication.mouseButtons()):
            # A drag that pauses is not at rest.
            self._idle.start()
            return
        until = time.monotonic() + _BUDGET / 5
        try:
            while self._parameters is not None and time.monotonic() < until:
                if next(self._ahead, None) is None:
                    return
            self._idle.start()
        except LDCTError:
            # It is said when one gets there.
            self._ahead = iter(())

    def _signature(self) -> tuple:
        """Return which voxels are there to be measured."""
        nodes = {} if self._parameters is None else {"": self._parameters.referenceVolume, **self._images()}
        return tuple(
            (label, *_voxels(node), transformTime(node), node.GetAttribute("LDCTDenoise.Strength"))
            for label, node in nodes.items() if node is not None and node.GetImageData() is not None
        )

    def _showWhole(self) -> None:
        parameters = self._parameters
        node = parameters.comparisonTable
        if parameters.referenceVolume is None:
            raise InputError(_("Choose a full-dose reference to measure the whole volume against."))
        requireReference(parameters.referenceVolume, self._images())
        if not isComparisonOf(node, parameters.referenceVolume, parameters.inputVolume):
            raise InputError(_("Not measured yet."))
        caption = node.GetAttribute(CAPTION) or ""
        if self._measuredWhole is not None and self._measuredWhole != self._signature():
            caption = _("Measured before the volumes changed; measure again.") + " " + caption
        self.numbers = None
        self._show([_("Image"), *(m.heading for m in (STRENGTH, *METRICS, *HU_STATISTICS))], shownRows(node), caption)

    def _showNothing(self, why: str) -> None:
        self.numbers = None
        self._show([], [], sentence(why))

    def _show(self, header: list[str], rows: list[list[str]], caption: str) -> None:
        table, widest = self.ui.numbersTable, [max(map(len, column)) for column in zip(*rows, strict=True)]
        # In a drag only digits change: no column is wider, no row more, and nothing is laid out anew.
        reshaped = header != self._header or table.rowCount != len(rows) or any(
            wide > before for wide, before in zip(widest, self._widest, strict=True))
        if header != self._header:
            self._header = header
            table.setColumnCount(len(header))
            table.setHorizontalHeaderLabels([text.replace(": ", "\n") for text in header])
        if table.rowCount != len(rows):
            table.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                item = table.item(row, column)
                if item is None:
                    table.setItem(row, column, qt.QTableWidgetItem(text))
                elif item.text() != text:
                    item.setText(text)
        if reshaped:
            self._widest = widest
            table.resizeColumnsToContents()
            self.fit(self._docked)
        table.visible = bool(rows)
        self.ui.captionLabel.text = caption
        for button in (self.ui.copyNumbersButton, self.ui.csvButton, self.ui.tableButton):
            button.enabled = bool(rows)
        self.onShown()


def _isAnyRegion() -> bool:
    return any(region.isPlaced for region in regionsOf(slicer.mrmlScene))


def _voxels(node) -> tuple:
    """Return something that changes when a volume's voxels do."""
    # Modification times grow from one image to the next: no other node of that id, in the next scene, has the same.
    return node.GetID(), node.GetImageData().GetMTime()


def _isDrawing() -> bool:
    mode = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    return mode is not None and mode.GetCurrentInteractionMode() == mode.Place
