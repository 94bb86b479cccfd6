"""`ldct-train estimate`: how long a training will take here, and how much memory."""

import argparse
import json

from LDCTDenoiseLib.methods import NETWORK_METHODS

from ..training.config import RANDOM, TrainingConfig, read_settings
from .options import add_training_options, settings_of


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "estimate",
        description="Do a few steps of a training on made-up patches and say, as JSON, how long the whole will take, "
        "how much memory it needs, and which batch fits.",
    )
    parser.add_argument("--method", metavar="NAME", help=f"one of {', '.join(NETWORK_METHODS)}")
    add_training_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..experiments.estimate import estimate

    settings = {**(read_settings(arguments.config) if arguments.config else {}), **settings_of(arguments)}
    base = TrainingConfig.of_method(str(arguments.method or settings.get("method", "DCSCN")))
    # The first weights do not matter, and need not be there yet.
    config = base.changed({**settings, "method": base.method, "start_from": RANDOM})
    print(json.dumps(estimate(config, arguments.device)))
