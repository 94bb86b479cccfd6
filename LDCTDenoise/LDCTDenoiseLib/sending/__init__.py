"""Sending DICOM files to a server that the user named, and to nowhere else."""

from .journal import Journal
from .sender import DEFAULT_TITLE, WAITS, Sender, Sent
from .server import Target
