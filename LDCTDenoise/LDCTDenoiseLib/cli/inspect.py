"""`ldct-denoise inspect INPUT`: what a scan is, and what is unusual about it."""

import argparse
import json

from ..scan import measure_scan, outside
from .options import add_reading_options, add_series_option, read_ct


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "inspect", help="measure a scan's own noise, kernel and geometry",
        description="Measure a scan: its own noise and how fine it is, pixels, planes, padding, and what is unusual.",
    )  # fmt: skip
    parser.add_argument("input", metavar="INPUT", help="NRRD, NIfTI or MHA file, or a DICOM folder")
    parser.add_argument("--json", action="store_true", help="everything as JSON, the noise power spectrum included")
    add_series_option(parser)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    volume = read_ct(arguments.input, arguments.series, arguments)
    facts = measure_scan(volume)
    unusual = outside(facts)
    if arguments.json:
        print(json.dumps({"name": volume.name, **facts.to_dict(), "unusual": unusual}, ensure_ascii=False, indent=2))
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
