"""`ldct-train weights`: the weights that ship, from random numbers."""

import argparse

from ..experiments.weights import Weights
from ..recipes import recipes
from ..training.stopping import STOP_FILE, immediate_stop
from .options import add_run_options, experiment_of


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "weights",
        description=f"Train {', '.join(recipes())} by the recipes of the weights that ship, from random numbers. "
        "Called again it goes on where it was. METHOD.KEY=VALUE sets one for a single method.",
    )
    add_run_options(parser, config=False)
    parser.add_argument("--validation", metavar="WHO", help="patients, separated by commas")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    experiment = experiment_of(Weights, arguments)
    with immediate_stop(arguments.output / STOP_FILE):
        for method, model in experiment.run().items():
            print(f"{method}: the best state is in {model}")
