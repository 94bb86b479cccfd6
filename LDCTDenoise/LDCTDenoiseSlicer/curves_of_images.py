"""Curves of compared images: the profile along a line, and the noise spectrum of a region."""

import numpy as np
import slicer
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.metrics import (
    EDGE,
    NOISE,
    Curves,
    line_samples,
    measure_edge,
    noise_spectrum,
    read_off,
    sample_line,
)

from .compared_images import colorsOf
from .nodes import ijkToWorld, nodesOf, worldGeometry
from .numbers import REFERENCE
from .regions import Region, paint
from .rois import WorldToPixels

#: The attribute by which the line of the profile is found again.
LINE = "LDCTDenoise.ProfileLine"


def makeLine(volumeNode, start, end, name: str = "Profile"):
    """Add a line for a profile to the scene.

    Parameters
    ----------
    volumeNode : vtkMRMLScalarVolumeNode
    start, end : sequence of 3 float
        Columns, rows and slices (i, j, k) of the volume; a voxel's centre has whole numbers.

    Returns
    -------
    vtkMRMLMarkupsLineNode
    """
    node = newLine(volumeNode.GetScene(), name)
    for point in (start, end):
        node.AddControlPointWorld(*(ijkToWorld(volumeNode) @ [*point, 1.0])[:3])
    return node


def newLine(scene, name: str = "Profile"):
    """Add a line without a place yet."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", scene.GenerateUniqueName(name))
    node.SetAttribute(LINE, "1")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    # Thin, so that it does not cover the edge that it crosses, and unlike any region.
    display.SetGlyphScale(1.2)
    display.SetLineThickness(0.15)
    paint(node, (1.0, 0.85, 0.2))
    return node


def lineOf(scene):
    """Return the newest line for a profile, or None."""
    lines = nodesOf(scene, "vtkMRMLMarkupsLineNode")
    return next((node for node in reversed(lines) if node.GetAttribute(LINE)), None)


def isDrawn(line) -> bool:
    return line is not None and line.GetNumberOfDefinedControlPoints() == 2


def measureProfile(nodes: dict, line, reference=None, width: float = 0.0) -> Curves:
    """Measure the profile of images on one grid along a line.

    Parameters
    ----------
    nodes : dict of str to vtkMRMLScalarVolumeNode
    line : vtkMRMLMarkupsLineNode
    reference : vtkMRMLScalarVolumeNode, optional
        Full dose, which comes first.
    width : float
        Millimetres over which parallel lines are averaged, in the plane of the line; 0 is the line alone.

    Raises
    ------
    InputError
        If the line is not drawn, too short, or outside of the images.
    """
    if not isinstance(line, slicer.vtkMRMLMarkupsLineNode) or not isDrawn(line):
        raise InputError("the line of the profile has not been drawn; click its two ends on an image.")
    if not width >= 0:
        raise InputError(f"a profile is averaged over 0 mm or more, not {width:g}.")
    first = next(iter(nodes.values()))
    geometry, toPixels = worldGeometry(first), WorldToPixels(first)
    ends = [np.array(line.GetNthControlPointPositionWorld(n)) for n in range(2)]
    # Of arrays the axes are (k, j, i).
    start, end = (toPixels(point)[::-1] for point in ends)
    spacing = np.array(geometry.spacing)[::-1]
    across = (end - start) * spacing
    length = float(np.linalg.norm(across))
    # Beside the line in the plane that it was drawn in: that of the volume which it leaves least.
    inPlane = [axis for axis in range(3) if axis != int(np.abs(across).argmin())]
    pixel = float(spacing[inPlane].min())
    steps = line_samples(length, pixel)
    aside, lines = np.zeros(3), 1
    if width > 0:
        a, b = inPlane
        aside[[a, b]] = np.array([-across[b], across[a]]) / np.hypot(across[a], across[b]) * width / spacing[[a, b]]
        lines = max(2, round(width / pixel) + 1)
    images = ({} if reference is None else {REFERENCE: reference}) | nodes
    x = np.linspace(0, length, steps)
    y = {label: sample_line(slicer.util.arrayFromVolume(node), start, end, steps, aside, lines)
         for label, node in images.items()}
    if all(np.isnan(values).all() for values in y.values()):
        raise InputError(f"the line '{line.GetName()}' lies outside of '{first.GetName()}'; draw it on the image.")
    found = {label: measure_edge(x, values) for label, values in y.items()}
    from0, from1 = (", ".join(f"({i + one:.1f}, {j + one:.1f}, {k + one:.1f})" for k, j, i in (start, end))
                    for one in (0, 1))
    averaged = f", the mean over {width:g} mm beside it" if width else ""
    return Curves(
        "profile", f"{line.GetName()}, {length:.0f} mm", "Distance (mm)", "HU", x, y, EDGE,
        {label: read_off(edge, EDGE) for label, edge in found.items()},
        f"Along '{line.GetName()}', {length:.1f} mm, columns, rows and slices {from1}, interpolated linearly"
        f"{averaged}. Edge: the normally blurred step that fits best; none where it explains less than half.",
        colorsOf(images), {"line": line.GetName(), "from_to_ijk": from0, "length_mm": length, "width_mm": width},
    )


def measureSpectrum(nodes: dict, region: Region, reference=None) -> Curves:
    """Measure the noise spectrum of a region of images on one grid; see `noise_spectrum`.

    A region over several slices is measured in each of them, one that is flat in another plane in that.

    Raises
    ------
    InputError
        If it holds no voxel, or too few.
    """
    first = next(iter(nodes.values()))
    voxels = region.voxels(first)
    spacing = np.array(worldGeometry(first).spacing)[::-1]
    across = 2 - region.across(first)  # of arrays the axes are (k, j, i)
    pixel = tuple(float(step) for axis, step in enumerate(spacing) if axis != across)
    mask = None if voxels.mask is None else np.moveaxis(voxels.mask, across, 0)
    images = ({} if reference is None else {REFERENCE: reference}) | nodes
    found = {label: noise_spectrum(np.moveaxis(slicer.util.arrayFromVolume(node)[voxels.box], across, 0), mask, pixel)
             for label, node in images.items()}
    x = max((spectrum.frequency for spectrum in found.values()), key=len)
    # Nothing at all is measured of an image that is constant.
    y = {label: spectrum.power if len(spectrum.power) == len(x) else np.zeros(len(x))
         for label, spectrum in found.items()}
    return Curves(
        "spectrum", f"Noise spectrum, {region.heading}", "Frequency (1/mm)", "Noise power (HU² mm²)", x, y, NOISE,
        {label: read_off(spectrum, NOISE) for label, spectrum in found.items()},
        f"Noise of {region.heading} ({region.shape}, {voxels.words}), a second-order surface taken off each slice. "
        "A lower mean frequency than full dose's is a coarser, waxier texture.",
        colorsOf(images), {"region": region.heading, "place": voxels.words},
    )
