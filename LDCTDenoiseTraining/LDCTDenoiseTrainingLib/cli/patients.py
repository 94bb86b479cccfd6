"""`ldct-train patients FOLDER`: a patient set of what a folder holds, or the check of one."""

import argparse
from pathlib import Path

from LDCTDenoiseLib.cli.bars import progress_bar
from LDCTDenoiseLib.cli.options import add_json_option, print_json
from LDCTDenoiseLib.errors import InputError

from ..patients import ROLES, find_patients, read_patient_set, write_patient_set
from ..patients.check import check_patients


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "patients",
        description="Write a patient set of what a folder holds, or check one, and name every problem.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a folder of images, or a patient set to check")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON or CSV (default: patients.json in FOLDER)")
    parser.add_argument("--no-check", action="store_true", help="do not read the images")
    add_json_option(parser, "the patients and what they were taken for")
    parser.add_argument("--patch", type=int, default=80, metavar="N", help="side of the patches (default: 80)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    notes, decisions = [], []
    output = arguments.folder
    if arguments.folder.is_file():
        patients = read_patient_set(arguments.folder)
        if arguments.output:
            raise InputError("a patient set that exists is only checked; leave --output out.")
    else:
        patients, notes, decisions = find_patients(arguments.folder)
        output = arguments.output or arguments.folder / "patients.json"
        write_patient_set(patients, output)
    if not arguments.json:
        for line in decisions:
            print(line)
        for note in notes:
            print(f"note: {note}")
        if output != arguments.folder:
            print(f"{len(patients.scans)} scans written to {output}")
        for role in ROLES:
            if names := patients.patients(role):
                print(f"{role}: {len(names)} patients: {', '.join(names)}")
    if not arguments.no_check:
        with progress_bar(len(patients.with_role(*ROLES[:-1])), "checking", "scan") as bar:
            check_patients(patients, arguments.patch, lambda _scan: bar.update())
    if arguments.json:
        print_json({
            "file": str(output), "scans": len(patients.scans), "checked": not arguments.no_check,
            "patients": {role: list(patients.patients(role)) for role in ROLES}, "taken_for": decisions, "notes": notes,
        })  # fmt: skip
    elif not arguments.no_check:
        print("no problems found")
