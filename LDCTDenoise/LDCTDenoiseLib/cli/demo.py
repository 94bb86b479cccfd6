"""`ldct-denoise demo`: the whole job on a phantom that needs no download."""

import argparse
import time

from ..files import replace_folder
from ..hounsfield import PAPER
from ..methods import available_methods, make_denoiser
from ..metrics import ROI
from ..phantom import abdomen_phantom
from ..simulation import LowDoseRun, as_scanned, full_dose_run, low_dose_run
from ..volumes import Volume, write_volume
from .comparison_files import as_object, measure, write_figure, write_tables
from .options import add_device_option, add_json_option, denoise_with_bar, print_json, run_with_bar


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "demo",
        description="Make an abdomen phantom, scan it at full and quarter dose, denoise it with every method at hand.",
    )
    parser.add_argument("--output", default="demo", metavar="DIR", help="where to leave the results (default: demo)")
    parser.add_argument("--slices", type=int, default=6, metavar="N", help="slices of the phantom, 1 to 6 (default: 6)")
    parser.add_argument("--size", type=int, default=512, metavar="N", help="pixels across the phantom (default: 512)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the noise (default: 1)")
    add_device_option(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def _scan(phantom: Volume, seed: int, device: str) -> tuple[Volume, Volume]:
    """Scan the noise-free phantom at full and at a quarter of the dose; return both, as int16 HU."""

    def scan(run: LowDoseRun, label: str) -> Volume:
        run_with_bar(run, len(phantom.array), label)
        return as_scanned(run, label)

    full = scan(full_dose_run(phantom, seed, device), "full-dose scan")
    return full, scan(low_dose_run(full, seed, device), "quarter-dose scan")


def run(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    with replace_folder(arguments.output) as folder:
        phantom = abdomen_phantom(arguments.slices, arguments.size)
        roi = ROI.of(phantom.facts["roi"])
        full, low = _scan(phantom, arguments.seed, arguments.device)
        images = {"LDCT": low}
        for method in available_methods():
            images[method] = denoise_with_bar(low, make_denoiser(method), arguments.device)
        comparisons = measure(full, images, PAPER, roi)
        write_tables(folder, comparisons)
        write_figure(folder, full, comparisons, images, roi)
        for name, volume in {"FDCT": full, **images}.items():
            write_volume(volume, folder / f"{name}.nrrd")
        files = sorted(f.name for f in folder.iterdir())
    if arguments.json:
        print_json(as_object(comparisons))
        return
    print("\n".join(c.to_markdown() for c in comparisons))
    print(f"In {arguments.output}: {', '.join(files)} ({time.monotonic() - started:.0f} s)")
