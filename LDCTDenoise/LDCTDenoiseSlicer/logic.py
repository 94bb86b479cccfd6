"""The logic of LDCT Denoise: what the panel does, as calls for the Python console, scripts and slicer-core."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk
from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.engine import DenoiseRun
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import PAPER, Window
from LDCTDenoiseLib.methods import make_denoiser, method_name
from LDCTDenoiseLib.metrics import compare_volumes
from LDCTDenoiseLib.volumes import check_ct, require_same_grid

from .background import Task
from .nodes import requireComparableTransforms, requireVolume, volumeFromNode, writeOutput
from .rois import pixelROI
from .tables import requireTable, writeTable


@dataclass(frozen=True)
class Measured:
    """How far a comparison has come: slices measured, and slices in all."""

    done: int
    of: int

    @property
    def fraction(self) -> float:
        return self.done / self.of if self.of else 1.0


class LDCTDenoiseLogic:
    """Denoise volumes of the scene and compare them with a reference.

    Works in Slicer's Python console, with `--no-main-window` and on slicer-core; knows no window and no layout::

        logic = LDCTDenoiseLogic()
        denoised = logic.denoise(lowDose, method="DCSCN")
        table = logic.compare(fullDose, {"LDCT": lowDose, "DCSCN": denoised})
    """

    def denoise(
        self,
        inputVolume,
        method: str | None = None,
        outputVolume=None,
        device: str = "auto",
        strength: float = 1.0,
        progress: Callable | None = None,
        model: str | Path | None = None,
        batch: int | None = None,
    ):
        """Denoise a volume; the scene changes only at the end, when all has gone well.

        Parameters
        ----------
        inputVolume : vtkMRMLScalarVolumeNode
            Low-dose CT in HU; one slice is enough.
        method : str or None
            One of `LDCTDenoiseLib.methods.METHODS`. Default: that of `model`, and DCSCN without one.
        outputVolume : vtkMRMLScalarVolumeNode, optional
            The node to fill; it keeps its name. Default: a new node named "<input> <METHOD>".
        device : str
            "auto", "cpu", "cuda", "cuda:N" or "mps".
        strength : float
            0 (the input) to 1 (the method's full correction).
        progress : callable, optional
            Called after each batch with a `LDCTDenoiseLib.engine.Progress`. Returning False stops.
        model : path, optional
            A model file of one's own. Default: the one of the catalogue for the method.
        batch : int, optional
            Slices at a time. Default: 1 on the CPU, 16 on a GPU.

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
        return self._denoiseTask(inputVolume, method, outputVolume, device, strength, model, batch).run(progress)

    def startDenoise(
        self, inputVolume, method=None, outputVolume=None, device="auto", strength=1.0, model=None, batch=None
    ) -> Task:
        """Begin to denoise in a thread of its own; parameters, result and errors as for `denoise`.

        Returns
        -------
        Task
            Call `poll()` between two rounds of the event loop while it is `running`, `cancel()` to stop, and `finish()`
            at the end, which returns the output node.
        """
        task = self._denoiseTask(inputVolume, method, outputVolume, device, strength, model, batch)
        task.start()
        return task

    def compare(
        self,
        reference,
        volumes,
        roi=None,
        window: Sequence[float] | Window = PAPER,
        tableNode=None,
        progress: Callable | None = None,
    ):
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
            Called after each slice with a `Measured`. Returning False stops.

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
        return self._compareTask(reference, volumes, roi, window, tableNode).run(progress)

    def startCompare(self, reference, volumes, roi=None, window=PAPER, tableNode=None) -> Task:
        """Begin to compare in a thread of its own; as `startDenoise`, parameters as for `compare`."""
        task = self._compareTask(reference, volumes, roi, window, tableNode)
        task.start()
        return task

    def requireSameGrid(self, reference, volume) -> None:
        """Raise `GeometryError`, saying what differs, unless two volume nodes lie on the same grid in the world."""
        requireComparableTransforms(reference, volume)
        require_same_grid(volumeFromNode(reference, "reference"), volumeFromNode(volume, "low-dose volume"))

    def getParameterNode(self):
        """Return the module's parameter node of the application's scene, made when there is none (desktop only)."""
        from .parameters import getParameterNode

        return getParameterNode(slicer.mrmlScene)

    def _denoiseTask(self, inputVolume, method, outputVolume, device, strength, model, batch) -> Task:
        if method is not None or model is None:
            method = method_name(method or "DCSCN")
        volume = volumeFromNode(inputVolume, "low-dose volume")
        if outputVolume is not None:
            requireVolume(outputVolume, "output volume")
            if outputVolume is inputVolume:
                raise InputError("the output is the input itself; choose another output, so that the original is kept.")
            if outputVolume.GetScene() is not inputVolume.GetScene():
                raise InputError(f"'{outputVolume.GetName()}' and the input are in two scenes; choose another output.")
        # With the voxels, so that the two belong together whatever happens to the node meanwhile.
        ijkToRAS = vtk.vtkMatrix4x4()
        inputVolume.GetIJKToRASMatrix(ijkToRAS)

        def work(report) -> DenoiseRun:
            # Here and not before the start: a look at every voxel, and the import of torch, take their time.
            check_ct(volume)
            run = DenoiseRun(volume.array, make_denoiser(method, model), device, strength, batch)
            for progress in run:
                report(progress)
            return run

        def finish(run: DenoiseRun):
            for notice in run.notices:
                logging.warning(notice)
            name = f"{inputVolume.GetName()} {run.denoiser.name}"
            return writeOutput(inputVolume, outputVolume, run.output, ijkToRAS, name, _facts(run))

        return Task(work, finish, [n for n in (inputVolume, outputVolume) if n is not None])

    def _compareTask(self, reference, volumes, roi, window, tableNode) -> Task:
        nodes = _labelled(volumes)
        full = volumeFromNode(reference, "reference")
        images = {label: volumeFromNode(node, f"volume '{label}'") for label, node in nodes.items()}
        for node in nodes.values():
            self.requireSameGrid(reference, node)
        requireTable(tableNode)
        region = pixelROI(roi, reference)
        if region is not None:
            region.check(full.array.shape)
        shownIn = window if isinstance(window, Window) else _windowOf(window)

        def work(report):
            return compare_volumes(full, images, shownIn, region, lambda done, of: report(Measured(done, of)))

        def finish(comparison):
            return writeTable(tableNode, reference, nodes.values(), comparison)

        return Task(work, finish, [n for n in (reference, *nodes.values(), tableNode) if n is not None])


def _facts(run: DenoiseRun) -> dict[str, str | None]:
    """Return how an output was made, in the words of its node's attributes; None where there is nothing to say."""
    denoiser = run.denoiser
    return {
        "Method": denoiser.name,
        "ModelSHA256": getattr(denoiser, "sha256", None) or None,
        "HURange": str(denoiser.hu_range) if hasattr(denoiser, "hu_range") else None,
        "Strength": f"{run.strength:g}",
        "Device": run.device.words,
        "Notices": " ".join(run.notices) or None,
        "Version": __version__,
    }


def _windowOf(window) -> Window:
    try:
        lower, upper = (float(v) for v in window)
    except (TypeError, ValueError) as error:
        raise InputError(f"a window is a lower and an upper HU value, such as (-160, 240), not {window!r}.") from error
    return Window(lower, upper)


def _labelled(volumes) -> dict:
    """Return volumes by label; nodes of one name are numbered."""
    if isinstance(volumes, dict):
        nodes = {str(label): node for label, node in volumes.items()}
    else:
        nodes = {}
        for node in [volumes] if isinstance(volumes, slicer.vtkMRMLNode) else list(volumes or []):
            requireVolume(node, "volume to compare")
            name, number = node.GetName(), 2
            while name in nodes:
                name, number = f"{node.GetName()} ({number})", number + 1
            nodes[name] = node
    if not nodes:
        raise InputError("there is nothing to compare; give at least one volume beside the reference.")
    return nodes
