"""The logic of LDCT Denoise: what the panel does, as calls for the Python console, scripts and slicer-core."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import slicer
from LDCTDenoiseLib.engine import NoiseLeft, noise_left_of
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from LDCTDenoiseLib.metrics import Curves
from LDCTDenoiseLib.reading import Summary, read_readings, summarise
from LDCTDenoiseLib.reading.summary import Reading as Answers

from . import curves_of_images, own_models, plots, results_log, sample
from . import regions as regionNodes
from .compared_images import LOW, ComparedImages
from .comparison.layout_request import LayoutRequest
from .comparison.pointer import valuesAt
from .comparison.side_by_side import SideBySide
from .comparison.zoom_numbers import ZoomNumbers, measureZoom
from .denoising import Denoising, Job, jobsOf
from .dicom_export import exportTask
from .evidence_of_pair import evidenceTask
from .measuring import compareTask, figureTask, labelled, onOneGrid, requireSameGrid, windowOf
from .nodes import INPUT_ROLE, requireVolume, volumeFromNode
from .numbers import REFERENCE, Made, Numbers, measureRows, wholePlane
from .pair_proposal import PairProposal, proposePair
from .planes import Plane
from .reading import Reading, ReadingView, readingsOf, startReading
from .region_numbers import RegionNumbers, measureRegions
from .regions import Region, regionsOf
from .rois import pixelROI
from .scanning import scanTask
from .strength import Strengths
from .tables import writeTable
from .tasks import Task, longCall


class LDCTDenoiseLogic:
    """Denoise volumes of the scene and compare them with a reference.

    Works in Slicer's Python console, with `--no-main-window` and on slicer-core; only what lays out views needs a
    Slicer that has some::

        logic = LDCTDenoiseLogic()
        denoised = logic.denoise(lowDose, method="DCSCN")
        table = logic.compare(fullDose, {"LDCT": lowDose, "DCSCN": denoised})

    The calls that take long, marked `longCall`, do their work and return what it comes to; with `.task` before the
    parameters they return it as a `Task`, to be started beside the event loop::

        task = logic.denoiseAll.task(lowDose, ["DCSCN", "TV"]).start()

    They take a `progress` besides, which is called along the way and stops the work by returning False.

    Attributes
    ----------
    strengths : Strengths
        The outputs whose strength can be changed without another run, see `setStrength`.
    """

    def __init__(self):
        self.strengths = Strengths()

    @longCall
    def denoise(
        self,
        inputVolume,
        method: str | None = None,
        outputVolume=None,
        device: str = "auto",
        strength: float = 1.0,
        model: str | Path | None = None,
        batch: int | None = None,
        leaveNoise: str | None = None,
    ) -> Task:
        """Denoise a volume; the scene changes only at the end, when all has gone well.

        Parameters
        ----------
        inputVolume : vtkMRMLScalarVolumeNode
            Low-dose CT in HU; one slice is enough.
        method : str or None
            One of `LDCTDenoiseLib.methods.METHODS`. Default: that of `model`, and DCSCN without one.
        outputVolume : vtkMRMLScalarVolumeNode, optional
            The node to fill; it keeps its name. Default: a new node named "<input> <METHOD>", of a model file
            without a method "<input> <file>".
        device : str
            "auto", "cpu", "cuda", "cuda:N" or "mps".
        strength : float
            0 (the input) to 1 (the method's full correction).
        model : path, optional
            A model file of one's own. Default: the one of the catalogue for the method.
        batch : int, optional
            Slices at a time. Default: 1 on the CPU, 16 on a GPU.
        leaveNoise : str, optional
            How much of the scan's noise to leave, "12" in HU or "50%" of its own, in place of the strength.
        progress : callable, optional
            Called after each batch with a `LDCTDenoiseLib.engine.Progress`. Returning False stops.

        Returns
        -------
        vtkMRMLScalarVolumeNode or None
            The output: geometry, scalar type, parent transform, display window and subject-hierarchy place are the
            input's. Its attributes "LDCTDenoise.*" say how it was made. None when `progress` stopped the run or
            removed one of the nodes; the scene is then as it was.

        Raises
        ------
        InputError, MethodError, ModelFileError, DeviceError, MissingDependencyError
            Subclasses of `LDCTDenoiseLib.errors.LDCTError` with one line to show to the user; the scene is as it was.
        """
        methods, models = ([method or "DCSCN"], ()) if method is not None or model is None else ((), [model])
        job = Job(jobsOf(methods, models)[0].method, model)
        outputs = {} if outputVolume is None else {job.label: outputVolume}
        return Denoising(inputVolume, [job], outputs, device, strength, batch, None, leaveNoise).onlyTask()

    @longCall
    def denoiseAll(
        self,
        inputVolume,
        methods: Sequence[str] = (),
        models: Sequence[str | Path] = (),
        outputs: dict | None = None,
        device: str = "auto",
        strength: float = 1.0,
        batch: int | None = None,
        leaveNoise: str | None = None,
    ) -> Task:
        """Denoise a volume with several methods; the scene changes only at the end, when all have gone well.

        Parameters
        ----------
        inputVolume, device, strength, batch, leaveNoise
            As for `denoise`; the noise that is left is the same for all, at whatever strength. The strength can be
            changed later, see `setStrength`; of outputs below 1 the voxels at full strength are kept in memory.
        methods : sequence of str
            Names of methods.
        models : sequence of path
            Model files of one's own, each called by its file's name.
        outputs : dict of str to vtkMRMLScalarVolumeNode, optional
            Nodes to fill, by label. Default: new ones.
        progress : callable, optional
            Called after each batch with a `JobProgress`. Returning False stops.

        Returns
        -------
        dict of str to vtkMRMLScalarVolumeNode, or None
            The outputs by label, methods first. None when stopped; the scene is then as it was.

        Raises what `denoise` does.
        """
        jobs = jobsOf(methods, models)
        return Denoising(inputVolume, jobs, outputs or {}, device, strength, batch, self.strengths, leaveNoise).task()

    def setStrength(self, outputVolume, strength: float) -> None:
        """Show an output at another strength, without another run.

        Parameters
        ----------
        outputVolume : vtkMRMLScalarVolumeNode
            An output that shows full strength now, was turned down by this call before, or was made by `denoiseAll`
            of this logic.
        strength : float
            0 (the input) to 1. Integers are blended from the rounded result at full strength: a run at that strength
            differs from it by at most 1 HU.

        Raises
        ------
        InputError
            If the strength is outside [0, 1], or input or full strength of the output are not known any more.
        """
        self.strengths.set(outputVolume, strength)

    @longCall
    def inspect(self, volume) -> Task:
        """Measure a scan: its own noise and kernel, pixels, orientation; returns a `ScanFacts`, see its `words`."""
        return scanTask(volume)

    def noiseLeft(self, outputVolume) -> NoiseLeft:
        """Return what an output leaves of its input's noise at each strength: `own`, and `at(strength)`, in HU.

        Raises
        ------
        InputError
            If input or full strength of the output are not known any more, or the scan has too little flat soft tissue.
        """
        full = self.strengths.full(outputVolume)
        source = volumeFromNode(outputVolume.GetNodeReference(INPUT_ROLE), "input of the output")
        return noise_left_of(source, full)

    def setNoiseLeft(self, outputVolume, noise: str) -> float:
        """Show an output at the strength that leaves so much noise, "12" in HU or "50%" of the scan's own.

        Returns
        -------
        float
            The strength: the nearest that can be reached.
        """
        strength, words = self.noiseLeft(outputVolume).strength_leaving(noise)
        self.strengths.set(outputVolume, strength)
        outputVolume.SetAttribute("LDCTDenoise.NoiseLeft", words)
        return strength

    @longCall
    def compare(
        self,
        reference,
        volumes,
        roi=None,
        window: Sequence[float] | Window = PAPER,
        tableNode=None,
    ) -> Task:
        """Measure PSNR, SSIM and RMSE of volumes against a reference.

        Parameters
        ----------
        reference : vtkMRMLScalarVolumeNode
            The full-dose volume.
        volumes : vtkMRMLScalarVolumeNode, sequence of them, or dict of label to node
            What to measure, in the order of the table. Without labels, the nodes' names.
        roi : tuple (i0, i1, j0, j1, k), ROI or vtkMRMLMarkupsROINode, optional
            Measure these pixels only; the upper bounds of a tuple are exclusive. Of a node, the slice through its
            centre, see `rois.pixelROI`. Default: whole slices, mean and standard deviation over the slices.
        window : two numbers or Window
            Lower and upper HU of the window that both are clipped to.
        tableNode : vtkMRMLTableNode, optional
            The node to fill. Default: a new one.
        progress : callable, optional
            Called after each slice with a `Counted`. Returning False stops.

        Returns
        -------
        vtkMRMLTableNode or None
            One row an image; figures, their standard deviations, and what they were measured in. None when
            `progress` stopped it.

        Raises
        ------
        GeometryError
            If a volume does not lie on the reference's grid, parent transforms included; says what differs.
        InputError
            If there is nothing to compare, a node is not a volume, or the ROI or window makes no sense.
        """
        return compareTask(reference, volumes, roi, window, tableNode)

    def measure(self, volumes, reference=None, sliceIndex: int | None = None, roi=None, window=PAPER,
                plane: str | None = None) -> Numbers:
        """Measure one slice, or an ROI of it: what the panel shows live.

        Parameters
        ----------
        volumes, roi, window
            As for `compare`.
        reference : vtkMRMLScalarVolumeNode, optional
            The full-dose volume. Without it, mean and standard deviation in HU are measured, and no more.
        sliceIndex : int, optional
            The slice. Default: that of the ROI, and the middle one without an ROI.
        plane : str, optional
            "axial", "coronal" or "sagittal", for a plane of the same voxels other than the volume's slices: sliceIndex
            is then the row or column across it, and of an ROI the columns and rows are those of the plane. Default:
            the slices.

        Returns
        -------
        Numbers
            With `records()` and `caption()`; `writeNumbers` puts it into a table node.

        Raises
        ------
        GeometryError, InputError
            As for `compare`.
        """
        nodes = onOneGrid(volumes, reference)
        first = next(iter(nodes.values()))
        if plane is None or not isinstance(roi, slicer.vtkMRMLNode):
            region = pixelROI(roi, first, sliceIndex)
        else:
            raise InputError("an ROI node is measured in slices; in other planes measure it as a region.")
        looked, whole = Plane.of(first, None if region else sliceIndex, plane), region is None
        stacks = {label: looked.stacked(slicer.util.arrayFromVolume(node)) for label, node in nodes.items()}
        if whole:
            region = wholePlane(first, looked)
        region.check(next(iter(stacks.values())).shape)
        looked = replace(looked, index=region.k)
        slices = {label: stack[region.k] for label, stack in stacks.items()}
        full = None if reference is None else looked.stacked(slicer.util.arrayFromVolume(reference))[region.k]
        shownIn = windowOf(window)
        made = {label: Made.of(node) for label, node in nodes.items()}
        return Numbers(tuple(measureRows(slices, full, region, shownIn)), region, whole, shownIn, looked, made)

    def writeNumbers(self, numbers, reference, volumes, tableNode=None):
        """Put the numbers of `measure` into a table node, and return it; `tableNode` as for `compare`."""
        return writeTable(tableNode, reference, labelled(volumes), numbers)

    @longCall
    def saveFigure(self, path, reference, volumes, sliceIndex: int | None = None, roi=None, window=PAPER,
                   plane: str | None = None) -> Task:
        """Write the paper-like comparison of one slice as a picture: the same figure as the command line's.

        Parameters
        ----------
        path : path
            A name that ends in .png, or in another format of matplotlib's; written whole or not at all.
        reference : vtkMRMLScalarVolumeNode or None
            The full-dose volume: the first panel, and what the others are measured against.
        volumes, window
            As for `compare`.
        roi : as for `compare`, or a Region, optional
            What is boxed in red and enlarged below; the numbers are its own. Of a region, in the plane that it was
            drawn in, they are those of `measureRegions`.
        sliceIndex : int, optional
            The slice. Default: that of the ROI, and the middle one without an ROI.
        plane : str, optional
            As for `measure`.

        Raises GeometryError, InputError, OutputError or MissingDependencyError.
        """
        return figureTask(path, reference, volumes, sliceIndex, roi, window, plane)

    def proposePair(self, scene=None) -> PairProposal:
        """Propose low dose and full dose among the volumes of the scene, by names and noise, see `pair_proposal`."""
        return proposePair(slicer.mrmlScene if scene is None else scene)

    @longCall
    def collectEvidence(
        self,
        reference,
        lowVolume=None,
        methods: Sequence[str] = (),
        models: Sequence[str | Path] = (),
        dose: float | None = None,
        device: str = "auto",
        folder: str | Path | None = None,
        tableNode=None,
    ) -> Task:
        """Measure what methods do to lesions, edges, noise and HU of a pair, see docs/evidence.md; it takes minutes.

        Parameters
        ----------
        reference : vtkMRMLScalarVolumeNode
            The full-dose volume.
        lowVolume : vtkMRMLScalarVolumeNode, optional
            Its low-dose volume. Without it the dose is lowered by simulation.
        methods, models
            As for `denoiseAll`.
        dose : float, optional
            Fraction of the full dose. Default: a quarter when it is simulated, unknown of a pair.
        device : str
            As for `denoise`.
        folder : path, optional
            A new or empty folder for report.html, evidence.csv and evidence.json.
        tableNode : vtkMRMLTableNode, optional
            The node to fill. Default: a new one.
        progress : callable, optional
            Called along the way with a `LDCTDenoiseLib.evidence.result.Progress`. Returning False stops.

        Returns
        -------
        vtkMRMLTableNode or None
            One row a method and lesion size, with its word, colour and what it rests on. None when stopped.

        Raises
        ------
        InputError, GeometryError, MethodError, OutputError
            With one line to show to the user; the scene is as it was.
        """
        return evidenceTask(reference, lowVolume, methods, models, dose, device, folder, tableNode)

    #
    # What is compared, and where
    #

    def comparedImages(self, inputVolume) -> ComparedImages:
        """Return the list of compared images of an input, to look at and to change.

        It holds what was made from the input, in the order it was made, and any volume on its grid that is added::

            images = logic.comparedImages(lowDose)
            images.add(scannersOwn, "ADMIRE 3")
            images.change(denoised, shown=False)
            print([row.label for row in images.rows()])
        """
        return ComparedImages(inputVolume)

    def regions(self) -> list[Region]:
        """Return the regions of the application's scene by their numbers."""
        return regionsOf(slicer.mrmlScene)

    def makeRegion(self, volume, roi, shape: str = "box", role: str = "none", name: str | None = None, slices=None):
        """Make a region of columns i0 to i1, rows j0 to j1 of slice k or of slices n to m: `regions.makeRegion`."""
        return self._marked(regionNodes.makeRegion(volume, roi, shape, role, name, slices))

    def spanSlices(self, region: Region, volume, first: int, last: int) -> Region:
        """Let a region reach over several slices of a volume, see `regions.spanSlices`; returns what it is then."""
        regionNodes.spanSlices(region, volume, first, last)
        return self._marked(region)

    def addRegion(self, node, role: str = "none", name: str | None = None, segment: str = ""):
        """Put a Markups ROI, a closed curve or a segment into the list of regions, see `regions.addRegion`."""
        return self._marked(regionNodes.addRegion(node, role, name, segment))

    def changeRegion(self, region: Region, role=None, name=None, follows=None, color=None) -> Region:
        """Give a region another role, name or colour, or let it follow the slice; returns what it is then."""
        return self._marked(regionNodes.changeRegion(region.node, role, name, follows, color, region.segment))

    def removeRegion(self, region: Region) -> None:
        """Take a region out of the list; its node stays in the scene, unless it was drawn in the comparison's views."""
        scene = region.node.GetScene()
        regionNodes.removeRegion(region.node, region.segment)
        SideBySide.of(scene).markRegions()

    @staticmethod
    def _marked(region: Region) -> Region:
        """Show the list as it is now where it is laid out, and return the region."""
        SideBySide.of(region.node.GetScene()).markRegions()
        return region

    def measureRegions(self, volumes, reference=None, regions=None, low: str = LOW) -> RegionNumbers:
        """Measure regions of volumes: mean, SD and RMSE of each, CNR, contrast kept and noise left.

        Parameters
        ----------
        volumes : dict of label to vtkMRMLScalarVolumeNode, or as for `compare`
        reference : vtkMRMLScalarVolumeNode, optional
            The full-dose volume; without it there is no RMSE and no contrast kept.
        regions : sequence of Region, optional
            Default: all of the scene, see `regions`.
        low : str
            The label of the low dose, whose noise the noise left is taken of.

        Returns
        -------
        RegionNumbers
            With `header()`, `cells()`, `records()` and `caption()`; `writeNumbers` puts it into a table node.

        Raises
        ------
        GeometryError, InputError
            As for `compare`; or if there is no region, or one holds no voxel.
        """
        nodes = onOneGrid(volumes, reference)
        first = next(iter(nodes.values()))
        full = None if reference is None else slicer.util.arrayFromVolume(reference)
        return measureRegions(
            {label: slicer.util.arrayFromVolume(node) for label, node in nodes.items()}, full,
            regionsOf(first.GetScene()) if regions is None else list(regions), first,
            {label: Made.of(node) for label, node in nodes.items()}, low,
        )

    def makeLine(self, volume, start, end, name: str = "Profile"):
        """Add a line for `measureProfile` between two places (i, j, k): columns, rows and slices of a volume."""
        return curves_of_images.makeLine(volume, start, end, name)

    def measureProfile(self, volumes, line=None, reference=None, width: float = 0.0) -> Curves:
        """Measure the profile of volumes along a line: HU over mm, and width and slope of the edge that it crosses.

        Parameters
        ----------
        volumes, reference
            As for `measureRegions`; the reference's curve comes first.
        line : vtkMRMLMarkupsLineNode, optional
            A line of the scene, see `makeLine`. Default: the newest that was drawn for a profile.
        width : float
            Millimetres beside the line over which is averaged; 0 is the line alone.

        Returns
        -------
        Curves
            With `header()`, `cells()`, `records()`, `points()` and `caption()`; `showCurves` draws it, `write` saves
            it as CSV or figure.

        Raises
        ------
        GeometryError, InputError
            As for `compare`; or if the line is not drawn, too short, or outside.
        """
        nodes = onOneGrid(volumes, reference)
        scene = next(iter(nodes.values())).GetScene()
        return curves_of_images.measureProfile(nodes, line or curves_of_images.lineOf(scene), reference, width)

    def measureSpectrum(self, volumes, region: Region | None = None, reference=None) -> Curves:
        """Measure the noise spectrum of a flat region: noise power over frequency, SD and mean frequency of each.

        Parameters
        ----------
        volumes, reference
            As for `measureProfile`.
        region : Region, optional
            Default: the first background among the regions of the scene, or the first region.

        Returns what `measureProfile` does, and raises `InputError` when there is no region, or it is too small.
        """
        nodes = onOneGrid(volumes, reference)
        if region is None:
            found = regionsOf(next(iter(nodes.values())).GetScene())
            region = next((r for r in found if r.role == "background"), found[0] if found else None)
        if region is None:
            raise InputError("there is no region yet; draw one where the tissue is flat.")
        return curves_of_images.measureSpectrum(nodes, region, reference)

    def showCurves(self, curves: Curves):
        """Draw curves into a plot chart of the application's scene, and return it; the next of their kind go there."""
        return plots.showCurves(slicer.mrmlScene, curves)

    def addToLog(self, numbers, volumes, reference=None):
        """Append numbers to the results log, a table that is saved with the scene, and return its node.

        Parameters
        ----------
        numbers : Numbers, RegionNumbers or vtkMRMLTableNode
            What `measure` or `measureRegions` returned, or the table of `compare`.
        volumes, reference
            What was measured, the low dose first: its pseudonym, a hash of its voxels, stands in the log and no name;
            `setPseudonym` gives it another.
        """
        return results_log.addToLog(numbers, onOneGrid(volumes, reference), reference)

    def setPseudonym(self, volume, pseudonym: str) -> None:
        """Call a volume by another pseudonym in the results log; an empty one is that of its voxels again."""
        requireVolume(volume, "volume")
        volume.SetAttribute(results_log.PSEUDONYM, pseudonym.strip() or None)

    @longCall
    def writeLog(self, folder) -> Task:
        """Write the results log of the application's scene: log.csv, and a figure of each slice and region in it.

        Returns
        -------
        tuple of (list of Path, list of str)
            The files, and why an entry has no figure: its images or regions are not what they were.

        Raises InputError when the log is empty, OutputError and MissingDependencyError.
        """
        return results_log.logTask(results_log.logOf(slicer.mrmlScene), folder)

    #
    # Readings
    #

    def startReading(self, volumes, cases, reader: str, kind: str = "scores", seed: int | None = None) -> Reading:
        """Begin a blinded reading: images shuffled and unnamed, scored one by one or compared in pairs.

        Parameters
        ----------
        volumes
            The images by label, on one grid; full and low dose among them where they are to be read, too.
        cases : sequence
            What of them is shown: slices by their index, regions (the plane they were drawn in), or `Plane`s.
        reader : str
            Name or initials.
        kind : str
            "scores": noise, sharpness, artefacts, lesion conspicuity and overall from 1 to 5; "pairs": the better of
            two, each pair of images of each case.
        seed : int, optional
            Of the order. Default: drawn; it is in the key.

        Returns
        -------
        Reading
            With `trial`, `answer(scores)` or `answer(preferred=0)`, `undo()` and `write(folder)`; kept in the scene,
            see `readings`. `showReading` shows it.

        Raises
        ------
        GeometryError, InputError
            If the volumes lie on several grids, or there is nothing to read.
        """
        return startReading(onOneGrid(volumes), cases, reader, kind, seed)

    def readings(self) -> list[Reading]:
        """Return the readings of the application's scene, the oldest first."""
        return readingsOf(slicer.mrmlScene)

    def showReading(self, reading: Reading) -> ReadingView:
        """Show a reading's next image, or pair, in views without names (desktop only); `hide()` ends it."""
        self.hideComparison()
        view = ReadingView(reading)
        view.show()
        return view

    def summariseReadings(self, paths=None, reference: str | None = None) -> Summary:
        """Summarise readings: VGC area of each image against the reference, kappa of readers, preferences.

        Parameters
        ----------
        paths : sequence of path, optional
            Files of answers, each with its key beside it, as `Reading.write` leaves them. Default: the readings of
            the application's scene.
        reference : str, optional
            The image that scores are compared with. Default: "LDCT" where it was read.

        Returns
        -------
        Summary
            With `records`, `to_text()` and `to_csv()`.
        """
        if paths is None:
            return summarise([Answers.of(reading.study) for reading in self.readings() if reading.study.answers],
                             reference)
        return summarise(read_readings(paths), reference)

    @longCall
    def exportToDICOM(self, outputVolumes, folder=None, options=None) -> Task:
        """Write outputs into Slicer's DICOM database, each as a series derived from the one its input was loaded from.

        Parameters and errors are those of `exportTask`; `outputVolumes` may be one node.

        Returns
        -------
        list of str or None
            The new SeriesInstanceUIDs. None when it was stopped; nothing is left of it then.
        """
        nodes = [outputVolumes] if isinstance(outputVolumes, slicer.vtkMRMLNode) else list(outputVolumes)
        return exportTask(nodes, folder, options)

    def ownModels(self) -> dict[str, Path]:
        """Return the model files of the user's folder by name, to be given to `denoise` and `denoiseAll`.

        The folder is where `ldct-denoise models --add` and the training module put models; see
        `LDCTDenoiseLib.models.user_folder`.
        """
        return {name: entry.path for name, entry in own_models.ownModels().items()}

    def chooseModel(self, path: str | Path) -> None:
        """Choose a model file in the panel of the application's scene, beside what is ticked (desktop only).

        A file of the user's folder is ticked by its name in the list of methods, any other goes to "Own model file".
        """
        own_models.chooseModel(path, self.getParameterNode())

    def loadSampleData(self) -> tuple:
        """Add the phantom pair to the application's scene, full dose and low dose; nothing is downloaded."""
        return sample.loadSampleData()

    #
    # Views
    #

    def showComparison(
        self,
        reference,
        low,
        outputs=None,
        rows=(),
        window=PAPER,
        limit: float = 100.0,
        roi=None,
        handles: bool = True,
        crosshair: bool = False,
        **others,
    ) -> None:
        """Lay out volumes side by side, linked; called again, change what is laid out.

        Parameters
        ----------
        reference, low : vtkMRMLScalarVolumeNode or None
            Full and low dose; one of them is enough.
        outputs : dict of str to vtkMRMLScalarVolumeNode, optional
            Label to volume, in the order of the views; of more than six images in all the others scroll.
        rows : sequence of str
            What to show below the images: "zoom" (the ROI), "difference" (image minus reference), "noise" (low dose
            minus image, what a method has removed). A row for which reference or low dose is missing is left out.
        window : Window, two numbers or str
            Of the images: HU, or a name of `LDCTDenoiseLib.hounsfield.PRESETS` ("paper", "liver",
            "mediastinum", "lung", "bone"), or "default", the low dose's own.
        limit : float
            Differences are shown from minus this to this, in HU.
        roi : vtkMRMLMarkupsROINode or vtkMRMLMarkupsClosedCurveNode, optional
            The region that is zoomed. Default: with the row "zoom", a new box in the middle of the image.
        handles : bool
            Whether it shows handles to drag it by.
        crosshair : bool
            Whether Slicer's crosshair is shown, in all views at the same place (move it with Shift).
        others
            `arrangement`: "auto" (what shows the body largest), "1xn", "2x3", "3x2" (lines, columns) or "stack", one
            large view, of `image`, by its label. `orientation`: "axial", "coronal" or "sagittal". `zoomDifferences`:
            whether the rows of differences show the region, too. `first`: how far more than six images are scrolled.
            `metricWindow`: the `Window` that SSIM is measured in.

        Raises
        ------
        InputError
            If there are no views, no images, or one is no CT volume; the layout is as it was.
        """
        request = LayoutRequest.of(
            reference, low, outputs, rows, window, limit=limit, roi=roi, handles=handles, crosshair=crosshair, **others
        )
        SideBySide.of(request.anchor.GetScene()).show(request)

    def hideComparison(self) -> None:
        """Put the comparison away; layout, display windows, crosshair and ROI are the user's again."""
        self.comparison.hide()

    def showComparisonSlice(self, k: int) -> None:
        """Bring all views to slice k of the low-dose volume; `InputError` when there is none.

        Coronal views go to its row k, sagittal ones to its column k.
        """
        self.comparison.showSlice(k)

    def showComparisonImage(self, image: int | str) -> None:
        """Show one large image, by its label or its number from 1; `showAllComparisonImages` goes back."""
        self.comparison.showImage(image)

    def showAllComparisonImages(self) -> None:
        """Hang the images as they were before one of them was shown large."""
        self.comparison.showAll()

    def scrollComparison(self, steps: int) -> None:
        """Bring the next images into view, of more than six; of one large image, show the next one instead."""
        self.comparison.scroll(steps)

    def peekComparison(self, instead: str) -> None:
        """Show "reference" or "difference" instead of the images, and the images again with ""."""
        self.comparison.peek(instead)

    def turnComparison(self, orientation: str) -> None:
        """Turn all views to "axial", "coronal" or "sagittal", through where they look now."""
        self.comparison.turn(orientation)

    def showComparisonWindow(self, window) -> None:
        """Show the images in a window: two numbers, or a name as in `showComparison`."""
        self.comparison.showWindow(window)

    def fitComparison(self) -> None:
        """Fit the bodies into their views, and the zooms to the region."""
        self.comparison.fit()

    def valuesAt(self, volumes, point) -> dict[str, float]:
        """Return the HU of volumes at a point of the world (RAS in mm) by label; needs no views.

        A volume that does not reach there is left out. Volumes are given as for `compare`.
        """
        nodes = labelled(volumes)
        for label, node in nodes.items():
            volumeFromNode(node, f"volume '{label}'")
        return valuesAt(nodes, point)

    def measureZoom(self, volumes, reference, region, window=PAPER) -> dict[str, ZoomNumbers]:
        """Measure what stands in the zooms: RMSE, SSIM, mean and SD of a region; needs no views.

        Parameters
        ----------
        volumes, reference, window
            As for `measure`.
        region : Region
            One of `regions`; only a flat box of 11×11 pixels or more has an SSIM.
        """
        nodes = labelled(volumes)
        return measureZoom({REFERENCE: reference, **nodes} if reference else nodes, reference, region, windowOf(window))

    def drawComparisonROI(self, shape: str = "box"):
        """Let the user draw a region, zoomed at once: "box" and "circle" with two clicks, "curve" with many.

        Returns its node, which has no place yet; a circle is another node once it is drawn.
        """
        return self.comparison.draw(shape)

    @property
    def comparison(self) -> SideBySide:
        """The comparison of the application's scene."""
        return SideBySide.of(slicer.mrmlScene)

    #
    # The rest
    #

    def requireSameGrid(self, reference, volume) -> None:
        """Raise `GeometryError`, saying what differs, unless two volume nodes lie on the same grid in the world."""
        requireSameGrid(reference, volume)

    def diagnostics(self) -> str:
        """Return what is installed, where it computes, and which models are at hand, as text to copy."""
        from .diagnostics import diagnostics

        return diagnostics()

    def getParameterNode(self):
        """Return the module's parameter node of the application's scene, made when there is none (desktop only)."""
        from .parameters import getParameterNode

        return getParameterNode(slicer.mrmlScene)
