"""Patient sets: which patients train, which validate, and where their full- and low-dose images are."""

from .file import read_patient_set, write_patient_set
from .find import find_patients
from .patient import ROLES, PatientSet, Scan, SimulationRanges, file_name
from .split import choose_validation, leave_one_out
