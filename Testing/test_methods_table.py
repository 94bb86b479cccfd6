"""The one table of methods: whole in itself, and read by those who list methods."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from LDCTDenoiseLib.cli.main import main
from LDCTDenoiseLib.methods import (
    METHOD,
    NETWORK_METHODS,
    PAPER_METHODS,
    REFERENCE_METHODS,
    build_generator,
    colours_of,
    method_name,
)
from LDCTDenoiseTrainingLib.cli.main import main as train_main
from LDCTDenoiseTrainingLib.experiments.paper import TABLE_1
from LDCTDenoiseTrainingLib.training.config import TrainingConfig

ROOT = Path(__file__).resolve().parent.parent


def test_a_method_has_a_network_or_a_reference_and_a_colour_of_its_own():
    for name, row in METHOD.items():
        assert (name in NETWORK_METHODS) != (name in REFERENCE_METHODS) and method_name(name.lower()) == name
        assert all(method_name(other) == name for other in row.other_names)
    assert len({row.colour for row in METHOD.values()}) == len(METHOD)
    assert tuple(TABLE_1)[1:] == PAPER_METHODS


@pytest.mark.parametrize("name", NETWORK_METHODS)
def test_a_network_can_be_built_and_has_defaults_of_training(name):
    row = METHOD[name]
    config = TrainingConfig.of_method(name)
    generator = build_generator(name)
    assert config.adversarial == bool(row.twin) and sum(p.numel() for p in generator.parameters()) > 1000
    assert generator.network.neighbours == row.neighbours
    assert generator.network.channels == 2 * row.neighbours + 1
    if row.twin:
        assert METHOD[row.twin].network == row.network and not METHOD[row.twin].adversarial
        assert NETWORK_METHODS.index(row.twin) < NETWORK_METHODS.index(name)


def test_a_label_that_is_no_method_gets_a_colour_that_no_method_beside_it_has():
    colours = colours_of(["mine", "DCSCN", "other", *map(str, range(20))])
    assert colours["DCSCN"] == METHOD["DCSCN"].colour
    assert list(colours.values()).count(METHOD["DCSCN"].colour) == 1 and colours["mine"] != colours["other"]


@pytest.mark.parametrize(("program", "command"), [(main, "denoise"), (main, "compare"), (main, "batch"),
                                                  (train_main, "train"), (train_main, "cross-validate")])
def test_the_command_line_lists_the_methods(program, command, capsys):
    with pytest.raises(SystemExit):
        program([command, "--help"])
    # Lines may be broken after a hyphen.
    said = re.sub(r"-\s+", "-", capsys.readouterr().out)
    assert all(name in said for name in NETWORK_METHODS)


def test_the_page_of_the_docs_is_that_of_the_table():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from update_pages import METHODS as PAGE
        from update_pages import methods_page
    finally:
        sys.path.remove(str(ROOT / "tools"))
    assert PAGE.read_text(encoding="utf-8") == methods_page(), "run `make lists`"


def test_the_table_needs_nothing_heavy():
    code = "import sys, LDCTDenoiseLib.methods; assert not {'torch', 'skimage', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "LDCTDenoise")
