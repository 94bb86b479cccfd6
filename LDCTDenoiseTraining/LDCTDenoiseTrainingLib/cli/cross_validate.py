"""`ldct-train cross-validate`: leave one patient out, each in turn."""

import argparse

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import NETWORK_METHODS

from ..training.stopping import STOP_FILE, immediate_stop
from .options import add_run_options, experiment_of


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "cross-validate",
        description="Train the methods once for each patient that is left out. Start it as often as there are devices: "
        "each process takes the folds that are free, and a killed one is resumed by calling it again. "
        "METHOD.KEY=VALUE sets one for a single method.",
    )
    parser.add_argument("--method", metavar="NAMES", required=True,
                        help=f"of {', '.join(NETWORK_METHODS)}; several with commas")
    add_run_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..experiments.cross_validation import CrossValidation

    if not arguments.method:
        raise InputError("no method is given; choose one with --method.")
    experiment = experiment_of(CrossValidation, arguments, methods=arguments.method.split(","))
    with immediate_stop(arguments.output / STOP_FILE):
        table = experiment.run()
    print(f"table written to {table}" if table else "all free folds are done; other processes hold the rest")
