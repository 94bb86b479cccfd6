"""Write the address of the repository wherever it stands: `make homepage URL=https://github.com/OWNER/NAME`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: All files that hold the address, or that of a file in the repository.
FILES = ("CMakeLists.txt", "LDCTDenoise.s4ext", "LDCTDenoise.json", "pyproject.toml", "CITATION.cff")

_FORM = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def set_homepage(url: str, root: Path = ROOT) -> str:
    """Write an address into `FILES`, with those of icon and pictures; return the one that stood there.

    Raises
    ------
    ValueError
        If it is not of the form https://github.com/OWNER/NAME, or NAME does not begin with Slicer.
    """
    asked = _FORM.fullmatch(url)
    if asked is None or not asked[1].split("/")[1].startswith("Slicer"):
        raise ValueError(f"'{url}' is not https://github.com/OWNER/SlicerNAME, as the index of extensions asks for")
    cmake = (root / FILES[0]).read_text(encoding="utf-8")
    before = _FORM.fullmatch(re.search(r'EXTENSION_HOMEPAGE "([^"]*)"', cmake)[1])[1]
    for name in FILES:
        text = (root / name).read_text(encoding="utf-8")
        (root / name).write_text(text.replace(f"/{before}", f"/{asked[1]}"), encoding="utf-8", newline="\n")
    return before


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make homepage URL=https://github.com/OWNER/SlicerNAME")
    try:
        print(f"it was {set_homepage(sys.argv[1])}")
    except ValueError as error:
        sys.exit(str(error))
