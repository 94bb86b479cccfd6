"""`ldct-train patients FOLDER`: a patient set of what a folder holds, or the check of one."""

import argparse
from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.requirements import require

from ..patients import ROLES, find_patients, read_patient_set, write_patient_set
from ..patients.check import check_patients


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "patients", help="write or check a patient set",
        description="Write a patient set of what a folder holds, or check one, and name every problem.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a folder of images, or a patient set to check")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON or CSV (default: patients.json in FOLDER)")
    parser.add_argument("--no-check", action="store_true", help="do not read the images")
    parser.add_argument("--patch", type=int, default=80, metavar="N", help="side of the patches (default: 80)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if arguments.folder.is_file():
        patients = read_patient_set(arguments.folder)
        if arguments.output:
            raise InputError("a patient set that exists is only checked; leave --output out.")
    else:
        patients, notes, decisions = find_patients(arguments.folder)
        output = arguments.output or arguments.folder / "patients.json"
        write_patient_set(patients, output)
        for line in decisions:
            print(line)
        for note in notes:
            print(f"note: {note}")
        print(f"{len(patients.scans)} scans written to {output}")
    for role in ROLES:
        if names := patients.patients(role):
            print(f"{role}: {len(names)} patients: {', '.join(names)}")
    if not arguments.no_check:
        with require("tqdm").tqdm(total=len(patients.with_role(*ROLES[:-1])), desc="checking", unit="scan") as bar:
            check_patients(patients, arguments.patch, lambda _scan: bar.update())
        print("no problems found")
