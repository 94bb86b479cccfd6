"""Write a derived series: every image of it, or nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from ..errors import InputError, LDCTError, OutputError, disk_errors
from ..files import check_folder, replace_folder
from ..requirements import require
from ..volumes import Volume
from ..volumes.dicom_frames import SourceSlice
from ..volumes.quiet import quiet_pydicom
from .series_options import COMPRESSIONS, Provenance, SeriesOptions
from .storage import choose_storage, whole_hu

#: What pydicom raises over damaged elements, which it parses when they are used.
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, NotImplementedError, EOFError, ArithmeticError)


def write_derived_series(
    volume: Volume,
    array: np.ndarray,
    folder: str | Path,
    provenance: Provenance,
    options: SeriesOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write new values of a CT volume as a DICOM series beside the one it was read from.

    Parameters
    ----------
    volume : Volume
        As `read_volume` returned it from DICOM; the files it came from must still be there.
    array : numpy.ndarray
        The new HU, shape (slices, rows, columns) of the volume; fractions are rounded to nearest.
    folder : str or Path
        Where to; must be empty or not be there yet. It appears with the whole series in it, or not at all.
    provenance : Provenance
        How the values were made.
    options : SeriesOptions, optional
        Description, number, window, compression and private elements.
    progress : callable, optional
        Called after each image with the number that is written and the number in all; what it raises stops the work.

    Returns
    -------
    list of Path
        The files, in the order of the slices; one for each file of the source.

    Raises
    ------
    InputError
        If the volume does not come from DICOM, its files have gone or changed, or the array does not fit it.
    OutputError
        If the folder cannot be written or holds files already, or 16 bits do not hold the values.
    MissingDependencyError
        If pydicom, or the encoder of the chosen compression, is not installed.
    """
    require("pydicom", "write DICOM files")
    options = options or SeriesOptions()
    require_source(volume)
    array = np.asarray(array)
    check_series_place(folder, options)
    names = []
    with quiet_pydicom(), replace_folder(folder) as part:
        for source, dataset, count in _derived_images(volume, array, provenance, options):
            names.append(f"{len(names) + 1:04d}.dcm")
            try:
                with disk_errors(OutputError, f"cannot write '{folder}'"):
                    dataset.save_as(part / names[-1], enforce_file_format=True)
            except _DAMAGE as error:
                raise _damaged(source, error) from error
            if progress is not None:
                progress(len(names), count)
    return [Path(folder) / name for name in names]


def check_series_place(folder: str | Path, options: SeriesOptions | None = None) -> None:
    """Check that a series can be written to `folder`; to find out before minutes of work, not after.

    Raises
    ------
    OutputError
        If it holds files already or cannot be made or written.
    MissingDependencyError
        If the encoder of the chosen compression is not installed.
    """
    check_folder(folder)
    if options is not None and options.compression == "jpeg-ls":
        require("jpeg_ls", "compress as JPEG-LS")


def require_source(volume: Volume) -> None:
    """Check that a series can be derived from a volume; to find out before minutes of work, not after.

    Raises
    ------
    InputError
        If it was not read from DICOM, or its headers lack the identifiers that a derived series refers to.
    """
    if "slices" not in volume.facts:
        raise InputError(f"'{volume.name}' was not read from DICOM, so there is no header to derive a series from.")
    if not volume.facts["study_uid"]:
        raise InputError(
            f"the DICOM tag StudyInstanceUID is missing in '{volume.name}', so a series cannot be put beside it; "
            "export it again with complete headers."
        )
    owners: dict[str, str] = {}
    for source in volume.facts["slices"]:
        name = Path(source.path).name
        if not source.sop_instance_uid:
            raise InputError(
                f"the DICOM tag SOPInstanceUID is missing in '{name}', so nothing can refer to it; "
                "export it again with complete headers."
            )
        if owners.setdefault(source.sop_instance_uid, source.path) != source.path:
            raise InputError(
                f"'{name}' and '{Path(owners[source.sop_instance_uid]).name}' have the same SOPInstanceUID though they "
                "are different slices; export the series again."
            )


def _by_file(volume: Volume) -> dict[str, list[tuple[int, SourceSlice]]]:
    """Return the slices of a volume by the file they came from, in the order of the volume."""
    sources: dict[str, list[tuple[int, SourceSlice]]] = {}
    for k, source in enumerate(volume.facts["slices"]):
        sources.setdefault(source.path, []).append((k, source))
    return sources


def _damaged(path: str, error: Exception) -> InputError:
    return InputError(
        f"the header of '{Path(path).name}' is damaged and cannot be taken over into a new series "
        f"({type(error).__name__}); export the source again."
    )


def _derived_images(
    volume: Volume, array: np.ndarray, provenance: Provenance, options: SeriesOptions
) -> Iterator[tuple]:
    """Yield the path of each file of the source, the image made from it, ready to be saved, and how many there are."""
    from pydicom.uid import generate_uid

    from .header import SeriesIdentity
    from .image import derive

    storage = choose_storage(volume, array)
    owners: set[tuple] = set()
    series = SeriesIdentity(generate_uid(prefix=None), provenance, options, datetime.now().astimezone())
    syntax = COMPRESSIONS[options.compression]
    sources = _by_file(volume)
    for path, members in sources.items():
        # In the order of the file, which is not always that of the volume.
        members = sorted(members, key=lambda member: member[1].frame)
        frames = np.stack([storage.stored(whole_hu(volume, array, k), source) for k, source in members])
        try:
            with disk_errors(InputError, f"cannot read '{path}' again"):
                dataset = derive(path, frames, [source for _, source in members], storage, series, syntax)
        except LDCTError:
            raise
        except _DAMAGE as error:
            raise _damaged(path, error) from error
        owners.add((str(dataset.get("PatientID")), str(dataset.get("StudyInstanceUID"))))
        if len(owners) > 1:
            raise InputError(
                f"the slices of '{volume.name}' name more than one patient or study; nothing was written. "
                "Export the series again."
            )
        yield path, dataset, len(sources)
