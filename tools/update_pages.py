"""Write what is said elsewhere into the pages docs/methods.md and docs/weights.md: `make lists`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "LDCTDenoise"))
METHODS, WEIGHTS = (ROOT / "docs" / f"{name}.md" for name in ("methods", "weights"))
#: What stands before and after the part of docs/weights.md that is written.
BEGIN, END = "<!-- evidence: written by make lists -->\n", "<!-- end of evidence -->\n"


def methods_page() -> str:
    """Return docs/methods.md as it should be: the table of methods."""
    from LDCTDenoiseLib.methods.table import to_markdown

    return (
        "# Methods\n\nWritten by `make lists` from `LDCTDenoiseLib/methods/table.py`, which command line, panels, "
        "model cards and training read, too. A method with a network of its own is its file in "
        "`LDCTDenoiseLib/networks`, its row in the table and its test.\n\n" + to_markdown()
    )


def weights_page() -> str:
    """Return docs/weights.md as it should be, with the evidence in the cards of the models that ship."""
    from LDCTDenoiseLib.evidence.card import to_markdown
    from LDCTDenoiseLib.models import read_card

    models = sorted((ROOT / "LDCTDenoise" / "Resources" / "Models").glob("*.safetensors"))
    before, rest = WEIGHTS.read_text(encoding="utf-8").split(BEGIN)
    tables = to_markdown({model.stem: read_card(model).evidence for model in models})
    return f"{before}{BEGIN}{tables}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    METHODS.write_text(methods_page(), encoding="utf-8")
    WEIGHTS.write_text(weights_page(), encoding="utf-8")
