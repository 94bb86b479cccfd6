"""Where an image of a patient is: in a file or folder, or in the scene."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.volumes import Volume, read_volume
from LDCTDenoiseSlicer.nodes import volumeFromNode


@dataclass(frozen=True)
class FileImage:
    """An image in a file or a DICOM folder."""

    path: Path
    series: str = ""  #: SeriesInstanceUID where the folder holds several series, else empty.
    #: What to show instead of the file's name: folders of a DICOM database are called by numbers.
    words: str = field(default="", compare=False)

    @property
    def label(self) -> str:
        return self.words or self.path.name

    @property
    def place(self) -> str:
        """What to call it in messages."""
        return str(self.path)

    def reader(self, role: str) -> Callable[[], Volume]:
        """Return a function that reads it, for a worker thread."""
        return lambda: read_volume(self.path, self.series or None)


class SceneImage:
    """A volume of the scene; it may leave the scene at any time.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode or None
        None for one that had left when the table was read from a scene.
    name : str
        What it was called then.
    """

    def __init__(self, node, name: str = ""):
        self.node, self._name = node, name

    @property
    def label(self) -> str:
        return self._name if self.node is None else self.node.GetName()

    @property
    def place(self) -> str:
        """What to call it in messages."""
        return f"volume {self.label}"

    @property
    def there(self) -> bool:
        """Whether the volume is still in the scene."""
        return self.node is not None and self.node.GetScene() is not None

    def reader(self, role: str) -> Callable[[], Volume]:
        """Return a function that gives the volume as it is now, for a worker thread; to be called in the scene's.

        Raises
        ------
        InputError
            If it is no CT volume, or has left the scene.
        """
        if self.node is None:
            raise InputError(f"the {role}, '{self.label}', is not in the scene.")
        volume = volumeFromNode(self.node, role)
        return lambda: volume

    def __eq__(self, other):
        return isinstance(other, SceneImage) and other.node is self.node and other.label == self.label

    def __hash__(self):
        return hash(self.node)
