"""Comparing volume nodes with a reference, as a task; and the figure of a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.metrics import compare_volumes, measure_images
from LDCTDenoiseLib.volumes import require_same_grid

from .nodes import requireComparableTransforms, requireVolume, volumeFromNode
from .numbers import Made
from .rois import pixelROI
from .tables import requireTable, writeTable
from .tasks import Task


@dataclass(frozen=True)
class Measured:
    """How far a comparison has come: slices measured, and slices in all."""

    done: int
    of: int

    @property
    def fraction(self) -> float:
        return self.done / self.of if self.of else 1.0


def requireSameGrid(reference, volume) -> None:
    """Raise `GeometryError`, saying what differs, unless two volume nodes lie on the same grid in the world."""
    requireComparableTransforms(reference, volume)
    require_same_grid(volumeFromNode(reference, "reference"), volumeFromNode(volume, "low-dose volume"))


def requireReference(reference, nodes: dict) -> None:
    """Raise `InputError` when a volume is to be measured against itself, `GeometryError` when it is on another grid."""
    for node in nodes.values():
        image = node.GetImageData()
        if node is reference or (image is not None and image is reference.GetImageData()):
            raise InputError(
                f"'{node.GetName()}' would be measured against itself; choose the full-dose volume as the reference."
            )
        requireSameGrid(reference, node)


def onOneGrid(volumes, reference=None) -> dict:
    """Return volumes by label, when they lie on one grid with each other and with the reference, if there is one.

    Raises
    ------
    GeometryError, InputError
        If they do not, one is no volume, or there is none.
    """
    nodes = labelled(volumes)
    first = next(iter(nodes.values()))
    requireVolume(first, "volume to measure")
    if reference is not None:
        requireVolume(reference, "reference")
        requireReference(reference, nodes)
    for node in nodes.values():
        requireSameGrid(first, node)
    return nodes


def compareTask(reference, volumes, roi, window, tableNode) -> Task:
    """Return the task of `LDCTDenoiseLogic.compare`; parameters and errors as there."""
    nodes = labelled(volumes)
    full = volumeFromNode(reference, "reference")
    images = {label: volumeFromNode(node, f"volume '{label}'") for label, node in nodes.items()}
    requireReference(reference, nodes)
    requireTable(tableNode)
    region = pixelROI(roi, reference)
    if region is not None:
        region.check(full.array.shape)
    shownIn = windowOf(window)

    def work(report):
        return compare_volumes(full, images, shownIn, region, lambda done, of: report(Measured(done, of)))

    def finish(comparison):
        return writeTable(tableNode, reference, nodes, comparison)

    return Task(work, finish, [n for n in (reference, *nodes.values(), tableNode) if n is not None])


def figureTask(path: str | Path, reference, volumes, sliceIndex: int | None, roi, window) -> Task:
    """Return the task of `LDCTDenoiseLogic.saveFigure`; parameters and errors as there."""
    nodes = labelled(volumes)
    images = {label: volumeFromNode(node, f"volume '{label}'") for label, node in nodes.items()}
    first = next(iter(nodes.values()))
    full = None
    if reference is not None:
        full = volumeFromNode(reference, "reference")
        requireReference(reference, nodes)
    for node in nodes.values():
        requireSameGrid(first, node)
    shape, spacing = next(iter(images.values())).array.shape, next(iter(images.values())).geometry.spacing
    region = pixelROI(roi, first)
    k = sliceIndex if sliceIndex is not None else region.k if region else shape[0] // 2
    if not 0 <= k < shape[0]:
        raise InputError(f"there is no slice {k}; the slices run from 0 to {shape[0] - 1}.")
    shownIn = windowOf(window)
    made = {label: Made.of(node) for label, node in nodes.items()}

    def work(report):
        from LDCTDenoiseLib.figure import save_comparison

        metrics = None
        panels = [(made[label].label(label), volume.array[k]) for label, volume in images.items()]
        box = None if region is None else (region.i0, region.i1, region.j0, region.j1)
        if full is not None:
            # Of the region that is enlarged, where there is one: that is what one looks at.
            part = (slice(None), slice(None)) if region is None else np.s_[region.j0:region.j1, region.i0:region.i1]
            metrics = measure_images(full.array[k][part], {label: array[part] for label, array in panels}, shownIn)
            panels.insert(0, ("FDCT", full.array[k]))
        report(Measured(0, 1))
        save_comparison(
            path, panels, roi=box, window=shownIn, metrics=metrics, pixel_aspect=spacing[1] / spacing[0],
            metrics_of_roi=region is not None,
        )

    return Task(work, lambda _: Path(path), [n for n in (reference, *nodes.values()) if n is not None])


def windowOf(window: Sequence[float] | Window) -> Window:
    """Return two numbers as a window."""
    if isinstance(window, Window):
        return window
    try:
        lower, upper = (float(v) for v in window)
    except (TypeError, ValueError) as error:
        raise InputError(f"a window is a lower and an upper HU value, such as (-160, 240), not {window!r}.") from error
    return Window(lower, upper)


def labelled(volumes) -> dict:
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
