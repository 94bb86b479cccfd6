"""Install what Slicer lacks, when it is needed and only after asking (desktop only)."""

import importlib.metadata
import importlib.util
import tempfile
from pathlib import Path

import slicer
from LDCTDenoiseLib.errors import MissingDependencyError
from slicer.i18n import tr as _

#: Packages whose module has another name.
_MODULES = {"scikit-image": "skimage"}

_REQUESTER = "LDCT Denoise"


def missingPackages(requirements: str | Path) -> list[str]:
    """Return the packages that are not installed: of a requirements file without versions, and torch. Imports none."""
    importlib.invalidate_caches()
    lines = (line.strip() for line in Path(requirements).read_text(encoding="utf-8").splitlines())
    packages = ["torch", *(line for line in lines if line and not line.startswith("#"))]
    return [p for p in packages if importlib.util.find_spec(_MODULES.get(p, p)) is None]


def ensurePackages(requirements: str | Path) -> None:
    """Ask to install what is missing, and install it.

    Parameters
    ----------
    requirements : path
        The module's requirements.txt.

    Raises
    ------
    MissingDependencyError
        If the user declines, or there is no way to install; says what to do.
    """
    missing = missingPackages(requirements)
    if "torch" in missing:
        _installTorch()
    others = [p for p in missing if p != "torch"]
    if others:
        _install(others)
    left = missingPackages(requirements)
    if left:
        raise MissingDependencyError(
            _("Still missing: {packages}. Press Apply again to install.").format(packages=", ".join(left))
        )


def _installTorch() -> None:
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            _("PyTorch is not installed. Install the extension 'PyTorch' in the Extensions Manager, restart Slicer, "
              "and press Apply again.")
        ) from error
    # In testing mode the question would be answered with yes, and a test must not install gigabytes.
    if not slicer.app.testingEnabled():
        PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True)


def _install(packages: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Slicer's own numpy stays as it is: pip fails rather than replace it under Slicer's feet.
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(f"numpy=={importlib.metadata.version('numpy')}\n", encoding="utf-8")
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
