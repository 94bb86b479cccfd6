"""A lower dose from a full-dose CT, by physics: noise is inserted in the projections."""

from .lowdose import LowDoseRun, low_dose_noise, simulate_low_dose
from .settings import ScanSettings

__all__ = ["LowDoseRun", "ScanSettings", "low_dose_noise", "simulate_low_dose"]
