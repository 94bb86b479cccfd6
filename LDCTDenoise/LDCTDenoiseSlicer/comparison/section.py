"""The section "Compare side by side" of the panel (desktop only)."""

import contextlib

import slicer
import vtk
from LDCTDenoiseLib.errors import LDCTError
from LDCTDenoiseLib.hounsfield import PAPER, PRESETS, Window
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..filling import silent
from ..task_runner import guarded, onClicked, sentence
from .keys import WINDOW_KEYS
from .layout import ARRANGEMENTS
from .plane import ORIENTATIONS
from .regions_table import RegionsTable
from .section_parameters import ComparisonParameters


class ComparisonSection(VTKObservationMixin):
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
        Does the work; whatever the section does is a call of it, see its "Views".

    Attributes
    ----------
    widget : qMRMLWidget
        To be put into the panel.
    shown : bool
        Whether the comparison is laid out now. While it is, do not call `slicer.util.setSliceViewerLayers`: it would
        put one volume into every view.
    roi : vtkMRMLMarkupsROINode, vtkMRMLMarkupsClosedCurveNode or None
        The active region.
    sliceIndex : int or None
        Index k, in the low-dose volume, of the slice that is laid out; None when none is.
    window : Window
        The display window of the images.

    Listeners are called with what has changed, always from the main thread and without a delay (throttle long work):
    "shown" (laid out, or put away), "moving" (perhaps to another slice; then "slice" follows), "slice" (another slice),
    "roi" (another ROI, or moved: often while it is dragged), "roiEnd" (let go of), "window", "changed" (rows, images),
    "pointer" (the mouse is somewhere else in the views).
    """

    def __init__(self, uiPath: str, logic):
        VTKObservationMixin.__init__(self)
        self.logic = logic
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self._parameters = self._guiTag = None
        self._reference = self._low = None
        self._outputs = {}
        self._listeners = []
        self._busy = self._stale = self._closed = False
        self._trouble = ""
        self.metricWindow = PAPER
        for name, window in PRESETS.items():
            self.ui.windowComboBox.addItem(_presetWords(name, window), name)
        self.ui.windowComboBox.connect("activated(int)", self._onPreset)
        for combo, words, name in ((self.ui.arrangementComboBox, _arrangements(), "arrangement"),
                                   (self.ui.orientationComboBox, _orientations(), "orientation")):
            for data, text in words.items():
                combo.addItem(text, data)
            combo.connect("activated(int)", lambda index, combo=combo, name=name: self._onChosen(combo, name, index))
        onClicked(self._guarded, (self.ui.backButton, lambda: logic.scrollComparison(-1)),
                  (self.ui.onButton, lambda: logic.scrollComparison(1)), (self.ui.fitButton, logic.fitComparison),
                  (self.ui.drawButton, lambda: self._draw("box")), (self.ui.circleButton, lambda: self._draw("circle")),
                  (self.ui.curveButton, lambda: self._draw("curve")))
        self.ui.sliceSlider.connect("valueChanged(double)", self._onSlider)
        for widget in (self.ui.sideBySideButton, self.ui.arrangementComboBox, self.ui.windowComboBox):
            widget.toolTip = f"{widget.toolTip}\n\n{keyWords()}"
        self._table = RegionsTable(self.ui, logic, self._guarded, self._onActive, self._onRegionsChanged)
        self.logic.comparison.addListener(self._onComparison)
        self._refresh()

    @property
    def shown(self) -> bool:
        return self.logic.comparison.shown

    @property
    def sliceIndex(self) -> int | None:
        return self.logic.comparison.sliceIndex

    @property
    def roi(self):
        return self._parameters.comparisonROI if self._parameters is not None else None

    @property
    def window(self) -> Window:
        return _windowOf(self._parameters) if self._parameters is not None else PRESETS["paper"]

    def addListener(self, listener) -> None:
        """Call `listener(what)` after each change."""
        self._listeners.append(listener)

    def setParameterNode(self, parameterNode) -> None:
        """Follow the module's parameter node (the wrapper); None puts the user's layout back and follows none."""
        if self._closed:
            return
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._parameters = None
        if parameterNode is None:
            # Volumes of a scene that goes are let go, too.
            self._reference, self._low, self._outputs = None, None, {}
        else:
            self._parameters = ComparisonParameters(parameterNode.parameterNode)
            self._guiTag = self._parameters.connectGui(self.ui)
            self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self._refresh()

    def setVolumes(self, reference, low, outputs: dict) -> None:
        """Say what is compared; any may be None, and `outputs` is label to node in the order of the views."""
        self._reference, self._low, self._outputs = reference, low, dict(outputs)
        self._refresh()

    def release(self, node) -> None:
        """Let go of a node that is about to leave the scene."""
        if self.roi is node:
            # In one step: zooms without a box would get a new one.
            with slicer.util.NodeModify(self._parameters.parameterNode):
                self._parameters.comparisonROI = None
                self._parameters.zoomRow = False

    def close(self) -> None:
        """Put the user's layout back and let go of the scene."""
        self.setParameterNode(None)
        self._listeners.clear()
        self._closed = True
        self.logic.comparison.close()

    def _refresh(self) -> None:
        """Bring views and widgets in line with the parameters and the volumes."""
        self._stale = True
        if self._busy:
            return
        self._busy = True
        try:
            while self._stale:
                # A listener may have changed something meanwhile, such as a preview that comes or goes.
                self._stale = False
                self._layOut()
                self._showState()
        finally:
            self._busy = False

    def _volumes(self) -> tuple:
        """Return reference, low dose and outputs as far as they are in the scene."""
        reference, low = (volume if _isThere(volume) else None for volume in (self._reference, self._low))
        reference = None if reference is low else reference
        return reference, low, {label: volume for label, volume in self._outputs.items() if _isThere(volume)}

    def _layOut(self) -> None:
        parameters, (reference, low, outputs) = self._parameters, self._volumes()
        if parameters is None or not parameters.sideBySide or not (reference or low or outputs):
            self.logic.hideComparison()
        else:
            self._dropZooms()
            self._trouble = ""
            rows = [name for name in ("zoom", "difference", "noise") if getattr(parameters, f"{name}Row")]
            before = self.logic.comparison.request
            try:
                self.logic.showComparison(
                    reference, low, outputs, rows, _windowOf(parameters), parameters.differenceLimit,
                    parameters.comparisonROI, parameters.boxHandles, parameters.sharedCrosshair,
                    arrangement=parameters.arrangement, image=parameters.stackImage,
                    first=0 if before is None else before.first, orientation=parameters.orientation,
                    zoomDifferences=parameters.zoomDifferences, metricWindow=self.metricWindow,
                )
                parameters.comparisonROI = self.logic.comparison.request.roi
                self._trouble = self.logic.comparison.notices()
            except LDCTError as error:
                self.logic.hideComparison()
                parameters.sideBySide = False
                self._trouble = sentence(error)
        # Of a comparison that could not be laid out it stays there until the next try.
        self._say(self._trouble)

    def _dropZooms(self) -> None:
        """Without the box that was zoomed, deleted or set to none, the zooms go; a new one would come with them."""
        request = self.logic.comparison.request
        if request is not None and request.roi is not None and self._parameters.comparisonROI is None:
            self._parameters.zoomRow = False

    def _showState(self) -> None:
        """Enable what can be used, and show the window in words."""
        ui, (reference, low, outputs), parameters = self.ui, self._volumes(), self._parameters
        several = (reference is not None) + (low is not None) + len(outputs) > 1
        ui.sideBySideButton.enabled = self._parameters is not None and bool(reference or low or outputs)
        ui.differenceCheckBox.enabled = several and reference is not None
        ui.noiseCheckBox.enabled = several and low is not None
        ui.limitSpinBox.enabled = several
        for widget in (ui.drawButton, ui.circleButton, ui.curveButton, ui.fitButton, ui.sliceSlider):
            widget.enabled = self.shown
        ui.zoomDifferencesCheckBox.enabled = parameters is not None and parameters.zoomRow
        if parameters is not None:
            ui.arrangementComboBox.setCurrentIndex(ARRANGEMENTS.index(parameters.arrangement))
            ui.orientationComboBox.setCurrentIndex(list(ORIENTATIONS).index(parameters.orientation))
        request = self.logic.comparison.request
        scrolls = request is not None and (request.scrolls > 0 or request.arrangement == "stack")
        ui.backButton.visible = ui.onButton.visible = scrolls
        self._showSlice()
        self._table.refresh(self.roi)
        combo, window = ui.windowComboBox, self.window
        named = next((i for i, preset in enumerate(PRESETS.values()) if preset == window), len(PRESETS))
        while combo.count > len(PRESETS):
            combo.removeItem(len(PRESETS))
        if named == len(PRESETS):
            combo.addItem(_("As dragged {window}").format(window=_rounded(window)), None)
        combo.setCurrentIndex(named)

    def _tell(self, what: str) -> None:
        for listener in list(self._listeners):
            listener(what)

    def _onParametersModified(self, caller, event) -> None:
        self._refresh()

    def _onPreset(self, index: int) -> None:
        name = self.ui.windowComboBox.itemData(index)
        if self._parameters is not None and name is not None:
            self._setWindow(PRESETS[name])

    def _onChosen(self, combo, name: str, index: int) -> None:
        if self._parameters is not None and index >= 0:
            setattr(self._parameters, name, combo.itemData(index))

    def _onSlider(self, value: float) -> None:
        if self.shown:
            self._guarded(lambda: self.logic.showComparisonSlice(round(value) - 1))

    def _showSlice(self) -> None:
        """Show on the slider which slice the views show."""
        position = self.logic.comparison.position
        if position is None or position[1] is None:
            return
        slider, (_axis, index, count) = self.ui.sliceSlider, position
        with silent(slider):
            slider.maximum = count
            slider.value = index + 1

    def _setWindow(self, window: Window) -> None:
        with slicer.util.NodeModify(self._parameters.parameterNode):
            self._parameters.windowLower, self._parameters.windowUpper = window.lower, window.upper

    def _draw(self, shape: str) -> None:
        self._parameters.comparisonROI = self.logic.drawComparisonROI(shape)

    def _onActive(self, node) -> None:
        if self._parameters is not None and node is not None and self._parameters.comparisonROI is not node:
            self._parameters.comparisonROI = node

    def _onRegionsChanged(self) -> None:
        listed = [region.node for region in self.logic.regions()]
        if self._parameters is not None and self.roi is not None and self.roi not in listed:
            self.release(self.roi)
        self._refresh()

    def _guarded(self, step) -> None:
        guarded(step, _("LDCT Denoise"), _("LDCT Denoise failed."), self._say)

    def _say(self, text: str) -> None:
        self.ui.comparisonStatusLabel.text = text
        self.ui.comparisonStatusLabel.visible = bool(text)

    def _onComparison(self, what: str) -> None:
        """Take over what was changed in the views, by the user or by what happened to the scene."""
        comparison, parameters = self.logic.comparison, self._parameters
        if parameters is not None and not self._busy:
            request = comparison.request
            if what == "shown":
                # Put away by another layout, or laid out by a script.
                parameters.sideBySide = request is not None
            elif request is not None and what == "window":
                self._setWindow(request.window)
                parameters.differenceLimit = min(max(request.limit, 1.0), 2000.0)
            elif request is not None and what == "changed":
                # In one step: zooms without a box would get a new one.
                with slicer.util.NodeModify(parameters.parameterNode):
                    parameters.comparisonROI = request.roi
                    parameters.zoomRow = "zoom" in request.rows
                    parameters.arrangement, parameters.stackImage = request.arrangement, request.image
                    parameters.orientation = request.orientation
        if what in ("roiEnd", "regions", "shown"):
            self._table.refresh(self.roi)
        if what == "slice":
            self._showSlice()
            if comparison.shown:
                self._say(comparison.notices())
        self._tell(what)


def _isThere(volume) -> bool:
    return volume is not None and volume.GetScene() is not None and volume.GetImageData() is not None


def _windowOf(parameters) -> Window:
    # A scene edited by hand may hold anything.
    with contextlib.suppress(LDCTError):
        return Window(parameters.windowLower, parameters.windowUpper)
    return PRESETS["paper"]


def _rounded(window: Window) -> Window:
    return Window(round(window.lower), max(round(window.upper), round(window.lower) + 1))


def _presetWords(name: str, window: Window) -> str:
    words = {
        "paper": _("Soft tissue"),
        "liver": _("Liver"),
        "mediastinum": _("Mediastinum"),
        "lung": _("Lung"),
        "bone": _("Bone"),
    }
    key = next((key for key, window in WINDOW_KEYS.items() if window == name), "")
    return f"{words.get(name, name)} {window}" + (f" ({key})" if key else "")


def _arrangements() -> dict[str, str]:
    return {
        "auto": _("as large as fits"),
        "1xn": _("in one line"),
        "2x3": _("two lines of three"),
        "3x2": _("three lines of two"),
        "stack": _("one large (1 to 9, Esc)"),
    }


def _orientations() -> dict[str, str]:
    return {"axial": _("axial"), "coronal": _("coronal"), "sagittal": _("sagittal")}


def keyWords() -> str:
    """Return what each key does, a line a key, for tooltips."""
    windows = ", ".join(f"{key} {name}" for key, name in WINDOW_KEYS.items())
    return "\n".join((
        _("With the pointer over the views:"),
        _("1 to 9: show that image large; Esc or a double click: all again"),
        _("Space: the reference and back"),
        _("D, held: the differences"),
        _("Page Up, Page Down: the images before and after"),
        _("Windows: {windows} (as before the comparison)").format(windows=windows),
        _("Double click: one image large, fitted; drag inside the selected region: move it"),
    ))
