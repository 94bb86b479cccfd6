"""`ldct-denoise evidence FULL…`: what methods do to lesions, edges, noise and HU, as a report."""

import argparse
import os
from dataclasses import replace
from pathlib import Path

from ..errors import InputError, OutputError
from ..files import replace_folder
from ..methods import METHODS, make_denoisers
from ..models import read_card, set_card
from .bars import fraction_bar
from .options import add_device_option, add_reading_options, read_ct


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "evidence",
        description="Put lesions of known contrast and size into full-dose scans, lower the dose, denoise, and measure "
        "what is left of them; with resolution, noise, HU and what was removed. Writes report.html, evidence.csv, "
        "evidence.json and lesions.csv. An interrupted run goes on where it was with the same command.",
    )  # fmt: skip
    parser.add_argument("full", nargs="+", metavar="FULL", help="full-dose scans (files or DICOM folders)")
    parser.add_argument(
        "--methods", nargs="+", action="extend", default=[], metavar="NAME", help=f"of {', '.join(METHODS)}"
    )
    parser.add_argument("--model", nargs="+", action="extend", default=[], metavar="FILE", help="model files")
    parser.add_argument(
        "--volume-of", nargs="+", action="extend", default=[], metavar="FILE",
        help="volumes that another program made of the (one) scan; lesions and resolution need a method",
    )  # fmt: skip
    parser.add_argument("--low", metavar="LOW", help="a real low-dose scan of the (one) full-dose scan")
    parser.add_argument(
        "--dose", type=float, metavar="A",
        help="fraction of the full dose to simulate (default: 0.25), or that --low has (default: unknown)",
    )  # fmt: skip
    parser.add_argument(
        "--dose-curve", action="store_true", help="a few lesions and the noise at 100, 50, 25 and 10 %% too"
    )
    parser.add_argument(
        "--quick", action="store_true", help="disks of -20 HU, noise and HU alone: a minute or two a network"
    )
    parser.add_argument(
        "--into-card", action="store_true", help="write the figures into the cards of the --model files as well"
    )
    parser.add_argument(
        "--phantom", metavar="KIND",
        help="FULL is a folder with a scan of a CatPhan503, 504, 600, 604, 700 or ACR phantom: measure its modules",
    )  # fmt: skip
    parser.add_argument("--pylinac", metavar="PYTHON", help="a Python that has pylinac (default: this one)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the simulated noise (default: 0)")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the report")
    add_device_option(parser)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..evidence import EvidenceRun, Options, Scan, for_card, write_report

    output = Path(arguments.output)
    if output.exists() and not output.is_dir():
        raise OutputError(f"cannot write into '{output}': it is a file; give a folder.")
    if len(arguments.full) > 1 and (arguments.low or arguments.volume_of):
        raise InputError("--low and --volume-of belong to one scan; give one full-dose scan.")
    if arguments.into_card:
        check_cards(arguments)
    methods = make_denoisers(arguments.methods, arguments.model)
    if arguments.phantom:
        measure_modules(arguments, methods, output)
        return
    volumes = [read_ct(path, None, arguments) for path in arguments.full]
    low = read_ct(arguments.low, None, arguments) if arguments.low else None
    others = {}
    for path in arguments.volume_of:
        label = Path(path).name.split(".")[0]
        if label in others:
            raise InputError(f"two volumes are called '{label}'; rename one, so that the report can tell them apart.")
        others[label] = read_ct(path, None, arguments)
    dose = arguments.dose if arguments.dose is not None or low else 0.25
    options = Options(dose, arguments.dose_curve, arguments.seed, arguments.device, arguments.quick)
    scans = [Scan(volume, low, others) for volume in volumes]
    collection = EvidenceRun(scans, methods, options, output / ".unfinished")
    with fraction_bar("evidence") as show:
        for progress in collection:
            show(progress.fraction, progress.text)
    with replace_folder(output) as folder:
        write_report(collection.result, folder)
    collection.forget()
    if arguments.into_card:
        for path in arguments.model:
            card = replace(read_card(path), evidence=for_card(collection.result, Path(path).stem))
            set_card(path, card)
            print(f"the card of {path} holds its evidence")
    for note in collection.result.notes:
        print(f"note: {note}")
    say_where(output)


def say_where(output: Path) -> None:
    """Print what was written."""
    beside = sorted(p.name for p in output.iterdir() if p.suffix in (".csv", ".json"))
    print(f"the report is {output / 'report.html'}; beside it: {', '.join(beside)}")


def check_cards(arguments: argparse.Namespace) -> None:
    """Refuse at once what could not be written into cards at the end."""
    if not arguments.model or arguments.phantom:
        raise InputError("--into-card writes into the cards of --model files, from scans: give --model FILE.")
    for path in arguments.model:
        read_card(path)
        if not os.access(path, os.W_OK):
            raise OutputError(f"cannot write into '{path}': it is read-only; copy it and give the copy.")


def measure_modules(arguments: argparse.Namespace, methods: dict, output: Path) -> None:
    """Measure a phantom before and after the methods."""
    from ..evidence import Options, write_report
    from ..evidence.phantoms import find_modules, measure_phantom, phantom_name

    name = phantom_name(arguments.phantom)
    if len(arguments.full) != 1 or arguments.low or arguments.volume_of or not methods:
        raise InputError("--phantom takes one folder and at least one method, without --low and --volume-of.")
    volume = read_ct(arguments.full[0], None, arguments)
    modules = find_modules(arguments.full[0], name, volume, arguments.pylinac)
    evidence = measure_phantom(volume, modules, methods, Options(None, device=arguments.device), name)
    with replace_folder(output) as folder:
        write_report(evidence, folder)
    say_where(output)
