"""The blocks of docs/console.md, run as they stand there."""

import re
from pathlib import Path

import pytest
import slicer
import slicer.util
from slicer_volumes import addVolume, ct

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "console.md"


def blocks():
    """Return the headings and the code below each."""
    sections = re.split(r"^## ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [(section.split("\n", 1)[0], re.findall(r"```python\n(.*?)```", section, re.DOTALL)) for section in sections]


@pytest.fixture
def applicationScene(scene):
    slicer.mrmlScene = scene
    yield scene
    del slicer.mrmlScene


@pytest.mark.slow
def test_the_page_runs_without_a_window(applicationScene, capsys):
    full = ct((4, 64, 64))
    addVolume(applicationScene, full, "FDCT")
    addVolume(applicationScene, full + ct((4, 64, 64), seed=3) // 4, "LDCT")
    names, seen = {}, []
    for heading, code in blocks():
        if heading not in ("Lay out the views", "Collect evidence"):  # one wants a window, the other a real scan
            seen.append(heading)
            for block in code:
                exec(compile(block, f"{_PAGE.name}: {heading}", "exec"), names)
    assert len(seen) == 12
    printed = capsys.readouterr().out
    assert "'DCSCN': 'LDCT DCSCN'" in printed and "comparison.png" in printed and " of 4" in printed
    assert names["outputs"]["DCSCN"].GetAttribute("LDCTDenoise.Strength") == "0.6"
    assert {"LDCT TV", "LDCT NLM"} <= {n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}


def test_the_page_names_calls_that_are_there():
    from LDCTDenoise import LDCTDenoiseLogic

    used = set(re.findall(r"logic\.(\w+)\(", _PAGE.read_text(encoding="utf-8")))
    assert used and not [name for name in used if not hasattr(LDCTDenoiseLogic, name)]
