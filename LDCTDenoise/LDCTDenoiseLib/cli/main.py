"""The command `ldct-denoise`: parse, run, and turn every error a user can make into one line and exit code 2."""

import argparse
import os
import signal
import sys
import warnings

from .. import __version__
from ..errors import LDCTError, LDCTWarning
from . import compare, demo, denoise, models, simulate

EXIT_OK, EXIT_USER, EXIT_INTERRUPTED, EXIT_TERMINATED = 0, 2, 130, 143


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str):
        self.exit(EXIT_USER, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ldct-denoise", description="Denoise low-dose CT. Research use, not for diagnosis.")
    parser.add_argument("--version", action="version", version=f"ldct-denoise {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (demo, denoise, compare, simulate, models):
        command.add_parser(commands)
    return parser


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Show what the user must know as one line; a library's own warnings are for developers (python -W)."""
    if issubclass(category, LDCTWarning):
        print(f"ldct-denoise: warning: {message}", file=sys.stderr)


def _terminate(_number, _frame):
    raise SystemExit(EXIT_TERMINATED)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad usage or input, 130 on Ctrl-C, 143 when terminated."""
    parsed = _parser().parse_args(arguments)
    # So that a terminated run, like an interrupted one, unwinds and removes what it had begun to write.
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", LDCTWarning)
            if not sys.warnoptions:
                warnings.showwarning = _show_warning
            parsed.run(parsed)
            sys.stdout.flush()
        return EXIT_OK
    except LDCTError as error:
        print(f"ldct-denoise: error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USER
    except MemoryError:
        print("ldct-denoise: error: this machine has too little memory for that volume.", file=sys.stderr)
        return EXIT_USER
    except BrokenPipeError:
        # The reader of our output went away (| head); what it wanted it has. Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        print("ldct-denoise: interrupted, nothing half-written.", file=sys.stderr)
        return EXIT_INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
