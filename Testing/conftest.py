"""Where the tests find the modules, and the scene and panel that the Slicer tests share."""

import os
import signal
import sys
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes beside each other: one thread each, also in the commands that they start.
    os.environ["OMP_NUM_THREADS"] = "1"

if hasattr(signal, "SIGHUP"):
    # Under nohup it is ignored, and so it would be in the commands that tests hang up on.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

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
def independent(monkeypatch):
    """An independent measurement of noise, from the folder that LDCT_REFERENCE names."""
    folder = Path(os.environ.get("LDCT_REFERENCE", "nowhere"))
    if not folder.is_dir():
        pytest.skip("LDCT_REFERENCE is not set")
    monkeypatch.syspath_prepend(folder)
    import noise

    return noise


@pytest.fixture
def archive(tmp_path):
    """The folder of an archive, not there yet."""
    return tmp_path / "in"


@pytest.fixture
def output(tmp_path):
    """Where a command writes to, not there yet."""
    return tmp_path / "out"


@pytest.fixture
def volume():
    """A small volume of whole HU on a grid that is nobody's default."""
    import numpy as np
    from LDCTDenoiseLib.volumes import Geometry, Volume

    array = np.random.default_rng(0).normal(0, 400, (5, 12, 17)).round().astype(np.int16)
    return Volume(array, Geometry((0.7, 0.8, 2.5), (-170.25, -160.5, 33.125)), "made")


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
def host(monkeypatch):
    """Install the strict stand-ins for what only Slicer's desktop has, and take them away afterwards."""
    import slicer_host

    with slicer_host.installed(monkeypatch) as host:
        yield host


@pytest.fixture
def ownModel(no_models_of_the_user):
    """A DCSCN "mine" in the user's folder."""
    from model_maker import make_model

    no_models_of_the_user.mkdir()
    return make_model(no_models_of_the_user / "mine.safetensors")


@pytest.fixture
def widget(host, ownModel):
    """The widget of the module LDCT Denoise, opened."""
    widget = host.openModule("LDCTDenoise")
    yield widget
    widget.cleanup()


@pytest.fixture
def fullAndLow(scene):
    """A pair of volumes of the scene, full dose and low dose."""
    import numpy as np
    from slicer_volumes import addVolume, ct

    full = ct((4, 40, 50), np.float32)
    noise = np.random.default_rng(5).normal(0, 40, full.shape).astype(np.float32)
    return addVolume(scene, full, "full"), addVolume(scene, full + noise, "low")


@pytest.fixture
def images(scene):
    """Full dose, low dose and an output, by their labels, in a scene with views."""
    from comparison_scene import addImages, addViews

    views = addViews(scene)
    yield addImages(scene)
    del views  # until now: the views live as long as the logic that made them is there


@pytest.fixture
def comparison(scene):
    """The comparison of the scene, which is put away in the end."""
    from LDCTDenoiseSlicer.comparison.side_by_side import SideBySide

    comparison = SideBySide.of(scene)
    yield comparison
    comparison.close()


@pytest.fixture
def openDatabase(monkeypatch, tmp_path):
    """A DICOM database, open as Slicer's."""
    import types

    import slicer
    from dicom_database import Database, Indexer

    database = Database(tmp_path / "database")
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    monkeypatch.setitem(sys.modules, "ctk", types.SimpleNamespace(ctkDICOMIndexer=Indexer))
    return database


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
def trainer(host, tmp_path):
    """The widget of the training module, with a folder of runs of its own."""
    widget = host.openModule("LDCTDenoiseTraining")
    widget.ui.runsFolderEdit.currentPath = str(tmp_path / "runs")
    yield widget
    widget.cleanup()
