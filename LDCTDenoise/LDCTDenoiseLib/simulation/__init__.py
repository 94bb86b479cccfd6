"""A lower dose from a full-dose CT, by physics: noise is inserted in the projections."""

from .calibration import calibrate
from .lowdose import LowDoseRun, low_dose_noise, simulate_low_dose
from .pair import as_scanned, full_dose_run, low_dose_run, phantom_scan
from .settings import ScanSettings
