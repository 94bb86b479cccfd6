"""Where an image of a patient is: in a file or folder, or in the scene."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.volumes import Volume, read_volume
from LDCTDenoiseSlicer.nodes import volumeFromNode


@dataclass(frozen=True)
class FileImage:
    """An image in a file or a DICOM folder.

    Attributes
    ----------
    path : Path
    series : str
        SeriesInstanceUID where the folder holds several series, else empty.
    """

    path: Path
    series: str = ""

    @property
    def label(self) -> str:
        return self.path.name

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
    node : vtkMRMLScalarVolumeNode
    """

    def __init__(self, node):
        self.node = node

    @property
    def label(self) -> str:
        return self.node.GetName()

    @property
    def place(self) -> str:
        """What to call it in messages."""
        return f"volume {self.label}"

    @property
    def there(self) -> bool:
        """Whether the volume is still in the scene."""
        return self.node.GetScene() is not None

    def reader(self, role: str) -> Callable[[], Volume]:
        """Return a function that gives the volume as it is now, for a worker thread; to be called in the scene's.

        Raises
        ------
        InputError
            If it is no CT volume, or has left the scene.
        """
        volume = volumeFromNode(self.node, role)
        return lambda: volume

    def __eq__(self, other):
        return isinstance(other, SceneImage) and other.node is self.node

    def __hash__(self):
        return hash(self.node)
