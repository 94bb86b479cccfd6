"""What is to be done with each series of an archive, and why not."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..errors import InputError, OutputError
from ..volumes.suffixes import WRITABLE, known_suffix
from .ledger import Ledger
from .pairing import describe, find_partners, full_dose_images
from .series import Series

DENOISE, MEASURE, SEND, SKIP, FAIL = "denoise", "measure", "send", "skip", "fail"

#: The reason to skip what an earlier run has done.
DONE_BEFORE = "done before"

#: Formats of two files become the one-file format of the same kind.
_ONE_FILE = {".nhdr": ".nrrd", ".mhd": ".mha"}


@dataclass(frozen=True)
class Task:
    """One series and what is to become of it."""

    series: Series
    #: "denoise", "measure" (metrics only), "send" (denoised before), "skip" or "fail" (nothing can be done).
    action: str
    reason: str = ""  #: Why it is skipped or fails, or what has to be known.
    output: str = ""  #: Relative to the output folder; empty when nothing is written.
    partner: Series | None = None  #: The full-dose series to measure against.
    #: How often it was tried to do and to send it before this batch began.
    attempts: int = 0
    sendings: int = 0


@dataclass(frozen=True)
class BatchOptions:
    """What the user asked for."""

    #: What to write; metrics need a full-dose partner.
    volumes: bool = True
    metrics: bool = False
    server: str = ""  #: Where to send to; empty for nowhere.


def check_roots(archive: str | Path, output: str | Path, full_dose: str | Path | None = None) -> None:
    """Raise an error when results would come to lie among what they are made from, or there is nothing to make them of.

    Raises
    ------
    InputError
        If there is no such archive.
    OutputError
        If one of the folders lies inside the other.
    """
    mine = Path(os.path.realpath(output))
    for other, what in ((archive, "input"), (full_dose, "full dose")):
        if other is None:
            continue
        if not os.path.isdir(other):
            raise InputError(f"there is no folder '{other}'; check the path.")
        theirs = Path(os.path.realpath(other))
        if mine == theirs or mine.is_relative_to(theirs) or theirs.is_relative_to(mine):
            raise OutputError(
                f"the output folder '{output}' and the {what} '{other}' lie one inside the other; give an output "
                "folder beside it, so that originals stay apart and results are not taken for input."
            )


def make_plan(
    series: list[Series], ledger: Ledger, options: BatchOptions, full: list[Series] | None = None,
    only_named: bool = False,
) -> list[Task]:  # fmt: skip
    """Say for each series of an archive what to do.

    Parameters
    ----------
    series : list of Series
        Of the archive.
    ledger : Ledger
        What was done before; need not exist.
    options : BatchOptions
        What the user asked for.
    full : list of Series, optional
        Where the full-dose partners are looked for.
    only_named : bool
        Whether a full-dose series must be named as such, because low doses lie in the same place.
    """
    references = full_dose_images(describe(full or []), only_named)
    of_references = {file for reference in references for file in reference.series.files}
    lows = [
        image for image in describe(series)
        if not (image.series.not_ct or image.series.damage or of_references & set(image.series.files))
    ]  # fmt: skip
    found = [partner and partner.series for partner, _how in find_partners(lows, references)]
    partners = {id(low.series): partner for low, partner in zip(lows, found, strict=True)}
    tasks = []
    for one in series:
        if one.damage:
            tasks.append(Task(one, FAIL, one.damage))
        elif one.not_ct:
            tasks.append(Task(one, SKIP, one.not_ct))
        elif id(one) not in partners:
            tasks.append(Task(one, SKIP, "full dose, a reference for others"))
        else:
            tasks.append(_task(one, partners[id(one)], ledger, options))
    return tasks


def _task(one: Series, partner: Series | None, ledger: Ledger, options: BatchOptions) -> Task:
    try:
        record = ledger.record(one.key)
    except OutputError as error:
        return Task(one, FAIL, str(error))
    attempts, sendings = (record.attempts, record.sendings) if record else (0, 0)
    if ledger.is_done(record):
        if changed := ledger.what_changed(record, one, partner):
            kept = record.output or f"{ledger.folder.name}/series/{one.key}.json"
            return Task(one, FAIL, f"{changed}; remove '{kept}' from the output folder to have it done again.")
        if options.server and record.output and one.is_dicom and options.server not in record.sent:
            return Task(one, SEND, output=record.output, attempts=attempts, sendings=sendings)
        return Task(one, SKIP, DONE_BEFORE, record.output, attempts=attempts)
    if not options.volumes:
        if partner is None:
            return Task(one, SKIP, "no full-dose partner")
        return Task(one, MEASURE, "", "", partner, attempts, sendings)
    reason = "no full-dose partner" if options.metrics and partner is None else ""
    return Task(one, DENOISE, reason, output_of(one), partner, attempts, sendings)


def output_of(one: Series) -> str:
    """Return where the output of a series lies, relative to the output folder.

    Each DICOM series has a folder of its own, named by the source's UID, in the folder that mirrors the source's: so
    no two come together, and none moves when the archive grows. A volume file keeps its place and name.
    """
    if one.is_dicom:
        return (one.place / one.key).as_posix()
    suffix = known_suffix(Path(one.place.name), _ONE_FILE)
    if suffix:
        return one.place.with_name(one.place.name[: -len(suffix)] + _ONE_FILE[suffix]).as_posix()
    found = known_suffix(Path(one.place.name), WRITABLE)
    return PurePath(one.place).with_name(one.place.name[: -len(found)] + found).as_posix()
