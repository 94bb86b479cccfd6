"""Blinded readings: `session` keeps one in the scene, `view` shows its images unnamed; the panel takes the keys."""

from .session import Reading, readingsOf, startReading
from .view import ReadingView
