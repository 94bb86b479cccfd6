"""The device in words, and what a run costs: time as measured here, and memory."""

import qt
from slicer.i18n import tr as _

from ..diagnostics import deviceInWords
from ..tasks import duration
from .words import memory

#: The pixels of the slice that times are kept for.
_PIXELS = 512 * 512


class Cost:
    """Remembers how long a slice took with each method on each device, from one session to the next."""

    def words(self, choice: str, labels, volumeNode) -> str:
        """Return the line beside "Device:".

        Parameters
        ----------
        choice : str
            The device that is chosen in the panel.
        labels : sequence of str
            The methods that are ticked.
        volumeNode : vtkMRMLScalarVolumeNode or None
            The volume to denoise.
        """
        words = deviceInWords(choice) or _("known once PyTorch is loaded")
        image = volumeNode.GetImageData() if volumeNode is not None else None
        if image is None or not labels:
            return words
        columns, rows, slices = image.GetDimensions()
        size = memory(columns * rows * slices * image.GetScalarSize() * len(labels))
        times = [self._secondsPerSlice(label, choice) for label in labels]
        if None in times:
            return _("{device}; not timed here yet, {memory} for the result").format(device=words, memory=size)
        seconds = sum(times) * slices * columns * rows / _PIXELS
        return _("{device}; about {duration} and {memory} for {slices} slices").format(
            device=words, duration=duration(seconds), memory=size, slices=slices
        )

    def remember(self, choice: str, outputs: dict) -> None:
        """Keep the times of a run, which its outputs, by label, tell."""
        for label, node in outputs.items():
            columns, rows, slices = node.GetImageData().GetDimensions()
            seconds = float(node.GetAttribute("LDCTDenoise.Seconds")) / slices * _PIXELS / (columns * rows)
            qt.QSettings().setValue(f"LDCTDenoise/SecondsPerSlice/{label}/{choice}", str(seconds))

    @staticmethod
    def _secondsPerSlice(label: str, choice: str) -> float | None:
        try:
            return float(qt.QSettings().value(f"LDCTDenoise/SecondsPerSlice/{label}/{choice}"))
        except (TypeError, ValueError):
            return None
