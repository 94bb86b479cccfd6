"""A scan of the scene, measured once: its noise, kernel, pixels and orientation, and what is unusual about it."""

from collections.abc import Callable

from LDCTDenoiseLib.scan import ScanFacts, measure_scan, outside
from LDCTDenoiseLib.volumes import Volume, check_ct

from .nodes import volumeFromNode
from .tasks import Task


def scanTask(node) -> Task:
    """Return the measurement of a volume node, whose result is a `ScanFacts`; a second or two for 60 slices."""
    volume = volumeFromNode(node, "volume")
    return readTask(lambda: volume, [node])


def readTask(read: Callable[[], Volume], nodes=()) -> Task:
    """Return the measurement of a volume that is read in the worker."""

    def work(report) -> ScanFacts:
        report(None)
        return measure_scan(check_ct(read()))

    return Task(work, lambda facts: facts, nodes)


def inWords(facts: ScanFacts) -> str:
    """Return the line: "noise 18 HU, sharp kernel, 0.78 mm, axial", and what the networks have not seen."""
    unusual = outside(facts)
    words = f"{facts.words}, {facts.slices} slices of {facts.slice_spacing:g} mm"
    return f"{words}. Unlike what the networks were trained on: {'; '.join(unusual)}." if unusual else f"{words}."
