"""Installing what Slicer lacks, on the strict stand-ins of slicer_host; nothing is installed here."""

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import slicer


@pytest.fixture
def bare(host, monkeypatch, tmp_path):
    """A Slicer with nothing installed: what is installed, asked and given to pip, and the requirements file."""
    from LDCTDenoiseSlicer import dependencies

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\nscikit-image\nsafetensors\n")
    state = types.SimpleNamespace(
        requirements=requirements, installed=set(), asked=[], pip=[], answer=True, torch=lambda: None,
        fail=lambda arguments: None)
    modules = {"scikit-image": "skimage"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: object() if n in state.installed else None)

    class Logic:
        def installTorch(self, askConfirmation):
            assert not askConfirmation  # asked once for everything already
            state.torch()
            state.installed.add("torch")

    def install(arguments):
        packages = arguments[:arguments.index("-c")]
        state.pip.append((packages, Path(arguments[-1]).read_text()))
        state.fail(packages)
        state.installed.update(modules.get(p, p) for p in packages)

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=Logic))
    monkeypatch.setattr(slicer.util, "pip_install", install, raising=False)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay",
                        lambda text, *a: state.asked.append(text) or state.answer, raising=False)
    monkeypatch.setattr(dependencies, "is_useful", lambda: True)
    slicer.app.testingEnabled = lambda: False
    return state


def test_packages_are_installed_with_slicers_numpy_kept(bare):
    from LDCTDenoiseLib.errors import MissingDependencyError
    from LDCTDenoiseSlicer import dependencies

    # In testing mode nothing big is installed behind the tester's back.
    slicer.app.testingEnabled = lambda: True
    with pytest.raises(MissingDependencyError, match="torch"):
        dependencies.ensurePackages(bare.requirements)
    assert not bare.asked and not bare.installed
    slicer.app.testingEnabled = lambda: False
    dependencies.ensurePackages(bare.requirements)
    kept = f"numpy=={np.__version__}\n"
    assert bare.pip == [(["scikit-image", "safetensors"], kept), (["llvmlite"], kept)]
    assert len(bare.asked) == 1 and "torch, scikit-image, safetensors, llvmlite" in bare.asked[0]
    assert dependencies.missingPackages(bare.requirements) == []
    dependencies.ensurePackages(bare.requirements)
    assert len(bare.asked) == 1
    # What only makes it faster may fail.
    bare.installed.difference_update({"skimage", "llvmlite"})

    def fail(packages):
        if packages == ["llvmlite"]:
            raise RuntimeError("no wheel")

    bare.fail = fail
    dependencies.ensurePackages(bare.requirements)
    assert bare.installed >= {"skimage"} and dependencies.fasterPackages() == ["llvmlite"]


@pytest.mark.slow
def test_a_declined_install_is_one_question_and_a_line(bare, widget, monkeypatch):
    from LDCTDenoiseSlicer import dependencies

    messages = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: messages.append(text))
    bare.answer = False
    widget.panel.guarded(lambda: dependencies.ensurePackages(bare.requirements))
    assert len(bare.asked) == 1 and not messages and not bare.pip and not bare.installed
    assert "Not installed: torch, scikit-image, safetensors. Press the button again" in widget.ui.statusLabel.text


@pytest.mark.parametrize("where", ["torch", "pip"])
def test_a_failed_install_is_one_message_with_what_pip_said(bare, widget, monkeypatch, where):
    import subprocess

    from LDCTDenoiseSlicer import dependencies

    messages = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: messages.append(text))

    def fail(packages=None):
        print("Collecting it\nWARNING: Retrying\nERROR: Could not find a version that satisfies it\n")
        if where == "torch":
            raise ImportError("light_the_torch._patch")
        raise subprocess.CalledProcessError(1, ["pip"], output=None)

    setattr(bare, "torch" if where == "torch" else "fail", fail)
    widget.panel.guarded(lambda: dependencies.ensurePackages(bare.requirements))
    (message,) = messages
    assert "could not be installed. Check the network and its proxy" in message
    assert message.endswith("Collecting it | WARNING: Retrying | ERROR: Could not find a version that satisfies it")
    assert "Install from a folder" in message and widget.ui.statusLabel.text == message


def test_requirements_name_nothing_that_slicer_ships(host):
    import LDCTDenoise

    lines = (Path(LDCTDenoise.__file__).parent / "Resources" / "requirements.txt").read_text().splitlines()
    packages = {line for line in lines if line and not line.startswith("#")}
    assert packages == {"safetensors", "scikit-image"}


def test_an_offline_computer_installs_from_a_folder(host, monkeypatch, tmp_path):
    from LDCTDenoiseLib.errors import InputError, MissingDependencyError
    from LDCTDenoiseSlicer import dependencies

    requirements, folder, calls = tmp_path / "requirements.txt", tmp_path / "wheels", []
    requirements.write_text("scikit-image\n")
    folder.mkdir()
    monkeypatch.setattr(dependencies, "is_useful", lambda: True)
    installed = set()
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: object() if n in installed else None)

    def install(arguments):
        calls.append(arguments)
        assert Path(arguments[-1]).read_text() == f"numpy=={np.__version__}\n"
        if len(calls) == 1:
            raise RuntimeError("no matching distribution")
        installed.update({"torch", "skimage"})

    monkeypatch.setattr(slicer.util, "pip_install", install, raising=False)
    with pytest.raises(InputError, match="there are no wheels"):
        dependencies.installFromFolder(folder, requirements)
    (folder / "torch-2-py3-none-any.whl").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match="torch, scikit-image could not .*The folder .*no matching"):
        dependencies.installFromFolder(folder, requirements)
    dependencies.installFromFolder(folder, requirements)
    assert calls[1][:5] == ["torch", "scikit-image", "--no-index", "--find-links", str(folder)]
    # Nothing that is needed is missing any more.
    dependencies.installFromFolder(folder, requirements)
    assert len(calls) == 2
    (folder / "llvmlite-1-py3-none-any.whl").write_bytes(b"")
    dependencies.installFromFolder(folder, requirements)
    assert calls[2][0] == "llvmlite" and len(calls) == 3


def test_what_is_not_needed_is_not_asked_for(host, monkeypatch, tmp_path):
    from LDCTDenoiseSlicer import dependencies

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("scikit-image\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n in ("torch", "matplotlib") else object())
    assert dependencies.missingPackages(requirements) == ["torch"]
    assert dependencies.missingPackages(requirements, torch=False) == []
    assert dependencies.missingPackages(requirements, ["matplotlib"], torch=False) == ["matplotlib"]
