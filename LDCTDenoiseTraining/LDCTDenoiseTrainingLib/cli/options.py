"""Options that several commands share."""

import argparse
from pathlib import Path

from LDCTDenoiseLib.cli.options import add_device_option
from LDCTDenoiseLib.errors import InputError

from ..experiments.methods import split_settings
from ..patients import PatientSet, choose_validation, find_patients, read_patient_set


def add_run_options(parser: argparse.ArgumentParser, config: bool = True) -> None:
    parser.add_argument("--patients", required=True, metavar="FILE",
                        help="the patient set, JSON or CSV, or a folder of images")
    parser.add_argument("--output", required=True, metavar="DIR", type=Path, help="the folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint, if there is one")
    add_training_options(parser, config)
    parser.add_argument("--cache", metavar="DIR", type=Path, help="cached volumes and noise, which runs may share")
    parser.add_argument("--json", action="store_true", help="progress as one JSON object a line instead of a bar")


def add_training_options(parser: argparse.ArgumentParser, config: bool = True) -> None:
    """Add the settings of a training, and where it runs."""
    if config:
        parser.add_argument("--config", metavar="FILE",
                            help="settings as JSON, such as the config.json of another run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    parser.add_argument("--steps", type=int, metavar="N", help="generator steps (default: 10 epochs of the paper's)")
    add_device_option(parser)


def settings_of(arguments: argparse.Namespace) -> dict:
    """Return the settings given on the command line."""
    settings = {}
    for text in arguments.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set takes KEY=VALUE, not '{text}'.")
        settings[key.strip()] = value.strip()
    if arguments.steps is not None:
        settings["steps"] = arguments.steps
    return settings


def experiment_of(kind: type, arguments: argparse.Namespace, **options):
    """Return an `Experiment` of a kind with the options of `add_run_options`."""
    common, single = split_settings(settings_of(arguments))
    return kind(
        patients_of(arguments), arguments.output, common, single, getattr(arguments, "config", None), arguments.cache,
        arguments.device, arguments.json, **options,
    )  # fmt: skip


def patients_of(arguments: argparse.Namespace) -> PatientSet:
    """Read the patient set, with the validation patients that the command line names."""
    path = Path(arguments.patients)
    patients = find_patients(path).patients if path.is_dir() else read_patient_set(path)
    names = getattr(arguments, "validation", None)
    if not names or names == "leave-one-out":
        return patients
    return choose_validation(patients, [name.strip() for name in names.split(",")])
