"""`ldct-train cross-validate`: leave one patient out, each in turn."""

import argparse
from pathlib import Path

from LDCTDenoiseLib.errors import InputError

from ..runs.cross_validation import CrossValidation
from .options import add_run_options, patients_of, settings_of


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "cross-validate", help="leave one patient out, each in turn",
        description="Train one model for each patient that is left out. Start it as often as there are devices: each "
        "process takes the folds that are free, and a killed one is resumed by calling it again.",
    )
    parser.add_argument("--method", metavar="NAME", required=True, help="CNN-L1, WGAN, DCSCN or DCSWGAN")
    add_run_options(parser)
    parser.add_argument("--twin", metavar="DIR", type=Path, help="cross-validation of the L1 method to start from")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if not arguments.method:
        raise InputError("no method is given; choose one with --method.")
    table = CrossValidation(
        patients_of(arguments), arguments.method, arguments.output, settings_of(arguments), arguments.config,
        arguments.cache, arguments.device, arguments.json, getattr(arguments, "twin", None),
    ).run()
    print(f"table written to {table}" if table else "all free folds are done; other processes hold the rest")
