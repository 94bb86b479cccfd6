"""Install what Slicer lacks, when it is needed and only after asking (desktop only)."""

import importlib.metadata
import importlib.util
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import slicer
from LDCTDenoiseLib.compiled.host import PACKAGE, is_useful
from LDCTDenoiseLib.errors import InputError, MissingDependencyError
from slicer.i18n import tr as _

#: Packages whose module has another name.
_MODULES = {"scikit-image": "skimage"}

_REQUESTER = "LDCT Denoise"


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
    """Ask to install what is missing, and install it; with what networks need, what makes them faster.

    Parameters
    ----------
    requirements, extra, torch
        As for `missingPackages`.

    Raises
    ------
    MissingDependencyError
        If the user declines, or there is no way to install; says what to do.
    """
    missing = missingPackages(requirements, extra, torch)
    if "torch" in missing:
        _installTorch()
    others = [p for p in missing if p != "torch"]
    if others:
        _install(others)
    left = missingPackages(requirements, extra, torch)
    if left:
        raise MissingDependencyError(
            _("Still missing: {packages}. Press the button again to install.").format(packages=", ".join(left))
        )
    faster = fasterPackages() if torch and missing else []
    if faster:
        try:
            _install(faster)
        except Exception as error:  # whatever pip meets: it works without
            logging.info("LDCT Denoise goes on without %s, which only makes it faster: %s", ", ".join(faster), error)


def installFromFolder(folder: str | Path, requirements: str | Path, extra: Sequence[str] = ()) -> None:
    """Install what is missing from a folder of wheels, without any network; see docs/viewer.md.

    Parameters
    ----------
    folder : path
        Holds the wheels (.whl) of what is missing and of what that needs.
    requirements, extra
        As for `missingPackages`.

    Raises
    ------
    InputError
        If there are no wheels in the folder.
    MissingDependencyError
        If pip cannot install from it; its own words are in Slicer's log.
    """
    if not list(Path(folder).glob("*.whl")):
        raise InputError(_("there are no wheels (.whl) in '{folder}'.").format(folder=folder))
    missing = missingPackages(requirements, extra)
    missing += [p for p in fasterPackages() if list(Path(folder).glob(f"{p}-*.whl"))]
    if not missing:
        return
    with _keptNumpy() as constraints:
        try:
            slicer.util.pip_install([*missing, "--no-index", "--find-links", str(folder), "-c", str(constraints)])
        except Exception as error:
            raise MissingDependencyError(
                _("The folder '{folder}' does not hold all that {packages} need for this Python and computer; see the "
                  "log.").format(folder=folder, packages=", ".join(missing))
            ) from error


def _installTorch() -> None:
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            _("PyTorch is not installed. Install the extension 'PyTorch' in the Extensions Manager, restart Slicer, "
              "and press the button again; without a network, see Advanced > Install from a folder.")
        ) from error
    # In testing mode the question would be answered with yes, and a test must not install gigabytes.
    if not slicer.app.testingEnabled():
        PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True)


def _install(packages: list[str]) -> None:
    with _keptNumpy() as constraints:
        try:
            import slicer.packaging as packaging
        except ModuleNotFoundError:
            _installBefore512(packages, constraints)
            return
        try:
            packaging.pip_ensure(packages, constraints=constraints, requester=_REQUESTER)
        except RuntimeError as error:  # the user declined
            raise MissingDependencyError(str(error)) from error


def _installBefore512(packages: list[str], constraints: Path) -> None:
    question = _("LDCT Denoise needs these Python packages: {packages}. Install them now?").format(
        packages=", ".join(packages)
    )
    if not slicer.app.testingEnabled() and slicer.util.confirmOkCancelDisplay(question, _REQUESTER):
        slicer.util.pip_install([*packages, "-c", str(constraints)])


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
