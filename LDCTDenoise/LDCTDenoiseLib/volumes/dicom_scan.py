"""Find the CT series below a folder and choose one of them."""

from collections import Counter
from pathlib import Path

from ..errors import InputError, few, warn
from .dicom_headers import DAMAGED, OTHER, SLICE, Entry, Instance, is_placed, look, look_below
from .dicom_tags import text


def find_series(path: Path, series_uid: str | None) -> list[Instance]:
    """Return the instances of one CT series, in no particular order.

    Parameters
    ----------
    path : Path
        A DICOM file, or a folder that is searched with everything below it.
    series_uid : str or None
        Which series; may be left out when there is only one.

    Raises
    ------
    InputError
        If there is no CT series, several and none chosen, or none with this UID. Series are listed by UID, number of
        slices and description.

    Warns
    -----
    LDCTWarning
        If a file was left out that may have been a slice.
    """
    entries = [look(path)] if path.is_file() else list(look_below(path))
    damaged = [entry for entry in entries if entry.kind == DAMAGED]
    slices = [Instance(e.path, _name(e, path), e.header) for e in entries if e.kind == SLICE]
    if not slices:
        raise InputError(_no_ct(path, entries, damaged))
    series: dict[str, list[Instance]] = {}
    for instance in slices:
        uid = text(instance.header, "SeriesInstanceUID")
        if not uid:
            raise InputError(f"the DICOM tag SeriesInstanceUID is missing in '{instance.name}'; export it again.")
        series.setdefault(uid, []).append(instance)
    if series_uid is None and len(series) == 1:
        series_uid = next(iter(series))
    if series_uid in series:
        _say_what_is_left_out(path, damaged, [e for e in entries if e.kind == OTHER], series_uid)
        return series[series_uid]
    found = "; ".join(_describe(uid, members) for uid, members in sorted(series.items()))
    if series_uid is None:
        raise InputError(f"'{path}' holds {len(series)} CT series; choose one with --series UID: {found}.")
    raise InputError(f"'{path}' holds no CT series '{series_uid}'; choose one with --series UID: {found}.")


def _name(entry: Entry, path: Path) -> str:
    return path.name if entry.path == path else str(entry.path.relative_to(path))


def _say_what_is_left_out(path: Path, damaged: list[Entry], others: list[Entry], series_uid: str) -> None:
    """Any of these may have been a slice: damaged files wherever they lie, and what has a place in the same series.

    Scouts and pages for people to read are no slices even there.
    """
    left = [f"'{_name(entry, path)}' {entry.why}" for entry in damaged]
    for entry in others:
        page = entry.why == "localizer" or "Secondary Capture" in entry.why
        if text(entry.header, "SeriesInstanceUID") == series_uid and is_placed(entry.header) and not page:
            left.append(f"'{_name(entry, path)}' names itself {entry.why}")
    if left:
        warn(
            f"'{path}': left out {len(left)} file{'s' * (len(left) != 1)} that may have been of the series: "
            f"{few(left, between='; ')}."
        )


def _no_ct(path: Path, entries: list[Entry], damaged: list[Entry]) -> str:
    found = Counter(entry.why for entry in entries if entry.kind == OTHER)
    if damaged and not found:
        told = few([f"'{_name(one, path)}' {one.why}" for one in damaged], 1)
        return f"cannot read '{path}': {told}; get whole copies."
    if not found:
        return f"'{path}' holds no DICOM images; give the folder with the slices of a CT series."
    if set(found) == {"localizer"}:
        return f"'{path}' holds only localizer (scout) images; give the series with the slices."
    listed = ", ".join(f"{why} ({count})" for why, count in sorted(found.items()))
    return f"'{path}' holds no CT slices, only: {listed}; give a CT series."


def _describe(uid: str, members: list[Instance]) -> str:
    header = members[0].header
    kernel = text(header, "ConvolutionKernel")[:20]  # a description is free text, where people write names
    count = sum(member.slices for member in members)
    return f"{uid} ({count} slice{'s' * (count != 1)}{f', kernel {kernel!r}' if kernel else ''})"
