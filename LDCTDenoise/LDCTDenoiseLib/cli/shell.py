"""What every command line of the project has in common: one line for an error, warnings as lines, exit codes."""

import argparse
import os
import signal
import sys
import warnings
from dataclasses import dataclass
from importlib import import_module

from .. import __version__
from ..errors import LDCTError, LDCTWarning

EXIT_OK, EXIT_PARTLY, EXIT_USER, EXIT_INTERRUPTED = 0, 1, 2, 130

#: What ends a process from outside: `kill`, and a terminal that is closed (which `nohup` has ignored).
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str):
        self.exit(EXIT_USER, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


@dataclass(frozen=True)
class Program:
    """A command line of several commands. Only the module of the command that is asked for is imported."""

    name: str
    description: str
    package: str  #: Holds a module for each command.
    commands: dict[str, str]  #: What each is for, by name.
    interrupted: str  #: What Ctrl-C leaves behind, for the user.

    def parser(self, *wanted: str) -> Parser:
        """Return the parser; of commands that are not wanted it knows the names only."""
        parser = Parser(prog=self.name, description=self.description)
        parser.add_argument("--version", action="version", version=f"{self.name} {__version__}")
        parser.set_defaults(program=self)
        commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
        for name, words in self.commands.items():
            if name in wanted:
                import_module(f"{self.package}.{name.replace('-', '_')}").add_parser(commands)
            else:
                commands.add_parser(name, help=words)
        if "completion" in wanted:
            from . import completion

            completion.add_parser(commands)
        else:
            commands.add_parser("completion", help="complete commands and options in bash or zsh")
        return parser

    def run(self, arguments: list[str] | None = None) -> int:
        """Run one command and return its exit code, see `run_command`; None takes the arguments of the process."""
        arguments = sys.argv[1:] if arguments is None else list(arguments)
        return run_command(self.parser(*arguments[:1]), arguments, self.interrupted)


def _terminate(number, _frame):
    raise SystemExit(128 + number)


def run_command(parser: Parser, arguments: list[str] | None, interrupted: str) -> int:
    """Parse, run the chosen command, and return its exit code.

    Parameters
    ----------
    parser : Parser
        Its parsed arguments hold the command's function as `run`.
    arguments : list of str or None
        None takes those of the process.
    interrupted : str
        What Ctrl-C leaves behind, for the user.

    Returns
    -------
    int
        0, 2 for bad usage or input (an `LDCTError`, one line for each of its `problems`), 130 on Ctrl-C; when
        terminated, `SystemExit` with 143, or 129 after SIGHUP.
    """
    # File names need not be text in the terminal's encoding.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    parsed = parser.parse_args(arguments)

    def say(text: str) -> None:
        print(f"{parser.prog}: {' '.join(text.split())}", file=sys.stderr)

    def show_warning(message, category, filename, lineno, file=None, line=None) -> None:
        # A library's own warnings are for developers (python -W).
        if issubclass(category, LDCTWarning):
            say(f"warning: {message}")

    # So that a terminated run, like an interrupted one, unwinds and removes what it had begun to write.
    before = {n: signal.signal(n, _terminate) for n in _ENDING if signal.getsignal(n) is not signal.SIG_IGN}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", LDCTWarning)
            if not sys.warnoptions:
                warnings.showwarning = show_warning
            parsed.run(parsed)
            sys.stdout.flush()
        return EXIT_OK
    except LDCTError as error:
        for problem in getattr(error, "problems", [error]):
            say(f"error: {problem}")
        return EXIT_USER
    except MemoryError:
        say("error: this machine has too little memory for that; use a smaller volume or batch.")
        return EXIT_USER
    except BrokenPipeError:
        # The reader of our output went away (| head); what it wanted it has. Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        # A full disk, a share that went: of whatever file, it is no fault of the program's.
        place = f" '{error.filename}'" if error.filename else ""
        say(f"error: cannot read or write{place}: {error.strerror or error}.")
        return EXIT_USER
    except KeyboardInterrupt:
        say(f"interrupted, {interrupted}.")
        return EXIT_INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
