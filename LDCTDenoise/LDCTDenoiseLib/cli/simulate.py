"""`ldct-denoise simulate FULL OUTPUT`: a full-dose volume as a scan at a lower dose would show it."""

import argparse

from ..simulation import LowDoseRun, ScanSettings
from ..volumes import write_volume
from .options import add_device_option, add_reading_options, add_series_option, check_output, read_ct, run_with_bar


def add_parser(commands) -> None:
    default = ScanSettings()
    parser = commands.add_parser(
        "simulate",
        description="Insert the noise of a lower dose into a full-dose CT volume, in its projections.",
    )  # fmt: skip
    parser.add_argument("full", metavar="FULL", help="NRRD, NIfTI or MHA file, or a DICOM folder, at full dose")
    parser.add_argument("output", metavar="OUTPUT", help="NRRD, NIfTI or MHA file to write")
    parser.add_argument(
        "--dose", type=float, default=default.dose, metavar="A",
        help=f"fraction of the scan's own dose, above 0 and at most 1 (default: {default.dose:g})",
    )  # fmt: skip
    parser.add_argument(
        "--photons", type=float, metavar="N",
        help="photons that central rays detect at full dose (default: those that give the scan its own noise)",
    )  # fmt: skip
    parser.add_argument(
        "--kernel-cutoff", type=float, metavar="F",
        help="cut-off of a Hann kernel, 0.9 smooth to 1.3 sharp (default: the kernel of the scan's own noise)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=default.seed, metavar="S",
        help=f"same seed, same noise (default: {default.seed})",
    )  # fmt: skip
    add_device_option(parser)
    add_series_option(parser)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    # What can be known to fail is found out before minutes of work, not after.
    check_output(arguments.output, arguments.full)
    settings = ScanSettings(arguments.dose, arguments.photons, arguments.kernel_cutoff, arguments.seed)
    volume = read_ct(arguments.full, arguments.series, arguments)
    simulation = LowDoseRun(volume, settings, device=arguments.device)
    run_with_bar(simulation, len(volume.array), f"dose {settings.dose:.0%}")
    write_volume(simulation.output, arguments.output)
    print(f"{settings.dose:.0%} dose: {len(volume.array)} slices of '{volume.name}' written to {arguments.output}")
