"""The command `ldct-denoise`."""

from .shell import Program

PROGRAM = Program(
    "ldct-denoise", "Denoise low-dose CT. Research use, not for diagnosis.", __package__,
    {
        "demo": "phantom, quarter dose, all methods, figure and table",
        "denoise": "denoise a volume",
        "batch": "denoise every CT series of an archive",
        "compare": "compare methods against the full dose",
        "evidence": "lesions, resolution, noise and HU on your own scans",
        "inspect": "measure a scan's own noise, kernel and geometry",
        "simulate": "lower the dose of a full-dose volume",
        "models": "list, show or add models",
        "benchmark": "measure the speed",
    },
    "nothing half-written",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, see `shell.run_command`."""
    return PROGRAM.run(arguments)
