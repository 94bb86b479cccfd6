"""What the scan is, and how much of its noise to leave: on the phantom that ships, in a real scene and in the panel."""

import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.volumes import Volume
from LDCTDenoiseSlicer.dicom_export import REMARKS
from LDCTDenoiseSlicer.nodes import volumeFromNode
from slicer_host import QTimer
from slicer_volumes import addVolume, ct


@pytest.fixture
def low(mrml, logic):
    return logic.loadSampleData()[1]


def quiet():
    return not any(timer.active for timer in QTimer.all)


def test_a_scan_is_told_in_a_line(mrml, logic, low):
    facts = logic.inspect(low)
    assert facts.words.startswith("noise ") and facts.words.endswith(" mm, axial") and facts.noise.sd > 10
    task = logic.inspect.task(addVolume(mrml, ct((2, 16, 16)), "tiny"))
    assert "noise not measurable" in task.run().words


@pytest.mark.slow
def test_so_much_noise_is_left_as_was_asked_for(mrml, logic, low):
    own = logic.inspect(low).noise.sd
    outputs = logic.denoiseAll(low, ["TV", "NLM"], device="cpu", leaveNoise="50%")
    strengths = []
    for label, output in outputs.items():
        assert logic.inspect(output).noise.sd == pytest.approx(own / 2, rel=0.1), label
        strengths.append(float(output.GetAttribute("LDCTDenoise.Strength")))
        assert "HU left" in output.GetAttribute("LDCTDenoise.NoiseLeft")
    assert strengths[0] != strengths[1] and all(0.3 < s < 1 for s in strengths)
    # Changed afterwards, in HU; a strength of one's own takes the word back.
    tv = outputs["TV"]
    strength = logic.setNoiseLeft(tv, f"{0.8 * own:.1f}")
    left = logic.noiseLeft(tv)
    assert left.at(strength) == pytest.approx(0.8 * own, rel=0.1) and left.at(0) == pytest.approx(left.own)
    assert logic.inspect(tv).noise.sd == pytest.approx(0.8 * own, rel=0.1)
    logic.setStrength(tv, 1.0)
    assert tv.GetAttribute("LDCTDenoise.NoiseLeft") is None
    for wrong, words in (("much", "a number of HU or a percentage"), ("120%", "must lie between 0 and")):
        with pytest.raises(InputError, match=words):
            logic.setNoiseLeft(tv, wrong)
    one = logic.denoise(low, "NLM", device="cpu", leaveNoise="50%")
    assert one.GetAttribute("LDCTDenoise.Strength") == f"{strengths[1]:g}"


def test_an_unusual_scan_is_told_in_the_record(mrml, logic, model):
    """A hardly noisy image, of pixels far smaller than any that was trained on."""
    node = addVolume(mrml, ct((2, 64, 64)), "odd")
    node.SetSpacing(0.2, 0.2, 2.5)
    output = logic.denoise(node, model=model, device="cpu")
    remarks = output.GetAttribute("LDCTDenoise.Remarks")
    assert remarks.startswith("unusual scan: ") and "0.20 mm" in remarks and REMARKS not in remarks
    assert "'odd' is unlike what DCSCN was trained on" in output.GetAttribute("LDCTDenoise.Notices")
    assert "LDCTDenoise" in logic.inspect(output).described
    assert logic.denoise(node, "TV", device="cpu").GetAttribute("LDCTDenoise.Remarks") is None


def test_the_engine_knows_the_pixels(mrml, logic, model, monkeypatch):
    from LDCTDenoiseSlicer import denoising

    given, run = [], denoising.DenoiseRun
    monkeypatch.setattr(denoising, "DenoiseRun", lambda volume, *a, **k: given.append(volume) or run(volume, *a, **k))
    node = addVolume(mrml, ct((2, 24, 24)), "CT")
    logic.denoise(node, model=model, device="cpu")
    assert isinstance(given[0], Volume) and given[0].geometry == volumeFromNode(node).geometry


@pytest.mark.slow
def test_the_panel_tells_scan_and_noise_and_follows_the_field(widget, host):
    full, low = widget.logic.loadSampleData()
    parameters = widget.logic.getParameterNode()
    parameters.methods, parameters.inputVolume, parameters.referenceVolume = ["TV"], low, full
    assert widget.ui.scanLabel.text == "448×320×3 voxels, -1024 to 846 HU; …"
    host.spin(quiet)
    facts = widget.logic.inspect(low)
    assert widget.ui.scanLabel.text.startswith(f"448×320×3 voxels, -1024 to 846 HU; {facts.words}, ")
    widget.ui.noiseEdit.type("50%")
    assert parameters.noiseLeft == "50%" and widget.ui.noiseLabel.text == "known after Apply"
    widget.ui.applyButton.click()
    host.spin(lambda: not widget.panel.running)
    host.spin(quiet)
    (output,) = widget.panel.outputs().values()
    strength = float(output.GetAttribute("LDCTDenoise.Strength"))
    left = widget.logic.noiseLeft(output)
    assert left.at(strength) == pytest.approx(left.own / 2, rel=0.02)
    assert widget.ui.noiseLabel.text.startswith(f"TV at {strength:.2f}: ") and " of " in widget.ui.noiseLabel.text
    widget.ui.noiseEdit.type("80%")
    host.spin(quiet)
    assert float(output.GetAttribute("LDCTDenoise.Strength")) < strength
    # The slider is the newer word.
    widget.ui.strengthSlider.value = 0.9
    host.spin(quiet)
    assert output.GetAttribute("LDCTDenoise.Strength") == "0.9" and widget.ui.noiseEdit.text == ""
    assert slicer.util.arrayFromVolume(output).dtype == slicer.util.arrayFromVolume(low).dtype
