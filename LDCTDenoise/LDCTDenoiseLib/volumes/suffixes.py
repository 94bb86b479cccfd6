"""Which file formats a name's end stands for."""

from pathlib import Path

#: Suffix to the ITK reader and writer of that format. Two-part suffixes come before their last part.
READABLE = {
    ".nii.gz": "NiftiImageIO",
    ".nii": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".nhdr": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
}

#: One file each: a header with its data in a second file could not appear whole or not at all.
WRITABLE = {suffix: name for suffix, name in READABLE.items() if suffix not in (".nhdr", ".mhd")}


def known_suffix(path: Path, among: dict[str, str]) -> str:
    """Return the suffix of `path` that is in `among`, whatever its case, or an empty string."""
    name = path.name.lower()
    return next((suffix for suffix in among if name.endswith(suffix)), "")


def is_text(path: Path) -> bool:
    """Whether a path is Unicode, as ITK must have it: given other bytes it ends the process."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
