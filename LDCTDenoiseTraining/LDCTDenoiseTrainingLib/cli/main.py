"""The command `ldct-train`: parse, run, and turn every error a user can make into a line and exit code 2."""

import argparse
import signal
import sys
import warnings

from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.errors import LDCTError, LDCTWarning

from ..patients.check import PatientSetError
from . import benchmark, cross_validate, patients, reproduce, train

EXIT_OK, EXIT_USER, EXIT_INTERRUPTED, EXIT_TERMINATED = 0, 2, 130, 143


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str):
        self.exit(EXIT_USER, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ldct-train", description="Train the networks of LDCTDenoise. Research use, not for diagnosis."
    )
    parser.add_argument("--version", action="version", version=f"ldct-train {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (patients, train, cross_validate, reproduce, benchmark):
        command.add_parser(commands)
    return parser


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Show what the user must know as one line; a library's own warnings are for developers (python -W)."""
    if issubclass(category, LDCTWarning):
        print(f"ldct-train: warning: {message}", file=sys.stderr)


def _terminate(_number, _frame):
    raise SystemExit(EXIT_TERMINATED)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad usage or input, 130 on Ctrl-C, 143 when terminated."""
    parsed = _parser().parse_args(arguments)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", LDCTWarning)
            if not sys.warnoptions:
                warnings.showwarning = _show_warning
            parsed.run(parsed)
            sys.stdout.flush()
        return EXIT_OK
    except PatientSetError as error:
        for problem in error.problems:
            print(f"ldct-train: error: {problem}", file=sys.stderr)
        return EXIT_USER
    except LDCTError as error:
        print(f"ldct-train: error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USER
    except MemoryError:
        print("ldct-train: error: this machine has too little memory; use a smaller batch.", file=sys.stderr)
        return EXIT_USER
    except KeyboardInterrupt:
        print("ldct-train: interrupted; go on with --resume.", file=sys.stderr)
        return EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
