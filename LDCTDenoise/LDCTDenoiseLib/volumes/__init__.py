"""CT volumes: from files and DICOM folders to Hounsfield units on a grid, and back."""

from .checks import check_ct
from .read import is_dicom_source, read_volume
from .volume import Geometry, Volume, require_same_grid
from .write import check_writable, is_file_name, write_volume
