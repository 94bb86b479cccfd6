"""`ldct-denoise batch INPUT_ROOT OUTPUT_ROOT`: every CT series of an archive, each once."""

import argparse
import os
import sys
import time
from collections import Counter

from ..archive import (
    BatchOptions,
    BatchRun,
    Ledger,
    Processes,
    Settings,
    Task,
    check_roots,
    find_archive,
    make_plan,
    make_report,
)
from ..archive.plan import DENOISE, DONE_BEFORE, FAIL, MEASURE, SEND
from ..errors import InputError
from ..hounsfield import Window
from ..methods import make_denoiser
from .options import (
    add_derived_options,
    add_json_option,
    add_method_options,
    add_window_option,
    derived_options,
    method_of,
    print_json,
    progress_bar,
)
from .send_options import add_send_options, make_sender
from .shell import EXIT_PARTLY

#: Redrawing the bar for every slice would take longer than some slices.
_SECONDS_BETWEEN = 0.2


def add_parser(commands) -> None:
    parser = commands.add_parser(
        "batch",
        description="Denoise every CT series below a folder: DICOM series as derived DICOM series, volume files in "
        "their format. The same command goes on where an earlier one ended, and several processes may share the work "
        f"(torchrun). Exit code {EXIT_PARTLY} when some series failed.",
    )  # fmt: skip
    parser.add_argument("input", metavar="INPUT_ROOT", help="the archive; nothing is ever written there")
    parser.add_argument("output", metavar="OUTPUT_ROOT", help="folder for the results, in the order of the archive")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    add_method_options(parser)
    group = parser.add_argument_group("metrics")
    group.add_argument(
        "--full-dose", metavar="ROOT", help="measure against the full-dose series found here (may be INPUT_ROOT)"
    )
    group.add_argument("--metrics-only", action="store_true", help="write no volumes, only the report with metrics")
    add_window_option(group, "the metrics")
    add_derived_options(parser)
    add_send_options(parser)
    add_json_option(parser, "the report, or what would be done,")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if arguments.metrics_only and not arguments.full_dose:
        raise InputError("--metrics-only needs --full-dose ROOT to measure against.")
    if arguments.metrics_only and arguments.send:
        raise InputError("--metrics-only writes nothing that --send could send; leave one out.")
    check_roots(arguments.input, arguments.output, arguments.full_dose)
    processes = Processes.of_environment()
    settings = Settings(
        make_denoiser(method_of(arguments), arguments.model), processes.device(arguments.device), arguments.strength,
        arguments.batch, Window(*arguments.window), derived_options(arguments), arguments.leave_noise,
    )  # fmt: skip
    settings.check()
    options = BatchOptions(not arguments.metrics_only, bool(arguments.full_dose), arguments.send or "")
    ledger = Ledger(arguments.output)
    if arguments.dry_run:
        ledger.require_settings(settings.facts(options))
        tasks, others = _plan(arguments, ledger, options)
        if arguments.json:
            print_json({"series": [_as_object(task) for task in tasks], "others": others})
        else:
            _show(tasks, others)
        return
    sender = make_sender(arguments)
    ledger.begin(settings.facts(options))
    ledger.clean()
    tasks, _ = _plan(arguments, ledger, options)
    batch = BatchRun(tasks, ledger, settings, options, processes, sender)
    try:
        _work(batch, processes)
    finally:
        report = make_report(tasks, ledger, options, batch.records)
        report.write(ledger)
    if arguments.json:
        print_json({"method": settings.denoiser.name, "summary": report.summary(), "series": report.rows})
    else:
        print(f"{settings.denoiser.name}: {report.summary()}; report in {os.path.join(arguments.output, 'report.csv')}")
    if not report.all_well:
        raise SystemExit(EXIT_PARTLY)


def _plan(arguments: argparse.Namespace, ledger: Ledger, options: BatchOptions) -> tuple[list[Task], int]:
    """Look through the archive and return what is to be done, and how many files are none of ours."""
    with progress_bar(None, "looking through", "file") as bar:
        found = find_archive(arguments.input, lambda files: bar.update(files - bar.n))
        full = found.series
        if arguments.full_dose and os.path.realpath(arguments.full_dose) != os.path.realpath(arguments.input):
            before = bar.n
            full = find_archive(arguments.full_dose, lambda files: bar.update(before + files - bar.n)).series
    if not arguments.full_dose:
        return make_plan(found.series, ledger, options), found.others
    inside = os.path.realpath(arguments.input).startswith(os.path.join(os.path.realpath(arguments.full_dose), ""))
    only_named = inside or full is found.series
    return make_plan(found.series, ledger, options, full, only_named), found.others


def _as_object(task: Task) -> dict:
    """Return what would be done with one series, in the columns of `_show`."""
    return {
        "action": task.action, "slices": task.series.slices or None, "source": task.series.place.as_posix(),
        "series_uid": task.series.uid, "output": str(task.output) if task.output and task.action != FAIL else None,
        "partner": task.partner.place.as_posix() if task.partner else None, "reason": task.reason or None,
    }  # fmt: skip


def _show(tasks: list[Task], others: int) -> None:
    """Print what would be done."""
    print(f"{'what':<9}{'slices':>6}  series")
    for task in tasks:
        series = task.series
        partner = f", measured against {task.partner.place.as_posix()}" if task.partner else ""
        told = f" -> {task.output}" if task.output and task.action != FAIL else ""
        reason = f" ({task.reason})" if task.reason else ""
        name = f"{series.place.as_posix()} {series.uid}"
        line = f"{task.action:<9}{series.slices or '':>6}  {name}{told}{partner}{reason}"
        print("".join(c if c.isprintable() else "?" for c in line).rstrip())
    counts = Counter(task.action for task in tasks)
    told = ", ".join(f"{count} to {action}" for action, count in counts.items())
    print(f"{len(tasks)} series: {told or 'nothing to do'}; {others} other files. Nothing was written.")


def _work(batch: BatchRun, processes: Processes) -> None:
    """Do the plan with a bar over the series; each that fails is a line at once."""
    todo = [task for task in batch.tasks if task.action in (DENOISE, MEASURE)]
    kept = sum(task.reason == DONE_BEFORE or task.action == SEND for task in batch.tasks)
    label = f"series, rank {processes.rank}" if processes.size > 1 else "series"
    with progress_bar(len(todo) + kept, label, "") as bar:
        bar.update(kept)
        shown = 0.0
        for step in batch:
            if step.progress:
                if time.monotonic() - shown > _SECONDS_BETWEEN:
                    bar.set_postfix_str(f"{step.progress.device}, slice {step.progress.done} of {step.progress.of}")
                    shown = time.monotonic()
                continue
            if not step.sent:
                bar.update()
            trouble = step.record.send_error if step.sent else step.record.error
            if trouble:
                name = step.task.series.place.as_posix()
                bar.write(f"ldct-denoise: '{name}': {trouble}", file=sys.stderr)
