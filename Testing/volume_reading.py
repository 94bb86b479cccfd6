"""Read a path in a test and hold what comes of it to the rules: one line, and no word on the patient."""

import os
import warnings

import pytest
from dicom_series_maker import PATIENT_ID, PATIENT_NAME
from LDCTDenoiseLib.errors import InputError, LDCTWarning
from LDCTDenoiseLib.volumes import Volume, read_volume


def without_patient(text: str) -> str:
    assert not any(word in text for word in (PATIENT_NAME, "Secret", PATIENT_ID, "4711"))
    return text


def read_quietly(path, **options) -> Volume:
    """Read a path that gives no reason for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_volume(path, **options)


def refused(path, **options) -> str:
    """Read a path that must be refused and return the message."""
    with pytest.raises(InputError) as caught:
        read_volume(path, **options)
    message = without_patient(str(caught.value))
    assert "\n" not in message and len(message) < 600
    return message


def refused_file(path) -> str:
    """Read an image file that must be refused, by name and without the words of ITK, and return the message."""
    message = refused(path)
    assert os.path.basename(path) in message and "itk" not in message.lower()
    return message


def warned(path, **options) -> tuple[Volume, str]:
    """Read a path that must give exactly one warning; return the volume and the warning's text."""
    with pytest.warns(LDCTWarning) as caught:
        volume = read_volume(path, **options)
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 1 and "\n" not in texts[0]
    return volume, without_patient(texts[0])
