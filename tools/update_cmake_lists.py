"""Write the modules' CMake lists from the files on disk: `make lists`. Slicer ships only what they list."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("LDCTDenoise", "LDCTDenoiseTraining")
SCRIPTS, RESOURCES = "MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"


def files_on_disk(module: Path, variable: str) -> list[str]:
    """Return the files of a module folder that belong into a list, as paths relative to the folder, sorted."""
    if variable == SCRIPTS:
        # Tests beside a module stay in the source tree: installed modules share one flat folder.
        found = (p for p in module.rglob("*.py") if p.relative_to(module).parts[0] not in ("Resources", "Testing"))
    else:
        found = (p for p in (module / "Resources").rglob("*") if p.is_file())
    relative = (p.relative_to(module) for p in found)
    # Hidden files and half-written ones are nobody's resource.
    return sorted(p.as_posix() for p in relative if not any(part.startswith((".", "__pycache__")) for part in p.parts))


def _pattern(variable: str) -> re.Pattern:
    return re.compile(rf"(set\({variable}\n)(.*?)(^  \))", re.MULTILINE | re.DOTALL)


def files_listed(text: str, variable: str) -> list[str]:
    """Return what the text of a module's CMakeLists.txt lists under a variable, in its order."""
    match = _pattern(variable).search(text)
    if match is None:
        raise ValueError(f"no list {variable} in this CMakeLists.txt")
    return match.group(2).split()


def with_lists(text: str, module: Path) -> str:
    """Return the text of a module's CMakeLists.txt with both lists as they are on disk."""
    for variable in (SCRIPTS, RESOURCES):
        lines = "".join(f"  {name}\n" for name in files_on_disk(module, variable))
        text = _pattern(variable).sub(lambda match, lines=lines: match.group(1) + lines + match.group(3), text)
    return text


def main() -> int:
    for name in MODULES:
        path = ROOT / name / "CMakeLists.txt"
        before = path.read_text(encoding="utf-8")
        after = with_lists(before, path.parent)
        if after != before:
            path.write_text(after, encoding="utf-8")
        print(f"{name}/CMakeLists.txt: {'rewritten' if after != before else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
