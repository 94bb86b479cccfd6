"""Recognise a derived series that a command wrote before it was killed while sending it."""

from pathlib import Path

from ..errors import OutputError
from ..requirements import require
from ..volumes import Volume
from ..volumes.dicom_file import read_dataset
from ..volumes.dicom_tags import text
from ..volumes.quiet import quiet_pydicom
from .series_options import COMPRESSIONS, MANUFACTURER, Provenance, SeriesOptions

#: What may differ between two runs of one command.
_OF_THE_RUN = ("device ", "LDCTDenoise ")


def written_before(volume: Volume, folder: str | Path, provenance: Provenance, options: SeriesOptions) -> list[Path]:
    """Return the images of the series that a run on `volume` would write to `folder`, and that lie there already.

    It appeared as a whole (see `files.replace_folder`); here it is made sure that it still is, with pixels that can be
    read, and that it was made from these source images, by this method, model and strength, with these options.

    Raises
    ------
    OutputError
        If anything else lies there.
    """
    require("pydicom", "read DICOM files")
    files = sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))
    with quiet_pydicom():
        if wrong := _what_is_wrong(volume, files, provenance, options):
            raise OutputError(f"cannot write into '{folder}': {wrong}; give a new folder, so that nothing is mixed.")
    return files


def _what_is_wrong(volume: Volume, files: list[Path], provenance: Provenance, options: SeriesOptions) -> str:
    import pydicom

    from .header import series_number

    syntax = getattr(pydicom.uid, COMPRESSIONS[options.compression])
    made_by = [part for part in provenance.words.split("; ") if not part.startswith(_OF_THE_RUN)]
    told = options.describe(volume.facts["description"], provenance)
    sources = {source.sop_instance_uid: source.path for source in volume.facts["slices"]}
    series = set()
    for path in files:
        try:
            dataset = pydicom.dcmread(path)
            pixels = dataset.pixel_array.size
        except Exception:  # noqa: BLE001 - anything may lie there, and damage makes pydicom raise anything
            return f"'{path.name}' in it is no whole DICOM image"
        equipment = next(iter((dataset.get("ContributingEquipmentSequence") or [])[-1:]), {})
        words = text(equipment, "ContributionDescription").split(". ")[0].split("; ")
        if text(equipment, "Manufacturer") != MANUFACTURER or not set(made_by) <= set(words):
            return f"'{path.name}' in it was not made in this way"
        references = {str(e.value) for e in dataset.iterall() if e.keyword == "ReferencedSOPInstanceUID"}
        source = next((uid for uid in sources if uid in references), None)
        if source is None or not pixels:
            return f"'{path.name}' in it was not made from '{volume.name}', or twice"
        header = read_dataset(sources.pop(source), stop_before_pixels=True, specific_tags=["SeriesNumber"])
        number = str(options.number_from(series_number(header)))
        # Letters that the header's character set does not have were replaced.
        same = text(dataset, "SeriesDescription") == told or not told.isascii()
        same = same and text(dataset, "SeriesNumber") == number and _shown_in(dataset, options)
        if not same or dataset.file_meta.TransferSyntaxUID != syntax:
            return f"'{path.name}' in it was written with other options"
        series.add(text(dataset, "SeriesInstanceUID"))
    return "the series in it is not whole" if len(series) != 1 or sources else ""


def _shown_in(dataset, options: SeriesOptions) -> bool:
    """Whether the window that was chosen, if one was, is that of the image."""
    if options.window is None:
        return True
    ends = ((options.window.lower + options.window.upper) / 2, options.window.width)
    shown = {e.keyword: str(e.value) for e in dataset.iterall() if e.keyword in ("WindowCenter", "WindowWidth")}
    return shown == {keyword: f"{end:g}" for keyword, end in zip(("WindowCenter", "WindowWidth"), ends, strict=True)}
