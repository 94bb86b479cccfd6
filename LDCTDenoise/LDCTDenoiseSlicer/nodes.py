"""Volume nodes to `Volume` and back."""

from dataclasses import replace

import numpy as np
import slicer
import vtk
from LDCTDenoiseLib.errors import GeometryError, InputError
from LDCTDenoiseLib.volumes import Geometry, Volume
from LDCTDenoiseLib.volumes.dicom_grid import slice_gaps
from vtk.util import numpy_support

#: The role under which an output refers to the volume it was made from.
INPUT_ROLE = "LDCTDenoise.Input"

#: Where Slicer's DICOM module notes the instances that a node was loaded from.
INSTANCES = "DICOM.instanceUIDs"

#: ImagePositionPatient, as the DICOM database calls it.
_POSITION = "0020,0032"

_FLIP = np.diag([-1.0, -1.0, 1.0])  # RAS to LPS, and back


def nodesOf(scene, kind: str) -> list:
    """Return the nodes of a scene by their class, derived ones among them, in the scene's order.

    `slicer.util.getNodesByClass` looks at the application's scene, whichever it is given.
    """
    return [scene.GetNthNodeByClass(n, kind) for n in range(scene.GetNumberOfNodesByClass(kind))]


def requireVolume(node, role: str) -> None:
    """Raise `InputError` unless a node is a scalar volume of a scene; its voxels are not looked at.

    Parameters
    ----------
    node : vtkMRMLNode or None
        What was selected.
    role : str
        What it was selected as, for the message: "low-dose volume".
    """
    if node is None:
        raise InputError(f"no {role} is selected; choose one first.")
    if not isinstance(node, slicer.vtkMRMLNode):
        raise InputError(f"the {role} must be a volume node, not {type(node).__name__}; slicer.util.getNode finds it.")
    name = node.GetName()
    if node.IsA("vtkMRMLSequenceNode") or node.IsA("vtkMRMLSequenceBrowserNode"):
        raise InputError(f"'{name}' is a sequence (4D); choose the volume of one time point as the {role}.")
    if node.IsA("vtkMRMLLabelMapVolumeNode") or node.IsA("vtkMRMLSegmentationNode"):
        raise InputError(f"'{name}' is a label map, not CT; choose the CT volume it was made from as the {role}.")
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"'{name}' is not a volume ({node.GetNodeTagName()}); choose a CT volume as the {role}.")
    if node.GetScene() is None:
        raise InputError(f"'{name}' is not in a scene (any more); choose another {role}.")


def volumeFromNode(node, role: str = "volume") -> Volume:
    """Return a volume node's voxels and its place in the world.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode
        A CT volume; one slice is enough.
    role : str
        What it was selected as, for messages.

    Returns
    -------
    Volume
        The array is a view of the node's memory, shape (slices, rows, columns); do not write to it.

    Raises
    ------
    InputError
        If the node is none, not a scalar volume, or has no voxels or several components.
    """
    requireVolume(node, role)
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars() if image else None
    if scalars is None or not scalars.GetNumberOfTuples():
        raise InputError(f"'{node.GetName()}' is empty, it has no image; choose another {role}.")
    components = scalars.GetNumberOfComponents()
    if components != 1:
        raise InputError(
            f"'{node.GetName()}' has {components} values in each voxel (colour, vector or time), where CT has one; "
            f"choose another {role}."
        )
    method = node.GetAttribute("LDCTDenoise.Method")
    facts = {"derivation": f"LDCTDenoise; method {method}"} if method else {}
    return Volume(slicer.util.arrayFromVolume(node), worldGeometry(node), node.GetName(), facts)


def withSliceGaps(volume: Volume, node) -> Volume:
    """Return the volume of a node with the gaps between its slices, see `Geometry.gaps`.

    Slicer loads a series that lacks slices as if it were even; where they lie is known to its DICOM database alone, so
    that there are none where the node was not loaded from that, or its files have left it.
    """
    instances = (node.GetAttribute(INSTANCES) or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    if len(instances) != len(volume.array) or database is None or not database.isOpen:
        return volume
    # What is no longer in the database has no file, and asking for its value would be an error to some versions.
    texts = [database.instanceValue(uid, _POSITION) if database.fileForInstance(uid) else "" for uid in instances]
    try:
        positions = np.array([[float(number) for number in text.split("\\")] for text in texts]).reshape(-1, 3)
    except ValueError:
        return volume
    # The database's order is not always that of the slices.
    along = np.sort(positions @ (_FLIP @ _matrixOf(node.GetIJKToRASDirectionMatrix)[:3, 2]))
    return replace(volume, geometry=replace(volume.geometry, gaps=slice_gaps(along)))


def placeTime(node) -> tuple:
    """Return something that changes when a volume may lie elsewhere in the world, or have another size."""
    # Modification times grow from one object to the next: no other node ever has the same.
    image = node.GetImageData()
    return (node.GetMTime(), image and (image.GetDimensions(), image.GetNumberOfScalarComponents()),
            transformTime(node))


def transformTime(node) -> tuple | None:
    """Return something that changes when the transforms that a node is under do; None without any."""
    parent = node.GetParentTransformNode()
    return None if parent is None else (parent.GetMTime(), parent.GetTransformToWorldMTime())


def worldGeometry(node) -> Geometry:
    """Return where a volume lies in the world, parent transforms included, in LPS and mm.

    Under a non-linear transform there is no such grid: the result is then that of the volume before the transform.
    """
    toWorld = _matrixOf(node.GetIJKToRASMatrix)
    parent = node.GetParentTransformNode()
    if parent is not None and parent.IsTransformToWorldLinear():
        toWorld = _matrixOf(parent.GetMatrixTransformToWorld) @ toWorld
    axes = _FLIP @ toWorld[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    return Geometry(
        tuple(float(s) for s in spacing),
        tuple(float(v) for v in _FLIP @ toWorld[:3, 3]),
        tuple(float(v) for v in (axes / spacing).ravel()),
    )


def moduleNode(scene, module: str):
    """Return the node in which a scene keeps a module's parameters, made when there is none."""
    node = scene.GetSingletonNode(module, "vtkMRMLScriptedModuleNode")
    if node is None:
        node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)  # the Python variable owns it now
        node.SetSingletonTag(module)
        node.SetName(scene.GenerateUniqueName(module))
        node = scene.AddNode(node)
    # Closing a scene clears the attributes of singletons.
    node.SetAttribute("ModuleName", module)
    return node


def toRAS(geometry: Geometry) -> np.ndarray:
    """Return the matrix from (i, j, k) of a grid to RAS, shape (4, 4)."""
    matrix = np.eye(4)
    matrix[:3, :3] = _FLIP @ np.reshape(geometry.direction, (3, 3)) * geometry.spacing
    matrix[:3, 3] = _FLIP @ geometry.origin
    return matrix


def ijkToWorld(volumeNode) -> np.ndarray:
    """Return the matrix from (i, j, k) of a volume to the world, shape (4, 4), a linear parent transform included."""
    return toRAS(worldGeometry(volumeNode))


def requireComparableTransforms(reference, other) -> None:
    """Raise `GeometryError` when one volume is under a non-linear transform that the other is not under."""
    parents = [reference.GetParentTransformNode(), other.GetParentTransformNode()]
    if parents[0] is parents[1]:
        return
    for node, parent in zip((reference, other), parents, strict=True):
        if parent is not None and not parent.IsTransformToWorldLinear():
            raise GeometryError(
                f"'{reference.GetName()}' and '{other.GetName()}' do not lie on the same grid: '{node.GetName()}' is "
                f"under the non-linear transform '{parent.GetName()}'. Resample one to the other first."
            )


def newImage(shape: tuple[int, int, int], dtype) -> tuple[vtk.vtkImageData, np.ndarray]:
    """Return an image in VTK's memory and a view of its voxels, shape (slices, rows, columns), for a worker to fill.

    An output that is computed into it reaches the scene without being copied while the window waits.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(shape))
    image.AllocateScalars(numpy_support.get_vtk_array_type(dtype), 1)
    return image, numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)


def writeOutput(source, output, image: vtk.vtkImageData, ijkToRAS: vtk.vtkMatrix4x4, name: str, facts: dict):
    """Put an image made from `source` into the scene, looking and lying like it.

    Parameters
    ----------
    source : vtkMRMLScalarVolumeNode
        Gives parent transform, display and subject-hierarchy place.
    output : vtkMRMLScalarVolumeNode or None
        The node to fill, which keeps its name; None makes a new one.
    image : vtkImageData
        The voxels; the node takes them as they are, without a copy.
    ijkToRAS : vtkMatrix4x4
        Where the voxels lie.
    name : str
        Name of a new node; a number is added when the name is taken.
    facts : dict of str to str or None
        Kept as the attributes "LDCTDenoise.<key>"; None removes one.

    Returns
    -------
    vtkMRMLScalarVolumeNode
    """
    scene = source.GetScene()
    isNew = output is None
    if isNew:
        name = name if scene.GetFirstNodeByName(name) is None else scene.GenerateUniqueName(name)
        output = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    try:
        with slicer.util.NodeModify(output):
            # Before the image: a display that is made for an image looks for a window of its own in every voxel.
            copyDisplay(source, output)
            output.SetIJKToRASMatrix(ijkToRAS)
            output.SetAndObserveImageData(image)
            output.SetAndObserveTransformNodeID(source.GetTransformNodeID())
            output.SetNodeReferenceID(INPUT_ROLE, source.GetID())
            for key, value in facts.items():
                output.SetAttribute(f"LDCTDenoise.{key}", value)
        _placeBeside(source, output)
    except Exception:
        if isNew:
            removeVolume(output)
        raise
    return output


def addHidden(scene, name: str, like=None):
    """Add a volume that is only looked at: not listed, not saved, in the display of the volume `like`, if any."""
    node = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    node.UnRegister(None)  # the Python variable owns it now
    node.SetName(name)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    scene.AddNode(node)
    copyDisplay(like, node) if like is not None else node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    return node


def removeVolume(node) -> None:
    """Take a volume and its display out of the scene, if it is still there."""
    scene = node.GetScene()
    if scene is not None:
        scene.RemoveNode(node.GetDisplayNode())
        scene.RemoveNode(node)


def copyDisplay(source, output) -> None:
    """Show the output as its input is shown: same window and level, colours and interpolation."""
    shown, display = source.GetScalarVolumeDisplayNode(), output.GetScalarVolumeDisplayNode()
    if display is None:
        display = output.GetScene().AddNewNodeByClass("vtkMRMLScalarVolumeDisplayNode")
        # An automatic window would follow each volume's own noise, and the two would look unlike for no reason.
        display.AutoWindowLevelOff()
        display.SetDefaultColorMap()
        output.SetAndObserveDisplayNodeID(display.GetID())
    if shown is None:
        return
    window, level = shown.GetWindow(), shown.GetLevel()
    display.CopyContent(shown)
    display.SetAndObserveColorNodeID(shown.GetColorNodeID())
    display.AutoWindowLevelOff()
    display.SetWindowLevel(window, level)


def _matrixOf(getter) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    getter(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _placeBeside(source, output) -> None:
    """Move the output under its input's parent in the subject hierarchy, when the scene has one and knows the input."""
    hierarchy = source.GetScene().GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    item = hierarchy.GetItemByDataNode(source) if hierarchy else 0
    if not item:
        return
    parent = hierarchy.GetItemParent(item)
    placed = hierarchy.GetItemByDataNode(output)
    if placed:
        hierarchy.SetItemParent(placed, parent)
    else:
        hierarchy.CreateItem(parent, output)
