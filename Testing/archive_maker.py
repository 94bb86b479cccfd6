"""Archives on disk for tests, made of small series."""

from pathlib import Path

from dicom_series_maker import write_series


def of_series(uid: str, **tags):
    """Return a change for `write_series` that gives slices a series UID and other tags."""

    def change(_k, dataset):
        dataset.SeriesInstanceUID = uid
        for tag, value in tags.items():
            setattr(dataset, tag, value)

    return change


def write_archive(root: Path, count: int = 6, slices: int = 4) -> dict[str, int]:
    """Write `count` series of CT, two for each patient; return the number of slices by UID."""
    made = {}
    for n in range(count):
        uid = f"1.2.826.0.1.9.{n}"
        write_series(root / f"patient {n // 2}" / f"series {n}", slices + n % 3, change=of_series(uid))
        made[uid] = slices + n % 3
    return made


def write_what_is_no_ct(root: Path) -> None:
    """Write series of another modality, a scout, a dose report and a screen save."""
    write_series(root / "mr", 2, change=of_series("1.9.1", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
    write_series(root / "scout", 1, change=of_series("1.9.2", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    dose = of_series("1.9.3", Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67")
    write_series(root / "dose", 1, change=dose)

    def screen(k, dataset):
        of_series("1.9.4", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")(k, dataset)
        del dataset.ImagePositionPatient

    write_series(root / "screen", 1, change=screen)


def files_below(root: Path) -> dict[str, tuple]:
    """Return what would show any change below a folder: every file's time and content.

    Locks are left out: they are empty, and some versions of filelock give them a new time when they are taken.
    """
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".lock")
    return {str(p.relative_to(root)): (p.stat().st_mtime_ns, p.read_bytes()) for p in found}
