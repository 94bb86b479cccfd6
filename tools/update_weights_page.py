"""Write the evidence in the cards of the models that ship into docs/weights.md: `make lists`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "weights.md"
#: What stands before and after the part that is written.
BEGIN, END = "<!-- evidence: written by make lists -->\n", "<!-- end of evidence -->\n"


def page() -> str:
    """Return the page as it should be."""
    sys.path.insert(0, str(ROOT / "LDCTDenoise"))
    from LDCTDenoiseLib.evidence.card import to_markdown
    from LDCTDenoiseLib.models import read_card

    models = sorted((ROOT / "LDCTDenoise" / "Resources" / "Models").glob("*.safetensors"))
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tables = to_markdown({model.stem: read_card(model).evidence for model in models})
    return f"{before}{BEGIN}{tables}{END}{rest.split(END)[1]}"


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
