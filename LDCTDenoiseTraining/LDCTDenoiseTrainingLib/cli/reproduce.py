"""`ldct-train reproduce`: the paper's Table 1 on a patient set."""

import argparse
import csv
import io
import json

from LDCTDenoiseLib.methods import PAPER_METHODS
from LDCTDenoiseLib.metrics import ROI

from ..training.stopping import STOP_FILE, immediate_stop
from .options import add_run_options, experiment_of


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "reproduce",
        description=f"Train {', '.join(PAPER_METHODS)}, measure them beside the low dose, and set the table beside "
        "the paper's. Called again it goes on where it was. METHOD.KEY=VALUE sets one for a single method.",
    )
    add_run_options(parser)
    parser.add_argument("--validation", metavar="WHO", help="patients, separated by commas")
    parser.add_argument("--roi", metavar="I0,I1,J0,J1,K", help="the region that the figure enlarges")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..experiments.reproduction import Reproduction

    experiment = experiment_of(Reproduction, arguments)
    with immediate_stop(arguments.output / STOP_FILE):
        table = experiment.run(ROI.of(arguments.roi))
    if arguments.json:
        rows = csv.DictReader(io.StringIO(table.with_suffix(".csv").read_text(encoding="utf-8")))
        print(json.dumps({"table": list(rows)}), flush=True)
    else:
        print(table.read_text(encoding="utf-8"))
