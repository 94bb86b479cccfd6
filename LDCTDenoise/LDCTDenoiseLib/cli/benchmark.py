"""`ldct-denoise benchmark`: how fast the engine is here, beside others."""

import argparse
import json

from ..errors import InputError
from ..files import replace_folder
from ..methods import NETWORK_METHODS
from .bars import fraction_bar
from .options import add_device_option


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "benchmark",
        description="Measure the engine on this machine; it takes up to five minutes with --compare (see --minutes) "
        "and never fails on a time.",
    )
    parser.add_argument(
        "--method", default="DCSCN", metavar="NAME", help=f"one of {', '.join(NETWORK_METHODS)} (default: DCSCN)"
    )
    add_device_option(parser)
    parser.add_argument(
        "--compare", nargs="*", metavar="NAME",
        help="beside torch, ONNX Runtime and OpenVINO (where installed), RED-CNN, a WGAN-VGG-sized network, NLM, a "
        "bilateral filter and TV; or beside those that are named, see docs/speed.md",
    )
    parser.add_argument(
        "--minutes", type=float, default=5.0, metavar="M",
        help="what it may take; of --compare what does not fit is left out and named (default: 5)",
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="interleaved rounds (default: 5)")
    parser.add_argument("--slices", type=int, default=20, metavar="N", help="slices of the volume (default: 20)")
    parser.add_argument("--size", type=int, default=512, metavar="N", help="rows and columns (default: 512)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output instead of the table")
    parser.add_argument("--output", metavar="DIR", help="folder for table, plot and JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    for name, least in (("repeats", 1), ("slices", 1), ("size", 32)):
        if getattr(arguments, name) < least:
            raise InputError(f"--{name} must be at least {least}, not {getattr(arguments, name)}.")
    if not arguments.minutes > 0:
        raise InputError(f"--minutes must be above 0, not {arguments.minutes:g}.")
    # Imported here: it imports torch.
    from ..benchmark import available_contenders, chosen_contenders, run_benchmark, to_markdown, write_report
    from ..engine import choose_device
    from ..methods import method_name

    method = method_name(arguments.method)
    if method not in NETWORK_METHODS:
        raise InputError(f"'{method}' has no network to benchmark; choose from {', '.join(NETWORK_METHODS)}.")
    names = available_contenders() if arguments.compare == [] else chosen_contenders(arguments.compare or ())
    device = choose_device(arguments.device)
    with fraction_bar("benchmark") as show:
        result = run_benchmark(
            method, device, contenders=names, repeats=arguments.repeats,
            minutes=arguments.minutes, slices=arguments.slices, size=arguments.size, progress=show,
        )  # fmt: skip
    if arguments.output:
        with replace_folder(arguments.output) as folder:
            write_report(result, folder)
    print(json.dumps(result) if arguments.json else to_markdown(result), end="\n" if arguments.json else "")
