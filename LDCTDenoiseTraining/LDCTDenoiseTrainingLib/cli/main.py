"""The command `ldct-train`."""

from LDCTDenoiseLib import __version__
from LDCTDenoiseLib.cli.shell import Parser, run_command

from . import benchmark, cross_validate, estimate, patients, reproduce, sample, train, weights


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see `LDCTDenoiseLib.cli.shell.run_command`."""
    parser = Parser(
        prog="ldct-train", description="Train the networks of LDCTDenoise. Research use, not for diagnosis."
    )
    parser.add_argument("--version", action="version", version=f"ldct-train {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (sample, patients, estimate, train, cross_validate, reproduce, weights, benchmark):
        command.add_parser(commands)
    return run_command(parser, arguments, "go on with --resume")
