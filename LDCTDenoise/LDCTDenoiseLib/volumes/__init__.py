"""CT volumes: from files and DICOM folders to Hounsfield units on a grid, and back."""

from .checks import check_ct
from .read import is_dicom_source, read_volume
from .volume import Geometry, Volume, require_same_grid
from .write import check_writable, is_file_name, write_volume

__all__ = [
    "Geometry",
    "Volume",
    "check_ct",
    "check_writable",
    "is_dicom_source",
    "is_file_name",
    "read_volume",
    "require_same_grid",
    "write_volume",
]
