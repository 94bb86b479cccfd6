"""`ldct-denoise inspect INPUT`: what a scan is, and what is unusual about it."""

import argparse

from ..scan import measure_scan, outside
from .options import add_json_option, add_reading_options, add_series_option, print_json, read_ct


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "inspect",
        description="Measure a scan: its own noise and how fine it is, pixels, planes, padding, and what is unusual.",
    )  # fmt: skip
    parser.add_argument("input", metavar="INPUT", help="NRRD, NIfTI or MHA file, or a DICOM folder")
    add_json_option(parser, "everything, the noise power spectrum included,")
    add_series_option(parser)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    volume = read_ct(arguments.input, arguments.series, arguments)
    facts = measure_scan(volume)
    unusual = outside(facts)
    if arguments.json:
        print_json({"name": volume.name, **facts.to_dict(), "unusual": unusual})
        return
    print(f"{volume.name}: {facts.words}")
    if facts.noise:
        noise = facts.noise
        print(f"  noise           {noise.sd:.2f} HU in flat soft tissue ({noise.windows} windows of 15×15 pixels)")
        print(f"  mean frequency  {noise.mean_frequency:.3f} / mm")
        print(f"  between slices  correlation {noise.slice_correlation:.2f}")
    else:
        print("  noise           not measurable: too little flat soft tissue")
    rows, columns = volume.array.shape[1:]
    print(f"  pixels          {columns}×{rows} of {facts.pixel_spacing[0]:.3f}×{facts.pixel_spacing[1]:.3f} mm")
    print(f"  slices          {facts.slices}, {facts.slice_spacing:g} mm apart, {facts.orientation}")
    print(f"  padding         {facts.padding:.1%}")
    for phrase in unusual:
        print(f"  unusual: {phrase}")
