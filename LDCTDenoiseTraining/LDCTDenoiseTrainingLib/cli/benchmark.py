"""`ldct-train benchmark`: patches a second, beside a plain loop."""

import argparse
import json
import tempfile
from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import METHOD, NETWORK_METHODS

from .options import add_run_options, patients_of, settings_of

#: What needs no critic.
_L1 = tuple(name for name in NETWORK_METHODS if not METHOD[name].adversarial)


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "benchmark",
        description="Measure trained patches a second, of the engine and of a plain loop: float32, NCHW, one worker, "
        "patches loaded from files.",
    )
    parser.add_argument("--method", default="DCSCN", metavar="NAME", help=f"one of {', '.join(_L1)} (default: DCSCN)")
    add_run_options(parser)
    parser.add_argument("--files", type=int, default=1024, metavar="N", help="patches as files (default: 1024)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    from ..data import cache_scans
    from ..experiments.throughput import engine_loop, plain_loop, source_of, write_patches
    from ..training import Training
    from ..training.resume import make_config

    config = make_config(arguments.method, arguments.output, {"steps": 20, **settings_of(arguments)}, False,
                         arguments.config)
    if config.adversarial:
        raise InputError("the benchmark measures the L1 methods; choose from " + ", ".join(_L1) + ".")
    training = Training(patients_of(arguments), config, arguments.output, cache=arguments.cache,
                        device=arguments.device)
    source = source_of(training, cache_scans(training.patients, training.cache, config.patch))
    with tempfile.TemporaryDirectory(dir=training.output) as folder:
        write_patches(source, Path(folder), max(arguments.files, config.batch))
        plain = plain_loop(Path(folder), config, training.device.name, config.total_steps)
    engine = engine_loop(training, source, config.total_steps)
    print(json.dumps({
        "method": config.method, "device": str(training.device), "batch": config.batch, "patch": config.patch,
        "steps": config.total_steps, "plain_patches_per_second": float(f"{plain:.4g}"),
        "engine_patches_per_second": float(f"{engine:.4g}"), "factor": float(f"{engine / plain:.4g}"),
    }))
