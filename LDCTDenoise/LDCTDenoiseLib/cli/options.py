"""Options and steps that several commands share."""

import argparse
import json
import os

from ..derived import COMPRESSIONS, SeriesOptions
from ..engine import DenoiseRun
from ..errors import OutputError
from ..hounsfield import PAPER, Window
from ..methods import METHODS
from ..methods.denoiser import Denoiser
from ..volumes import Volume, check_ct, check_writable, read_volume
from .bars import progress_bar

DEFAULT_METHOD = "DCSCN"


def add_device_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:N or mps (default: auto)")


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """Add what a run of one method is made of; `method_of` says which method."""
    parser.add_argument("--method", metavar="NAME", help=f"one of {', '.join(METHODS)} (default: {DEFAULT_METHOD})")
    parser.add_argument("--model", metavar="FILE", help="a model file of your own")
    add_device_option(parser)
    control = parser.add_mutually_exclusive_group()
    control.add_argument("--strength", type=float, default=1.0, metavar="S", help="0 (input) to 1 (default: 1)")
    control.add_argument(
        "--leave-noise", metavar="HU|%",
        help="instead of a strength, the noise to leave in flat soft tissue: 12 (HU), or 50%% of the scan's own",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, metavar="N", help="slices at a time (default: 1 on the CPU, 16 on a GPU)")


def method_of(arguments: argparse.Namespace) -> str | None:
    """Return the method that was asked for; None leaves it to the model file that was given."""
    return arguments.method or (None if arguments.model else DEFAULT_METHOD)


def add_window_option(parser, what: str) -> None:
    parser.add_argument(
        "--window", nargs=2, type=float, default=[PAPER.lower, PAPER.upper], metavar=("LOWER", "UPPER"),
        help=f"HU window of {what} (default: {PAPER.lower:g} {PAPER.upper:g})",
    )  # fmt: skip


def add_series_option(parser: argparse.ArgumentParser, name: str = "--series") -> None:
    parser.add_argument(name, metavar="UID", help="the series to read from a DICOM folder that holds several")


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hu-offset", type=float, metavar="HU",
        help="add this to every voxel, such as -1024 for files that store HU + 1024; 0 says that they are HU",
    )  # fmt: skip
    parser.add_argument(
        "--data-elsewhere", action="store_true", help="follow a header that names its data in another folder",
    )  # fmt: skip


def add_json_option(parser: argparse.ArgumentParser, what: str = "the table") -> None:
    parser.add_argument("--json", action="store_true", help=f"{what} as one JSON object, and nothing else")


def print_json(content) -> None:
    """Print an object as the only thing on standard output."""
    print(json.dumps(content, indent=2, ensure_ascii=False))


def add_derived_options(parser: argparse.ArgumentParser) -> None:
    """Add what the user may choose about a derived DICOM series."""
    default = SeriesOptions()
    group = parser.add_argument_group("DICOM output")
    group.add_argument(
        "--series-description", default=default.description, metavar="TEXT",
        help="series description; {description}, {method} and {strength} stand for the source's and the method's "
        f"(default: '{default.description}'); '(research)' is put behind it",
    )  # fmt: skip
    group.add_argument(
        "--series-number", default=default.number, metavar="N",
        help=f"series number, or +N to add to the source's (default: {default.number})",
    )  # fmt: skip
    group.add_argument(
        "--series-window", nargs=2, type=float, metavar=("LOWER", "UPPER"),
        help="display window in HU (default: those of the source)",
    )  # fmt: skip
    group.add_argument(
        "--compression", choices=COMPRESSIONS, default=default.compression,
        help="lossless compression of the pixels (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--keep-private", action="store_true", help="keep the vendor's private elements (default: leave them out)"
    )


def derived_options(arguments: argparse.Namespace) -> SeriesOptions:
    """Return the options that were given; `InputError` when one makes no sense."""
    window = Window(*arguments.series_window) if arguments.series_window else None
    return SeriesOptions(
        arguments.series_description, arguments.series_number, window, arguments.compression, arguments.keep_private
    )


def check_output(output: str, source: str) -> None:
    """Raise `OutputError` when a volume cannot be written to `output`, or that is the volume it is made from."""
    check_writable(output)
    if os.path.exists(output) and os.path.exists(source) and os.path.samefile(output, source):
        raise OutputError(f"'{output}' is the input itself; give another name, so that the original is kept.")


def read_ct(path: str, series_uid: str | None, arguments: argparse.Namespace) -> Volume:
    """Read a CT volume by the options of `add_reading_options` and refuse what is none."""
    return check_ct(read_volume(path, series_uid, arguments.data_elsewhere), arguments.hu_offset)


def run_with_bar(run, slices: int, description: str, device: str = "") -> None:
    """Do a run that yields `Progress`, with a bar that shows the device; `device` is shown before the first step."""
    with progress_bar(slices, description) as bar:
        bar.set_postfix_str(device)
        for progress in run:
            bar.update(progress.done - bar.n)
            bar.set_postfix_str(str(progress.device))


def denoise_with_bar(volume: Volume, denoiser: Denoiser, device: str) -> Volume:
    """Denoise a volume with a progress bar that names the method and the device."""
    run = DenoiseRun(volume, denoiser, device)
    run_with_bar(run, len(volume.array), denoiser.name, str(run.device))
    return volume.with_array(run.output, denoiser.name)
