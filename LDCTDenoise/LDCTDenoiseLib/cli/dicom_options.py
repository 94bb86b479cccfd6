"""Options of the commands that write DICOM series."""

import argparse

from ..derived import COMPRESSIONS, SeriesOptions
from ..hounsfield import Window


def add_derived_options(parser: argparse.ArgumentParser) -> None:
    """Add what the user may choose about a derived series."""
    default = SeriesOptions()
    group = parser.add_argument_group("DICOM output")
    group.add_argument(
        "--series-description",
        default=default.description,
        metavar="TEXT",
        help="series description; {description}, {method} and {strength} stand for the source's and the method's "
        f"(default: '{default.description}'); '(research)' is put behind it",
    )
    group.add_argument(
        "--series-number",
        default=default.number,
        metavar="N",
        help=f"series number, or +N to add to the source's (default: {default.number})",
    )
    group.add_argument(
        "--series-window",
        nargs=2,
        type=float,
        metavar=("LOWER", "UPPER"),
        help="display window in HU (default: those of the source)",
    )
    group.add_argument(
        "--compression",
        choices=COMPRESSIONS,
        default=default.compression,
        help="lossless compression of the pixels (default: none)",
    )
    group.add_argument(
        "--keep-private", action="store_true", help="keep the vendor's private elements (default: leave them out)"
    )


def derived_options(arguments: argparse.Namespace) -> SeriesOptions:
    """Return the options that were given; `InputError` when one makes no sense."""
    return SeriesOptions(
        description=arguments.series_description,
        number=arguments.series_number,
        window=Window(*arguments.series_window) if arguments.series_window else None,
        compression=arguments.compression,
        keep_private=arguments.keep_private,
    )
