"""`ldct-denoise denoise INPUT OUTPUT`: one volume in, one volume out."""

import argparse

from ..methods import METHODS, make_denoiser
from ..volumes import write_volume
from .options import add_device_option, add_offset_option, add_series_option, check_output, denoise_with_bar, read_ct


def add_parser(commands) -> None:
    parser = commands.add_parser("denoise", help="denoise a volume", description="Denoise a CT volume.")
    parser.add_argument("input", metavar="INPUT", help="NRRD, NIfTI or MHA file, or a DICOM folder")
    parser.add_argument("output", metavar="OUTPUT", help="NRRD, NIfTI or MHA file to write")
    parser.add_argument("--method", metavar="NAME", help=f"one of {', '.join(METHODS)} (default: DCSCN)")
    parser.add_argument("--model", metavar="FILE", help="a model file of your own")
    add_device_option(parser)
    parser.add_argument("--strength", type=float, default=1.0, metavar="S", help="0 (input) to 1 (default: 1)")
    parser.add_argument("--batch", type=int, metavar="N", help="slices at a time (default: 1 on the CPU, 16 on a GPU)")
    add_series_option(parser)
    add_offset_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    # What can be known to fail is found out before minutes of work, not after.
    check_output(arguments.output, arguments.input)
    method = arguments.method if arguments.method or arguments.model else "DCSCN"
    denoiser = make_denoiser(method, arguments.model)
    volume = read_ct(arguments.input, arguments.series, arguments.hu_offset)
    denoised = denoise_with_bar(
        volume, denoiser, device=arguments.device, strength=arguments.strength, batch=arguments.batch
    )
    write_volume(denoised, arguments.output)
    print(f"{denoiser.name}: {len(volume.array)} slices of '{volume.name}' written to {arguments.output}")
