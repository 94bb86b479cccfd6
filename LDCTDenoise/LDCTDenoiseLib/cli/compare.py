"""`ldct-denoise compare`: several methods on one pair, as figure, CSV, Markdown and JSON."""

import argparse

from ..files import replace_folder
from ..hounsfield import Window
from ..methods import METHODS, available_methods, make_denoisers
from ..metrics import ROI
from ..volumes import require_same_grid
from .comparison_files import as_object, measure, write_figure, write_tables
from .options import (
    add_device_option,
    add_json_option,
    add_reading_options,
    add_series_option,
    add_window_option,
    denoise_with_bar,
    print_json,
    read_ct,
)


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "compare",
        description="Denoise a low-dose volume with several methods and measure each against the full dose.",
    )
    parser.add_argument("--low", required=True, metavar="INPUT", help="the low-dose volume (file or DICOM folder)")
    parser.add_argument("--full", required=True, metavar="INPUT", help="the full-dose volume on the same grid")
    parser.add_argument(
        "--method", nargs="+", action="extend", metavar="NAME",
        help=f"methods to compare, of {', '.join(METHODS)} (default: all that can run)",
    )
    parser.add_argument("--model", nargs="+", action="extend", default=[], metavar="FILE", help="models of your own")
    parser.add_argument("--roi", metavar="I0,I1,J0,J1,K", help="columns, rows (upper bounds exclusive) and slice")
    add_window_option(parser, "figure and metrics")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for figure and tables")
    add_device_option(parser)
    add_series_option(parser, "--low-series")
    add_series_option(parser, "--full-series")
    add_reading_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    window = Window(*arguments.window)
    roi = ROI.of(arguments.roi)
    methods = arguments.method
    if methods is None:
        methods = [] if arguments.model else available_methods()
    denoisers = make_denoisers(methods, arguments.model)
    with replace_folder(arguments.output) as folder:
        low = read_ct(arguments.low, arguments.low_series, arguments)
        full = read_ct(arguments.full, arguments.full_series, arguments)
        require_same_grid(full, low)
        if roi:
            roi.check(full.array.shape)
        images = {"LDCT": low}
        for label, denoiser in denoisers.items():
            images[label] = denoise_with_bar(low, denoiser, arguments.device)
        comparisons = measure(full, images, window, roi)
        write_tables(folder, comparisons)
        write_figure(folder, full, comparisons, images, roi)
    if arguments.json:
        print_json(as_object(comparisons))
        return
    print("\n".join(c.to_markdown() for c in comparisons))
    print(f"comparison.png, table.csv, table.md and table.json are in {arguments.output}")
