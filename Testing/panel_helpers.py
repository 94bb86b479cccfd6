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
