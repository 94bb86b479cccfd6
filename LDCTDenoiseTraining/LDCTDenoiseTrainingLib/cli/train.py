"""`ldct-train train`: one method, one run."""

import argparse
from contextlib import nullcontext

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods import NETWORK_METHODS

from ..recipes import other_recipes, recipe_of, recipes
from . import cross_validate
from .options import add_run_options, patients_of, settings_of


def add_parser(commands) -> None:
    parser = commands.add_parser("train", description="Train one method on a patient set.")
    parser.add_argument("--method", metavar="NAME", help=f"one of {', '.join(NETWORK_METHODS)}")
    parser.add_argument("--recipe", metavar="NAME",
                        help=f"as the weights that ship were trained: {', '.join(recipes())}; or a short one: "
                        f"{', '.join(other_recipes())}")
    add_run_options(parser)
    parser.add_argument("--validation", metavar="WHO", help="patients, separated by commas; or leave-one-out")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    import torch

    from ..training import Training
    from ..training.processes import join_processes
    from ..training.resume import make_config
    from ..training.stopping import STOP_FILE, immediate_stop

    if arguments.recipe:
        if arguments.config or arguments.method:
            raise InputError("a recipe names its method and is a config; leave --method and --config out.")
        arguments.config = recipe_of(arguments.recipe)
    if arguments.validation == "leave-one-out":
        cross_validate.run(arguments)
        return
    cuda = arguments.device in ("auto", "cuda") and torch.cuda.is_available()
    processes = join_processes(cuda)
    if cuda:
        torch.cuda.set_device(processes.local_rank % torch.cuda.device_count())
    try:
        alone = processes.size == 1
        with run_lock(arguments.output, processes), \
                immediate_stop(arguments.output / STOP_FILE) if alone else nullcontext():
            config = make_config(
                arguments.method, arguments.output, settings_of(arguments), arguments.resume, arguments.config
            )
            training = Training(
                patients_of(arguments), config, arguments.output, cache=arguments.cache, device=arguments.device,
                resume=arguments.resume, json_lines=arguments.json, processes=processes,
            )
            model = training.run()
    finally:
        processes.leave()
    if processes.first and not arguments.json:
        print(f"{config.method}: the best state is in {model}")


def run_lock(folder, processes):
    """Keep two trainings out of one folder. The lock falls with its process, however that ends."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / (".lock" if processes.first else f".lock{processes.rank}"))
    try:
        return lock.acquire(blocking=False)
    except Timeout as error:
        raise InputError(f"another process is training in '{folder}'; wait for it, or give another folder.") from error
