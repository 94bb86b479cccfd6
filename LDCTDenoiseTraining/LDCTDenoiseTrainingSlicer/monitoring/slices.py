"""Single slices as volumes of the scene, for views: of a preview, and of a run's last validation."""

from pathlib import Path

import numpy as np
import slicer.util
from LDCTDenoiseLib.volumes import Geometry, Volume
from LDCTDenoiseSlicer.comparison.plane import vtkMatrix
from LDCTDenoiseSlicer.nodes import removeVolume, toRAS
from LDCTDenoiseSlicer.sample import addVolume
from LDCTDenoiseTrainingLib.training.picture import PICTURE


class SliceVolumes:
    """Volumes that are there to be looked at: hidden from selectors, not saved, in the paper's window."""

    def __init__(self):
        self._nodes: list = []

    def show(self, volumes: dict[str, Volume]) -> dict:
        """Bring the nodes in line with these volumes of one slice; return them by the same captions."""
        self._nodes = [node for node in self._nodes if node.GetScene() is not None]
        while len(self._nodes) > len(volumes):
            removeVolume(self._nodes.pop())
        for number, (caption, volume) in enumerate(volumes.items()):
            if number == len(self._nodes):
                self._nodes.append(_hidden(addVolume(volume, caption)))
            node = self._nodes[number]
            node.SetName(caption)
            slicer.util.updateVolumeFromArray(node, volume.array)
            node.SetIJKToRASMatrix(vtkMatrix(toRAS(volume.geometry)))
        return dict(zip(volumes, self._nodes, strict=True))

    def clear(self) -> None:
        """Take them out of the scene."""
        self.show({})


def pictureState(folder: Path) -> tuple | None:
    """Return what changes with a run's picture, or None while there is none."""
    try:
        facts = (Path(folder) / PICTURE).stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def readPicture(folder: Path) -> tuple[int, dict[str, Volume]] | None:
    """Return the step of a run's last validation, and its slice as "low", "result" and "full"; None before."""
    try:
        with np.load(Path(folder) / PICTURE) as content:
            volumes = {
                name: Volume(content[name][None], Geometry((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), name)
                for name in ("low", "result", "full")
            }
            return int(content["step"]), volumes
    except (OSError, ValueError, KeyError):
        return None


def _hidden(node):
    for part in (node, node.GetDisplayNode()):
        part.SetHideFromEditors(True)
        part.SetSaveWithScene(False)
    return node
