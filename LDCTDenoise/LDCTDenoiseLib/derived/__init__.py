"""A DICOM CT series derived from its source: the same study, patient and geometry with new values."""

from .derived_series import check_series_place, require_source, write_derived_series
from .series_options import COMPRESSIONS, MANUFACTURER, Provenance, SeriesOptions
