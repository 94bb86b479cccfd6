"""The command `ldct-denoise`."""

from .. import __version__
from . import batch, benchmark, compare, demo, denoise, evidence, inspect, models, simulate
from .shell import Parser, run_command


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see `shell.run_command`."""
    parser = Parser(prog="ldct-denoise", description="Denoise low-dose CT. Research use, not for diagnosis.")
    parser.add_argument("--version", action="version", version=f"ldct-denoise {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (demo, denoise, batch, compare, evidence, inspect, simulate, models, benchmark):
        command.add_parser(commands)
    return run_command(parser, arguments, "nothing half-written")
