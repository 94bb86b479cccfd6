"""The command `ldct-train`."""

from LDCTDenoiseLib.cli.shell import Program

PROGRAM = Program(
    "ldct-train", "Train the networks of LDCTDenoise. Research use, not for diagnosis.", __package__,
    {
        "sample": "write phantom patients to try a training on",
        "patients": "write or check a patient set",
        "estimate": "measure how long a training will take",
        "train": "train a method",
        "cross-validate": "leave one patient out, each in turn",
        "reproduce": "the paper's table on a patient set",
        "weights": "all methods that ship, each by its recipe",
        "benchmark": "measure the throughput",
    },
    "go on with --resume",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see `LDCTDenoiseLib.cli.shell.run_command`."""
    return PROGRAM.run(arguments)
