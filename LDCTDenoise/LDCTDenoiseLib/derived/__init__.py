"""A DICOM CT series derived from its source: the same study, patient and geometry with new values."""

from .alongside import SeriesAlongside
from .options import COMPRESSIONS, SeriesOptions
from .provenance import MANUFACTURER, Provenance
from .series import check_series_place, require_source, write_derived_series

__all__ = [
    "COMPRESSIONS",
    "MANUFACTURER",
    "Provenance",
    "SeriesAlongside",
    "SeriesOptions",
    "check_series_place",
    "require_source",
    "write_derived_series",
]
