"""Comparing volume nodes with a reference, as a task; and the figure of a comparison."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import slicer
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.metrics import compare_volumes, hu_statistics, measure_images
from LDCTDenoiseLib.volumes import require_same_grid

from .nodes import placeTime, requireComparableTransforms, requireVolume, volumeFromNode, worldGeometry
from .numbers import LOW, REFERENCE, Made
from .planes import Plane
from .region_numbers import measureRegions, regionInWords
from .regions import Region, regionsOf
from .rois import pixelROI
from .tables import requireTable, writeTable
from .tasks import Counted, Task

#: Pairs of volumes that were found on one grid, by `placeTime`: asked of every image at each step of a drag.
_onOneGrid: set = set()
_REMEMBERED = 256


def requireSameGrid(reference, volume) -> None:
    """Raise `GeometryError`, saying what differs, unless two volume nodes lie on the same grid in the world."""
    requireVolume(reference, "reference")
    requireVolume(volume, "low-dose volume")
    key = placeTime(reference), placeTime(volume)
    if key in _onOneGrid:
        return
    requireComparableTransforms(reference, volume)
    require_same_grid(volumeFromNode(reference, "reference"), volumeFromNode(volume, "low-dose volume"))
    if len(_onOneGrid) >= _REMEMBERED:
        _onOneGrid.clear()
    _onOneGrid.add(key)


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
        comparison = compare_volumes(full, images, shownIn, region, lambda done, of: report(Counted(done, of)))
        statistics = {}
        for label, volume in {REFERENCE: full, **images}.items():
            report(Counted(1, 1))
            statistics[label] = hu_statistics(volume.array, region)
        return comparison, statistics

    def finish(found):
        return writeTable(tableNode, reference, nodes, *found)

    return Task(work, finish, [n for n in (reference, *nodes.values(), tableNode) if n is not None])


def figureTask(path: str | Path, reference, volumes, sliceIndex: int | None, roi, window, plane=None) -> Task:
    """Return the task of `LDCTDenoiseLogic.saveFigure`; parameters and errors as there."""
    draw = drawingOf(reference, volumes, sliceIndex, roi, window, plane)

    def work(report):
        report(Counted(0, 1))
        draw(path)
        return Path(path)

    return Task(work, lambda path: path, [n for n in (reference, *labelled(volumes).values()) if n is not None])


def drawingOf(reference, volumes, sliceIndex: int | None, roi, window, plane: str | None) -> Callable:
    """Return what draws the figure of `LDCTDenoiseLogic.saveFigure` into a path, in any thread."""
    nodes = onOneGrid(volumes, reference)
    first = next(iter(nodes.values()))
    arrays = {label: volumeFromNode(node, f"volume '{label}'").array for label, node in nodes.items()}
    full = None if reference is None else volumeFromNode(reference, "reference").array
    made = {label: Made.of(node) for label, node in nodes.items()}
    shownIn, texts, note = windowOf(window), None, None
    if isinstance(roi, Region):
        looked, box = roi.plane(first), roi.boxIn(first)
        texts, note = regionInWords(measureRegions(arrays, full, regionsOf(first.GetScene()), first, made, LOW), roi)
    else:
        if plane is not None and isinstance(roi, slicer.vtkMRMLNode):
            raise InputError("an ROI node is drawn in slices; in other planes draw it as a region.")
        box = pixelROI(roi, first)
        looked = Plane.of(first, sliceIndex if sliceIndex is not None else box.k if box else None, plane)
        if box is not None:
            box.check(looked.stacked(next(iter(arrays.values()))).shape)
            box = (box.i0, box.i1, box.j0, box.j1)
    # As a reader is used to it: the head is up.
    turned = looked.isUpsideDown(first)

    def cut(array: np.ndarray) -> np.ndarray:
        return looked.take(array)[::-1] if turned else looked.take(array)

    panels = [(made[label].label(label), cut(array)) for label, array in arrays.items()]
    if full is not None:
        panels.insert(0, (REFERENCE, cut(full)))
    if turned and box is not None:
        rows = panels[0][1].shape[0]
        box = (box[0], box[1], rows - box[3], rows - box[2])
    columns, rows = (step for axis, step in enumerate(worldGeometry(first).spacing) if axis != looked.axis)

    def draw(path) -> None:
        from LDCTDenoiseLib.figure import save_comparison

        metrics = None
        if texts is not None:
            metrics = {label if label == REFERENCE else made[label].label(label): text for label, text in texts.items()}
        elif full is not None:
            # Of the region that is enlarged, where there is one: that is what one looks at.
            part = np.s_[:, :] if box is None else np.s_[box[2]:box[3], box[0]:box[1]]
            metrics = measure_images(panels[0][1][part], {label: image[part] for label, image in panels[1:]}, shownIn)
        save_comparison(path, panels, roi=box, window=shownIn, metrics=metrics, pixel_aspect=rows / columns,
                        metrics_of_roi=box is not None, note=note)

    return draw


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
