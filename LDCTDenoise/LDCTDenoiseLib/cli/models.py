"""`ldct-denoise models`: what is at hand, what a file says of itself, and adding one's own."""

import argparse
import json
from pathlib import Path

from ..methods import REFERENCE_METHODS
from ..models import add_model, catalogue, find_model, load_model, user_folder


def add_parser(commands) -> None:
    parser = commands.add_parser("models", description="List the models at hand.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="show this model's card (a name of the list or a file)")
    parser.add_argument("--add", metavar="FILE", help="check a model file and copy it to your own models")
    parser.add_argument("--json", action="store_true", help="the list as JSON; a card is JSON in any case")
    parser.set_defaults(run=run)


def _show(name: str) -> None:
    model = load_model(name if Path(name).is_file() else find_model(name))
    facts = {"file": str(model.path), "sha256": model.sha256, **json.loads(model.card.to_json())}
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def run(arguments: argparse.Namespace) -> None:
    if arguments.add:
        print(f"added {add_model(arguments.add)}")
        return
    if arguments.name:
        _show(arguments.name)
        return
    entries = catalogue()
    if arguments.json:
        models = [
            {"name": entry.name, "method": entry.card.method, "file": str(entry.path), "ships": entry.ships,
             "hu_range": [entry.card.range.lower, entry.card.range.upper], "dose": entry.card.dose.get("fraction")}
            for entry in entries
        ]  # fmt: skip
        models += [{"name": name, "method": name, "file": None, "ships": True} for name in REFERENCE_METHODS]
        print(json.dumps({"models": models, "folder": str(user_folder())}, indent=2, ensure_ascii=False))
        return
    print(f"{'name':<24}{'method':<10}{'HU range':<18}{'dose':<14}{'from'}")
    for entry in entries:
        dose = entry.card.dose.get("fraction", "?")
        if isinstance(dose, list):
            dose = " to ".join(str(d) for d in dose)
        where = "ships" if entry.ships else "yours"
        print(f"{entry.name:<24}{entry.card.method:<10}{str(entry.card.range):<18}{dose!s:<14}{where}")
    for name in REFERENCE_METHODS:
        print(f"{name:<24}{name:<10}{'any':<18}{'any':<14}needs no training")
    print(f"Your own models go to {user_folder()} (ldct-denoise models --add FILE).")
