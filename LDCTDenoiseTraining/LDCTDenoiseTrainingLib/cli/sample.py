"""`ldct-train sample FOLDER`: three small phantom patients to try a training on."""

import argparse
from pathlib import Path

from LDCTDenoiseLib.cli.bars import progress_bar
from LDCTDenoiseLib.cli.options import add_device_option
from LDCTDenoiseLib.files import check_folder


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "sample",
        description="Scan three small phantom patients, drawn and not scanned, and write them with their patient set: "
        "two minutes of training on them show the gain.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a folder that is empty or not there yet")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..patients.sample import SLICES, scan_sample, write_sample

    check_folder(arguments.folder)
    with progress_bar(SLICES, "scanning phantoms") as bar:
        scans = scan_sample(lambda progress: bar.update(progress[0] - bar.n), arguments.device)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    place = write_sample(arguments.folder, scans)
    print(f"{len(scans)} patients written to {place}. To train on them for two minutes:")
    print(f"ldct-train train --patients {place} --output {arguments.folder / 'run'} --recipe two-minutes")
