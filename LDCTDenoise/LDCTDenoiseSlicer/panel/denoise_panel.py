"""The panel: what the user chooses and presses, and how its parts follow each other."""

import slicer
from LDCTDenoiseLib.errors import LDCTError, MethodError
from LDCTDenoiseLib.hounsfield import PAPER
from LDCTDenoiseLib.methods import available_methods
from slicer.i18n import tr as _

from .. import dependencies
from ..compared_images import LOW, isShown
from ..comparison.section import ComparisonSection
from ..measuring import requireReference
from ..preview import previewLabel
from ..scan_line import ScanLine
from ..task_runner import TaskRunner, guarded, onClicked, sentence
from .advanced import Advanced
from .apply import Apply
from .cost import Cost
from .curves_section import CurvesSection
from .dicom_button import DICOMExport
from .evidence_section import EvidenceSection
from .images_section import ImagesSection
from .method_list import MethodList
from .noise_control import NoiseControl
from .numbers_dock import NumbersDock
from .numbers_export import NumbersExport
from .numbers_section import NumbersSection
from .preview_control import PreviewControl
from .reading_section import ReadingSection
from .strength_follower import StrengthFollower
from .viewed_slice import ViewedSlice


class Panel:
    """What the user sees and presses; one `Task` at a time runs beside it.

    Parameters
    ----------
    ui : object
        The widgets of LDCTDenoise.ui by name.
    logic : LDCTDenoiseLogic
        Does the work.
    resourcePath : callable
        Returns the path of a file in the module's Resources.
    """

    def __init__(self, ui, logic, resourcePath):
        self.ui, self.logic = ui, logic
        self._requirements = resourcePath("requirements.txt")
        self.parameters = None
        self.shownStrength = self.shownNoise = None
        self._guess = None
        self.section = ComparisonSection(resourcePath("UI/Comparison.ui"), logic)
        self.dicom = DICOMExport(self, ui.comparisonPlace.layout())
        ui.comparisonPlace.layout().addWidget(self.section.widget)
        self.methods, self.cost = MethodList(ui), Cost()
        self.evidence = EvidenceSection(resourcePath("UI/Evidence.ui"), self, self._requirements)
        ui.comparisonPlace.layout().addWidget(self.evidence.widget)
        self.list = ImagesSection(ui, self.guarded, self._onListChanged, logic.setStrength)
        self.view = ViewedSlice(self.section, self._onLookedElsewhere, self._onMoving, self._onRegion)
        self.numbers = NumbersSection(ui, self.view, self.images)
        # Kept: a widget that nobody holds goes, and its children with it.
        self._measure = slicer.util.loadUI(resourcePath("UI/Measure.ui"))
        ui.comparisonPlace.layout().addWidget(self._measure)
        measure = slicer.util.childWidgetVariables(self._measure)
        self.export = NumbersExport(ui, measure, self, self._requirements)
        self.dock = NumbersDock(ui)
        self.numbers.onShown = self.dock.fit
        self.curves = CurvesSection(measure, self, self._requirements)
        self.reading = ReadingSection(measure, self)
        self.section.addListener(self._onComparison)
        self.preview = PreviewControl(self.view, self.guarded, self._onPreviewShown)
        self.follower = StrengthFollower(logic.strengths, self.say)
        self.noise = NoiseControl(ui, logic.strengths, self.say, self._onNoiseMeasured)
        self.scan = ScanLine(ui.scanLabel)
        self.advanced = Advanced(ui, logic, self._requirements, self.guarded, self.refresh)
        self._apply = Apply(self, self._requirements)
        self._runner = TaskRunner(self.guarded, self.refresh, self._apply.showProgress)
        onClicked(self.guarded, (ui.applyButton, self._startOrStop), (ui.measureButton, self._measureWhole),
                  (ui.sampleButton, self._addSample), (ui.swapButton, self._swap))
        self._looked: tuple = (None, None)
        ui.numbersButton.connect("contentsCollapsed(bool)", lambda collapsed: self.numbers.refresh())
        self.refresh()

    @property
    def running(self) -> bool:
        return self._runner.running

    def setParameterNode(self, parameters) -> None:
        """Show another parameter node, or none."""
        self.parameters = parameters
        # Each time the panel is entered: a model may have been added meanwhile.
        self.methods.setParameterNode(parameters, available_methods() if parameters is not None else [])
        if parameters is None:
            self.follower.finish()
            self.preview.update(None)
            self.view.follow(None)
        else:
            self.shownStrength, self.shownNoise = parameters.strength, parameters.noiseLeft
            missing = dependencies.missingPackages(self._requirements)
            if missing:
                self.say(_("Not installed yet: {packages}. Apply offers to install.").format(
                    packages=", ".join(missing)))
        self.noise.setParameterNode(parameters)
        self.reading.stop()
        self.section.setParameterNode(parameters)
        self.numbers.setParameterNode(parameters)
        self.curves.setParameterNode(parameters)
        self.refresh()

    def refresh(self) -> None:
        """Bring the panel in line with the parameter node and with what is running."""
        parameters, running = self.parameters, self.running
        low = None if parameters is None else parameters.inputVolume
        labels = self.methods.labels()
        self._showButtons(low, labels, running)
        self.dicom.refresh()
        self.evidence.refresh()
        if parameters is None:
            return
        self.methods.refresh()
        self.list.refresh(low, parameters.referenceVolume)
        self.reading.refresh()
        self.ui.outputSelector.enabled = len(labels) == 1 and not running
        self.ui.modelPathEdit.enabled = not running
        if low is not None and len(labels) == 1:
            self.ui.outputSelector.baseName = f"{low.GetName()} {labels[0]}"
        self._lookAt(low, parameters.referenceVolume)
        self.ui.deviceLabel.text = self.cost.words(parameters.device, labels, low)
        self.view.follow(low)
        self.scan.show(low, self._pairTrouble())
        if parameters.strength != self.shownStrength:
            if self.shownStrength is not None and parameters.noiseLeft:
                parameters.noiseLeft = ""  # the slider is the newer word
            self.shownStrength = parameters.strength
            self._followStrength()
        if parameters.noiseLeft != self.shownNoise:
            self.shownNoise = parameters.noiseLeft
            self._followStrength()
        self.noise.refresh(self.outputs())
        self._updatePreview()
        self._showVolumes()
        self.advanced.show(self._jobs() or [])

    def outputs(self) -> dict:
        """Return what was made of the volume that is selected, by name, ticked in the list or not."""
        return {} if self.parameters is None else self.list.made(self.parameters.inputVolume)

    def images(self) -> dict:
        """Return the volumes to measure by label: low dose, what is ticked in the list, previews."""
        if self.parameters is None or self.parameters.inputVolume is None:
            return {}
        low = self.parameters.inputVolume
        previews = {previewLabel(label): node for label, node in self.preview.nodes.items()}
        return {**({LOW: low} if isShown(low) else {}), **self.list.shown(), **previews}

    def proposePair(self) -> None:
        """Choose the pair that the scene seems to hold, and say so."""
        found = self.logic.proposePair()
        chosen = self.parameters.inputVolume, self.parameters.referenceVolume
        if found.low is not None and (found.low, found.full) != chosen:  # what is so already needs no words
            with slicer.util.NodeModify(self.parameters.parameterNode):
                self.parameters.inputVolume, self.parameters.referenceVolume = found.low, found.full
            self._guess = found.low if found.full is None else None
            self.say(found.words)

    @property
    def guessed(self) -> bool:
        """Whether a lone volume was taken for low dose and nobody has chosen since: another may tell better."""
        parameters = self.parameters
        return self._guess is not None and parameters is not None and parameters.inputVolume is self._guess \
            and parameters.referenceVolume is None

    def _startOrStop(self) -> None:
        if self.running:
            self.stop(_("Stopped. The scene is as it was."))
        else:
            self._apply.start()

    def stop(self, reason: str) -> None:
        """Stop what runs, if anything does; nothing of it reaches the scene."""
        if self.running:
            self._runner.stop()
            self.say(reason)

    def release(self, node) -> None:
        """Let go of a node that is about to leave the scene: what it was chosen as becomes none."""
        parameters = self.parameters
        if parameters is not None:
            for name in ("inputVolume", "referenceVolume", "outputVolume"):
                if getattr(parameters, name) is node:
                    setattr(parameters, name, None)
            self.section.release(node)

    def onNodeRemoved(self) -> None:
        """Show the lists without a node that has left the scene."""
        if self.parameters is not None:
            self.refresh()

    def close(self) -> None:
        """Stop, and wait for the threads a little: the module is about to go."""
        self.stop(_("Stopped."))
        self.follower.drop()
        self.preview.close()
        self.view.follow(None)
        self.scan.close()
        self.noise.close()
        self.reading.stop()
        self.curves.close()
        self.section.close()
        self.dock.show(False)
        self._runner.close()

    def saveFigure(self, path: str) -> None:
        """Write the figure of the slice in view, when matplotlib is there or has been accepted."""
        dependencies.ensurePackages(self._requirements, ["matplotlib"], torch=False)
        parameters, plane = self.parameters, self.view.requirePlane()
        roi = self.view.roi if self.section.shown and plane.axis == 2 else None
        if roi is not None and not roi.IsA("vtkMRMLMarkupsROINode"):
            roi = None  # of slices the figure encloses boxes only
        if parameters.region == "roi":
            listed = self.logic.regions()
            roi = next((region for region in listed if region.node is self.view.roi), listed[0] if listed else None)
        task = self.logic.saveFigure.task(
            path, parameters.referenceVolume, self.images(), plane.index, roi, self.view.window or PAPER,
            None if plane.axis == 2 else plane.name,
        )
        self.say(_("Drawing the figure…"))
        self.run(task, lambda written: self.say(_("Written: {path}").format(path=written)))

    def say(self, text: str) -> None:
        """Show a line below the progress bar."""
        self.ui.statusLabel.text = text

    def guarded(self, step) -> None:
        """Do a step; show the user's errors as the line they are, and any other with its traceback."""
        guarded(step, _("LDCT Denoise"), _("LDCT Denoise failed."), self.say)

    def run(self, task, then) -> None:
        """Start a task, and call `then` with its result."""
        # No bar that moves by itself while things are loaded: its redrawing takes time from the loading.
        self.ui.progressBar.setFormat("")
        self.ui.progressBar.value = 0
        self._runner.run(task, then, lambda: self.say(_("Stopped: a volume in use was removed from the scene.")))

    def _measureWhole(self) -> None:
        parameters = self.parameters
        self.follower.finish()
        dependencies.ensurePackages(self._requirements, torch=False)
        task = self.logic.compare.task(
            parameters.referenceVolume, {LOW: parameters.inputVolume, **self.list.shown()},
            window=self.numbers.window, tableNode=parameters.comparisonTable,
        )

        def measured(table) -> None:
            self.parameters.comparisonTable = table
            self.numbers.rememberWhole()
            self.say(_("In the table '{name}'.").format(name=table.GetName()))

        self.say(_("Measuring…"))
        self.run(task, measured)

    def _swap(self) -> None:
        parameters = self.parameters
        if parameters is not None:
            with slicer.util.NodeModify(parameters.parameterNode):
                parameters.inputVolume, parameters.referenceVolume = (
                    parameters.referenceVolume, parameters.inputVolume)

    def _addSample(self) -> None:
        full, low = self.logic.loadSampleData()
        self.parameters.inputVolume, self.parameters.referenceVolume = low, full
        self.say(_("Phantom: full dose (FDCT) and quarter dose (LDCT). Press Apply."))

    def _jobs(self):
        try:
            return self.methods.jobs()
        except MethodError:
            return None

    def _lookAt(self, low, full) -> None:
        """Show what has been chosen, and take back what was said of what was chosen before."""
        (lookedLow, lookedFull), self._looked = self._looked, (low, full)
        if low is not None and (low, full) != (lookedLow, lookedFull) and not self.running:
            self.say("")
        chosen = low if low is not lookedLow else full if full is not lookedFull else None
        if chosen is not None and not self.section.shown:
            slicer.util.setSliceViewerLayers(background=chosen, fit=True)

    def _pairTrouble(self) -> str:
        """Say, as soon as it is chosen, why a reference cannot be compared with; empty where it can."""
        low, full = self.parameters.inputVolume, self.parameters.referenceVolume
        if low is None or full is None:
            return ""
        try:
            requireReference(full, {LOW: low})
        except LDCTError as error:
            return sentence(error)
        return ""

    def _updatePreview(self) -> None:
        parameters = self.parameters
        # What has been denoised as a whole needs no preview.
        jobs = [job for job in self._jobs() or [] if self.list.madeBy(job.label) is None]
        if not parameters.preview or parameters.inputVolume is None or not jobs or self.running:
            self.preview.update(None)
            return
        if dependencies.missingPackages(self._requirements, torch=any(job.isNetwork for job in jobs)):
            self.preview.update(None)
            self.say(_("A preview needs what Apply offers to install."))
            return
        self.preview.update({"inputVolume": parameters.inputVolume, "jobs": jobs, "device": parameters.device,
                             "strength": parameters.strength})

    def _followStrength(self) -> None:
        if not self.running:
            outputs = self.outputs().values()
            self.follower.follow(self.noise.wanted(outputs, self.parameters.strength), self.view.sliceIndex or 0)

    def _onNoiseMeasured(self) -> None:
        if self.parameters is not None:
            if self.parameters.noiseLeft:
                self._followStrength()
            self.refresh()

    def _onListChanged(self) -> None:
        if self.parameters is not None:
            self.refresh()

    def _onLookedElsewhere(self) -> None:
        if self.parameters is not None:
            self._updatePreview()
            self.numbers.refresh()

    def _onMoving(self) -> None:
        # A region goes along with the slice a little later.
        if self.numbers.region == "slice":
            self.numbers.refresh()

    def _onComparison(self, what: str) -> None:
        if what == "shown":
            self.dock.show(self.section.shown)
            self.numbers.fit(self.section.shown)
            self.dock.fit()
            self._showPointed()
        elif what == "pointer":
            self._showPointed()

    def _showPointed(self) -> None:
        """Show the HU of all images at the pointer, in a line that is there as long as the comparison is."""
        label, values = self.ui.pointerLabel, self.logic.comparison.pointed if self.section.shown else {}
        label.visible = self.section.shown
        words = ", ".join(f"{name} {value:.0f}" for name, value in values.items())
        label.text = _("At the pointer: {values} HU").format(values=words) if words else _("At the pointer: –")

    def _onRegion(self) -> None:
        self.numbers.regionMoved()
        self.curves.refresh()

    def _onPreviewShown(self) -> None:
        """A preview has come, changed or gone: show it where nothing is laid out, and measure it."""
        self._showVolumes()
        previews = self.preview.nodes
        if previews and not self.section.shown:
            slicer.util.setSliceViewerLayers(background=next(iter(previews.values())))

    def _showVolumes(self) -> None:
        parameters = self.parameters
        if parameters is not None:
            images = self.images()
            images.pop(LOW, None)
            self.section.metricWindow = self.numbers.window
            self.section.setVolumes(parameters.referenceVolume, parameters.inputVolume, images)
            self.numbers.refresh()
            self.curves.refresh()

    def _showButtons(self, low, labels, running: bool) -> None:
        button, ready = self.ui.applyButton, low is not None and bool(labels)
        button.text = _("Cancel") if running else _("Apply")
        button.enabled = running or ready
        if running:
            button.toolTip = _("Stop; the scene stays as it was")
        elif ready:
            button.toolTip = _("Denoise the low-dose volume")
        elif low is None:
            button.toolTip = _("Select a low-dose volume first")
        else:
            button.toolTip = _("Tick a method first")
        self.ui.progressBar.visible = running
        for widget in (self.ui.choices, self.ui.settings, self.ui.regionRow, self.ui.numbersButtons):
            widget.enabled = not running
        self.ui.sampleButton.visible = low is None and not running
        self.ui.swapButton.enabled = low is not None and self.parameters.referenceVolume is not None
        self.ui.measureButton.enabled = low is not None and self.parameters.referenceVolume is not None
