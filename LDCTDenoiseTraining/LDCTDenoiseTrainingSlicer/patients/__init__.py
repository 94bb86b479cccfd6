"""The table of patients: from the scene, folders, files and the DICOM database to a patient set."""

from .images import FileImage, SceneImage
from .patient_table import PatientTable, Row
