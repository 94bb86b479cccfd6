"""What the tests of the panels do again and again."""

import threading
import time

import numpy as np
import slicer.util


def tick(widget, *methods):
    """Tick methods, or untick them, as the user does."""
    for item in widget.ui.methodList.items:
        if item.text().split(" ")[0] in methods:
            item.setCheckState(0 if item.checkState() else 2)


def names():
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return sorted(v.GetName() for v in volumes)


def slowDown(monkeypatch, batches):
    """Let total variation take a nap for each slice; `batches` counts them."""
    from LDCTDenoiseLib.methods import registry

    class Slow(registry.REFERENCE_METHODS["TV"]):
        def correction(self, hounsfield):
            batches.append(threading.current_thread())
            time.sleep(0.1)
            return np.zeros_like(hounsfield)

    monkeypatch.setitem(registry.REFERENCE_METHODS, "TV", Slow)


def holdUp(monkeypatch, batches, free):
    """Let total variation stop in its slice after so many free ones, until its task is cancelled; `batches` counts."""
    from LDCTDenoiseLib.methods import registry
    from LDCTDenoiseSlicer.tasks import Task

    cancelled, cancel = threading.Event(), Task.cancel

    class Held(registry.REFERENCE_METHODS["TV"]):
        def correction(self, hounsfield):
            batches.append(threading.current_thread())
            if len(batches) > free:
                assert cancelled.wait(300)
            return np.zeros_like(hounsfield)

    monkeypatch.setitem(registry.REFERENCE_METHODS, "TV", Held)
    def cancelHeld(task):
        cancel(task)
        if task._thread in batches:  # others are cancelled as well, such as the look at the scan
            cancelled.set()

    monkeypatch.setattr(Task, "cancel", cancelHeld)
