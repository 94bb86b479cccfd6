"""The sample data that ships: what the code makes, in a real scene and in the panel."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.volumes import read_volume

_TOOL = Path(__file__).resolve().parent.parent / "tools" / "make_sample_data.py"


@pytest.mark.slow
def test_what_ships_is_what_the_code_makes():
    spec = importlib.util.spec_from_file_location("make_sample_data", _TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert sum(path.stat().st_size for path in tool.FOLDER.iterdir()) < 1.2e6
    for name, made in tool.sample_pair().items():
        ships = read_volume(tool.FOLDER / f"{name}.nrrd")
        assert ships.array.dtype == np.int16 and ships.geometry.difference(made.geometry) == ""
        # Sums in another order, on another computer, may round a voxel the other way, and a photon more or less in a
        # ray moves a voxel by some HU; another seed, dose or phantom moves nearly all of them.
        step = np.abs(ships.array.astype(int) - made.array)
        assert step.max() <= 20 and np.mean(step > 0) < 0.01 and np.mean(step > 1) < 0.001


@pytest.mark.slow
def test_sample_data_in_the_panel(widget, host):
    widget.ui.sampleButton.click()
    parameters = widget.logic.getParameterNode()
    low, full = parameters.inputVolume, parameters.referenceVolume
    assert (full.GetName(), low.GetName()) == ("FDCT", "LDCT") and low.GetDisplayNode().GetWindow() == 400
    assert not widget.ui.sampleButton.visible and widget.ui.applyButton.enabled
    first, second = (slicer.util.arrayFromVolume(node).astype(float) for node in (full, low))
    assert first.shape == (3, 320, 448) and 10 < np.std(second - first) < 60
    # The patient's left is at the right of the picture: i runs to the left, j to the back.
    assert low.GetOrigin()[0] > 0 and slicer.util.arrayFromVolume(low).flags.owndata is False
    again = widget.logic.loadSampleData()
    assert [node.GetName() for node in again] == ["FDCT_1", "LDCT_1"]
    assert parameters.inputVolume is low


def test_sample_data_is_registered_with_the_module_sample_data(host, monkeypatch):
    import sys
    import types

    registered = {}
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **source: registered.update(source))
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    import LDCTDenoise

    LDCTDenoise.registerSampleData()
    assert Path(registered["thumbnailFileName"]).is_file() and registered["category"] == "LDCT Denoise"
    nodes = registered["customDownloader"](None)
    assert [node.GetName() for node in nodes] == registered["nodeNames"] == ["FDCT", "LDCT"]
