"""Previews: the slice in view, denoised as one scrolls."""

from collections import OrderedDict
from dataclasses import replace

import slicer
import vtk
from LDCTDenoiseLib.engine import DenoiseRun
from LDCTDenoiseLib.methods import make_denoiser
from LDCTDenoiseLib.methods.denoiser import told
from LDCTDenoiseLib.scan.level import measure_level
from LDCTDenoiseLib.volumes import check_ct

from .denoising import Job
from .nodes import INPUT_ROLE, addHidden, newImage, volumeFromNode, withSliceGaps
from .strength import blend
from .tasks import Task
from .torch_import import importTorch

#: Slices that are remembered, so that scrolling back costs nothing: 32 of 512×512 are 16 MB.
_REMEMBERED = 32


class Previews:
    """One node for each method: the input, in which the slices that were in view are denoised.

    The nodes are hidden from selectors and not saved with the scene: nobody is to take one for a denoised volume.
    """

    def __init__(self):
        #: The previews by label, and what they are previews of.
        self.nodes: dict = {}
        self.source = None
        self._known = OrderedDict()
        self._denoisers = {}
        self._checked = None
        self._level = None  # what was measured, and of which state of which volume
        self._gaps = None  # likewise

    def task(self, inputVolume, k: int, jobs: list[Job], device: str) -> Task | None:
        """Return the task that denoises slice k with those jobs that have not yet, or None when all have.

        At its end there is a node for each job.
        """
        missing = [job for job in jobs if self._key(inputVolume, k, job, device) not in self._known]
        new = [job.label for job in jobs if self.nodes.get(job.label) is None]
        if not missing and not new:
            return None
        volume = volumeFromNode(inputVolume, "low-dose volume")
        images = {label: newImage(volume.array.shape, volume.array.dtype.newbyteorder("=")) for label in new}
        keys = [self._key(inputVolume, k, job, device) for job in missing]
        checked = (inputVolume.GetID(), inputVolume.GetImageData().GetMTime())
        if self._gaps is None or self._gaps[0] != checked:
            self._gaps = checked, withSliceGaps(volume, inputVolume).geometry.gaps
        volume = replace(volume, geometry=replace(volume.geometry, gaps=self._gaps[1]))

        def work(report):
            if checked != self._checked:
                check_ct(volume)
                self._checked = checked
            for _image, voxels in images.values():
                voxels[:] = volume.array
                report(None)
            if any(job.isNetwork for job in missing):
                importTorch()
            found = []
            for key, job in zip(keys, missing, strict=True):
                # As a volume: a network works on a grid of its own where the pixels are not those it was trained on.
                # Told the level of all slices, as Apply does.
                denoiser = told(self._denoiser(job), lambda: self._levelOf(volume, checked))
                run = DenoiseRun(volume, denoiser, device, slices=[k])
                for progress in run:
                    report(progress)
                found.append((key, run.output[0], run.device.words))
            return found

        def finish(found):
            for key, pixels, _device in found:
                self._known[key] = pixels
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            self.source = inputVolume
            for label, (image, _voxels) in images.items():
                if label not in self.nodes:
                    self.nodes[label] = _newNode(inputVolume, label, image)
            return found

        return Task(work, finish, [inputVolume])

    def show(self, inputVolume, k: int, jobs: list[Job], device: str, strength: float) -> list:
        """Fill slice k of the previews' nodes, as far as there are some: with what is known, else with the input.

        Returns
        -------
        list of vtkMRMLScalarVolumeNode
            Nodes of other jobs or another input, to be taken out of the scene when nobody shows them any more.
        """
        dropped = self._drop(inputVolume, {job.label for job in jobs})
        low = volumeFromNode(inputVolume, "low-dose volume").array
        for job in jobs:
            node = self.nodes.get(job.label)
            if node is None:
                continue
            full = self._known.get(self._key(inputVolume, k, job, device))
            slicer.util.arrayFromVolume(node)[k] = low[k] if full is None else blend(low[k], full, strength)
            slicer.util.arrayFromVolumeModified(node)
        return dropped

    def drop(self) -> list:
        """Let go of all nodes and return them, to be taken out of the scene when nobody shows them any more."""
        return self._drop(None, set())

    def _drop(self, source, labels: set[str]) -> list:
        """Let go of the nodes of other volumes and of other jobs, and return them."""
        dropped = [n for label, n in self.nodes.items() if source is not self.source or label not in labels]
        self.nodes = {label: node for label, node in self.nodes.items() if node not in dropped and node.GetScene()}
        self.source = source
        return dropped

    def _levelOf(self, volume, key) -> float:
        if self._level is None or self._level[0] != key:
            self._level = key, measure_level(volume)
        return self._level[1]

    def _denoiser(self, job: Job):
        if job not in self._denoisers:
            self._denoisers[job] = make_denoiser(job.method, job.model)
        return self._denoisers[job]

    @staticmethod
    def _key(inputVolume, k: int, job: Job, device: str) -> tuple:
        return (inputVolume.GetID(), inputVolume.GetImageData().GetMTime(), k, job, device)


def _newNode(source, label: str, image):
    node = addHidden(source.GetScene(), f"{source.GetName()} {label} preview", source)
    matrix = vtk.vtkMatrix4x4()
    source.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveImageData(image)
    node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    node.SetNodeReferenceID(INPUT_ROLE, source.GetID())
    return node


def previewLabel(label: str) -> str:
    """Return what the image of a preview is called in views and tables."""
    return f"{label} preview"
