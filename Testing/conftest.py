"""Where the tests find the modules, and the scene and panel that the Slicer tests share."""

import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
for _folder in ("LDCTDenoiseTraining", "LDCTDenoise"):
    sys.path.insert(0, str(_ROOT / _folder))


@pytest.fixture(autouse=True)
def no_models_of_the_user(tmp_path, monkeypatch):
    """Give every test a user's model folder of its own, so that none depends on what is on this computer."""
    folder = tmp_path / "user-models"
    monkeypatch.setenv("LDCT_DENOISE_MODELS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def same_draws_in_any_order():
    """Begin torch's random numbers anew for each test, so that none depends on those that ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def scene():
    """Return a real, empty MRML scene of slicer-core."""
    import slicer

    scene = slicer.vtkMRMLScene()
    yield scene
    scene.Clear(1)


@pytest.fixture
def logic():
    from LDCTDenoiseSlicer.logic import LDCTDenoiseLogic

    return LDCTDenoiseLogic()


@pytest.fixture
def model(tmp_path):
    """Return a DCSCN model file with small random weights."""
    from model_maker import make_model

    return make_model(tmp_path / "mine.safetensors")


@pytest.fixture
def host():
    """Install the strict stand-ins for what only Slicer's desktop has, and take them away afterwards."""
    import slicer_host

    with slicer_host.installed() as host:
        yield host


@pytest.fixture
def mrml(scene):
    """The scene, as slicer.util finds it."""
    import slicer

    slicer.mrmlScene = scene
    yield scene
    del slicer.mrmlScene


@pytest.fixture
def tiny(mrml, tmp_path):
    """A training logic and a table of the scene's tiny patients."""
    from trainer_runs import tinyLogic

    return tinyLogic(mrml, tmp_path / "runs")


@pytest.fixture
def desktop(monkeypatch):
    """Install the strict stand-ins for what the trainer's window uses."""
    import trainer_host

    with trainer_host.installed(monkeypatch) as host:
        yield host


@pytest.fixture
def trainer(desktop, tmp_path):
    """The widget of the training module, with a folder of runs of its own."""
    widget = desktop.openModule("LDCTDenoiseTraining")
    widget.ui.runsFolderEdit.currentPath = str(tmp_path / "runs")
    yield widget
    widget.cleanup()
