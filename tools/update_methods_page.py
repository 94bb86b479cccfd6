"""Write docs/methods.md from the table of methods: `make lists`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "methods.md"


def page() -> str:
    """Return the page as it should be."""
    sys.path.insert(0, str(ROOT / "LDCTDenoise"))
    from LDCTDenoiseLib.methods.table import to_markdown

    return (
        "# Methods\n\nWritten by `make lists` from `LDCTDenoiseLib/methods/table.py`, which command line, panels, "
        "model cards and training read, too. A method with a network of its own is its file in "
        "`LDCTDenoiseLib/networks`, its row in the table and its test.\n\n" + to_markdown()
    )


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
