"""Install what Slicer lacks, when it is needed and only after asking (desktop only)."""

import collections
import contextlib
import importlib.metadata
import importlib.util
import inspect
import io
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import slicer
from LDCTDenoiseLib.compiled.host import PACKAGE, is_useful
from LDCTDenoiseLib.errors import InputError, MissingDependencyError
from slicer.i18n import tr as _

#: Packages whose module has another name.
_MODULES = {"scikit-image": "skimage"}

_REQUESTER = "LDCT Denoise"

#: Lines of pip's that are shown when it fails.
_SHOWN = 3


def missingPackages(requirements: str | Path, extra: Sequence[str] = (), torch: bool = True) -> list[str]:
    """Return the packages that are not installed. Imports none.

    Parameters
    ----------
    requirements : path
        A requirements file without versions.
    extra : sequence of str
        More packages that are needed.
    torch : bool
        Whether torch is needed, which no requirements file of Slicer's names.
    """
    importlib.invalidate_caches()
    lines = (line.strip() for line in Path(requirements).read_text(encoding="utf-8").splitlines())
    named = [line for line in lines if line and not line.startswith("#")]
    packages = [*(["torch"] if torch else []), *named, *extra]
    return [p for p in packages if importlib.util.find_spec(_MODULES.get(p, p)) is None]


def fasterPackages() -> list[str]:
    """Return the packages that are not installed and make networks faster on this computer's CPU; none is needed."""
    return [PACKAGE] if is_useful() and importlib.util.find_spec(PACKAGE) is None else []


def ensurePackages(requirements: str | Path, extra: Sequence[str] = (), torch: bool = True) -> None:
    """Ask once to install what is missing, and install it; with what networks need, what makes them faster.

    Parameters
    ----------
    requirements, extra, torch
        As for `missingPackages`.

    Raises
    ------
    Declined
        If the user does not want it.
    MissingDependencyError
        If it cannot be installed; with pip's last lines, and what to do.
    """
    missing = missingPackages(requirements, extra, torch)
    if not missing:
        return
    if "torch" in missing:
        _requireTorchUtils()
    faster = fasterPackages() if torch else []
    question = _("LDCT Denoise needs these Python packages: {packages}. Install them now? This may take minutes.")
    # In testing mode every question is answered with yes, and a test must not install gigabytes.
    if slicer.app.testingEnabled() or not slicer.util.confirmOkCancelDisplay(
        question.format(packages=", ".join([*missing, *faster])), _REQUESTER
    ):
        raise Declined(
            _("Not installed: {packages}. Press the button again to install.").format(packages=", ".join(missing))
        )
    if "torch" in missing:
        _reported(["torch"], lambda: _requireTorchUtils().PyTorchUtilsLogic().installTorch(askConfirmation=False))
    others = [p for p in missing if p != "torch"]
    if others:
        _reported(others, lambda: _pipInstall(others))
    left = missingPackages(requirements, extra, torch)
    if left:
        raise MissingDependencyError(
            _("Still missing after the installation: {packages}. Restart Slicer and try again.").format(
                packages=", ".join(left))
        )
    if faster:
        try:
            _pipInstall(faster)
        except Exception as error:  # whatever pip meets: it works without
            logging.info("LDCT Denoise goes on without %s, which only makes it faster: %s", ", ".join(faster), error)


def installFromFolder(folder: str | Path, requirements: str | Path) -> None:
    """Install what is missing from a folder of wheels, without any network; see docs/viewer.md.

    Parameters
    ----------
    folder : path
        Holds the wheels (.whl) of what is missing and of what that needs.
    requirements : path
        As for `missingPackages`.

    Raises
    ------
    InputError
        If there are no wheels in the folder.
    MissingDependencyError
        If pip cannot install from it; with its last lines.
    """
    if not list(Path(folder).glob("*.whl")):
        raise InputError(_("there are no wheels (.whl) in '{folder}'.").format(folder=folder))
    missing = missingPackages(requirements)
    missing += [p for p in fasterPackages() if list(Path(folder).glob(f"{p}-*.whl"))]
    if not missing:
        return
    advice = _("The folder '{folder}' does not hold all that they need for this Python and computer.").format(
        folder=folder)
    _reported(missing, lambda: _pipInstall([*missing, "--no-index", "--find-links", str(folder)]), advice)


class Declined(MissingDependencyError):
    """The user did not want to install what is missing, and knows it: a line will do, no message."""

    quiet = True


def _requireTorchUtils():
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            _("PyTorch is not installed. Install the extension 'PyTorch' in the Extensions Manager, restart Slicer, "
              "and press the button again; without a network, see Advanced > Install from a folder.")
        ) from error
    return PyTorchUtils


def _pipInstall(arguments: list[str]) -> None:
    with _keptNumpy() as constraints:
        # Slicer's own progress dialog shows a message of its own when pip fails, which would be one too many.
        known = inspect.signature(slicer.util.pip_install).parameters
        options = {"show_progress": False} if "show_progress" in known else {}
        slicer.util.pip_install([*arguments, "-c", str(constraints)], **options)


def _reported(packages: Sequence[str], install: Callable, advice: str | None = None) -> None:
    """Install, and turn whatever goes wrong into one error with pip's last lines and what to do."""
    said = _LastLines()
    try:
        with contextlib.redirect_stdout(said):
            install()
    except Exception as error:  # pip's exit status, no network, what light-the-torch meets
        output = getattr(error, "output", None)
        lines = output.strip().splitlines() if isinstance(output, str) and output.strip() else said.lines
        advice = advice or _("Check the network and its proxy, or install without one: Advanced > Install from a "
                             "folder.")
        raise MissingDependencyError(
            _("{packages} could not be installed. {advice} pip said: {said}").format(
                packages=", ".join(packages), advice=advice, said=" | ".join(lines[-_SHOWN:]) or error)
        ) from error


class _LastLines(io.TextIOBase):
    """Passes on what is printed, and keeps the lines that say something."""

    def __init__(self):
        self._to, self._kept = sys.stdout, collections.deque([""], maxlen=50)

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self._kept if line.strip()]

    def write(self, text: str) -> int:
        self._to.write(text)
        first, *more = text.split("\n")
        self._kept[-1] += first
        self._kept.extend(more)
        return len(text)


class _keptNumpy:
    """A constraints file, for the time of an installation, that keeps Slicer's numpy: pip fails rather than replace it
    under Slicer's feet."""

    def __enter__(self) -> Path:
        self._folder = tempfile.TemporaryDirectory()
        constraints = Path(self._folder.name) / "constraints.txt"
        constraints.write_text(f"numpy=={importlib.metadata.version('numpy')}\n", encoding="utf-8")
        return constraints

    def __exit__(self, *error) -> None:
        self._folder.cleanup()
