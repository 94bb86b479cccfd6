"""A reading in a scene: which images, what has been answered, saved with the scene and gone on with later."""

import secrets
import time
from collections.abc import Sequence

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.reading import Study, Trial

from ..compared_images import LOW
from ..nodes import nodesOf, requireVolume
from ..planes import Plane
from ..regions import Region
from ..results_log import madeOf, pseudonymOf

#: The module name of the node that keeps a reading, its parameter, and the role under which it refers to images.
_MODULE, _STUDY, _ROLE = "LDCTDenoiseReading", "study", "LDCTDenoise.Image"


class Reading:
    """A study with its volumes.

    Parameters
    ----------
    node : vtkMRMLScriptedModuleNode
        Keeps it; hidden, so that nothing in Slicer's window names the images.
    """

    def __init__(self, node):
        self.node, self.study = node, Study.from_json(node.GetParameter(_STUDY))
        self._begun: float | None = None

    @property
    def trial(self) -> Trial | None:
        """What is to be shown, or None when all has been answered."""
        return self.study.trial

    @property
    def words(self) -> str:
        """Who reads, and how far: "AB, 3 of 12 answered"."""
        return f"{self.study.reader}, {self.study.number} of {len(self.study.trials)} answered"

    def shown(self) -> tuple[Plane, list]:
        """Return the plane and the volumes of the trial, and start its clock.

        Raises
        ------
        InputError
            If a volume has left the scene.
        """
        labels = _labelsOf(self.study)
        nodes = [self.node.GetNodeReference(f"{_ROLE}{labels.index(image)}") for image in self.trial.images]
        if any(node is None or node.GetImageData() is None for node in nodes):
            # Which one would say what is read.
            raise InputError("an image of the reading has left the scene; load it again, or start another reading.")
        self._begun = time.monotonic()
        name, index = self.trial.case.rsplit(" ", 1)
        return Plane.of(nodes[0], int(index) - 1, name), nodes

    def answer(self, scores: dict | None = None, preferred: int | None = None) -> None:
        """Answer the trial and keep that in the scene; `InputError` when it is no answer to it."""
        seconds = float("nan") if self._begun is None else time.monotonic() - self._begun
        self.study.answer(scores, preferred, seconds)
        self._keep()

    def undo(self) -> None:
        """Take the last answer back, when there is one."""
        self.study.undo()
        self._keep()

    def write(self, folder):
        """Write the answers, and apart from them the key, see `Study.write`; return the path of the answers."""
        return self.study.write(folder)

    def _keep(self) -> None:
        self._begun = None
        self.node.SetParameter(_STUDY, self.study.to_json())


def startReading(nodes: dict, cases: Sequence, reader: str, kind: str = "scores", seed: int | None = None) -> Reading:
    """Begin a reading of volumes on one grid; parameters and errors as for `LDCTDenoiseLogic.startReading`."""
    first = next(iter(nodes.values()))
    named = list(dict.fromkeys(_caseOf(case, first) for case in cases))
    # As in the results log, so that the two can be joined.
    volume = pseudonymOf(nodes.get(LOW, first))
    facts = {label: {name: fact for name, fact in madeOf(node).items() if name != "voxels_sha256"}
             | {"volume": volume} for label, node in nodes.items()}
    seed = secrets.randbelow(2**31) if seed is None else seed
    study = Study.plan(named, list(nodes), reader, kind, seed, facts)
    scene = first.GetScene()
    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", scene.GenerateUniqueName("LDCT Denoise reading"))
    node.SetAttribute("ModuleName", _MODULE)
    node.SetParameter(_STUDY, study.to_json())
    for number, label in enumerate(_labelsOf(study)):
        node.SetNodeReferenceID(f"{_ROLE}{number}", nodes[label].GetID())
    return Reading(node)


def readingsOf(scene) -> list[Reading]:
    """Return the readings of a scene, the oldest first."""
    nodes = nodesOf(scene, "vtkMRMLScriptedModuleNode")
    return [Reading(node) for node in nodes if node.GetAttribute("ModuleName") == _MODULE]


def _labelsOf(study: Study) -> list[str]:
    return sorted({image for trial in study.trials for image in trial.images})


def _caseOf(case, volumeNode) -> str:
    """Return a case by its name, "axial 13", counted from 1: the plane of a region, a plane, or a slice."""
    requireVolume(volumeNode, "volume to read")
    if isinstance(case, Region):
        plane = case.plane(volumeNode)
    elif isinstance(case, Plane):
        plane = case
    else:
        plane = Plane.of(volumeNode, int(case))
    return f"{plane.name} {plane.index + 1}"
