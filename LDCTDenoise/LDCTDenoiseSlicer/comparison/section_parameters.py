"""What of the comparison is saved with the scene (desktop only)."""

from typing import Annotated

from slicer import vtkMRMLMarkupsNode
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from .layout import ARRANGEMENTS
from .plane import ORIENTATIONS


@parameterNodeWrapper
class ComparisonParameters:
    """The section's parameters; they live in the module's parameter node beside those of the panel.

    sideBySide - Whether the comparison is laid out while the module is open.
    zoomRow, differenceRow, noiseRow - Which rows there are below the images.
    windowLower, windowUpper - The display window in HU.
    differenceLimit - Differences are shown from minus this to this, in HU.
    comparisonROI - The active region, which is zoomed.
    boxHandles - Whether it can be dragged.
    sharedCrosshair - Whether the crosshair is shown.
    arrangement, stackImage - How the images are hung, and which one is the large one of the stack.
    orientation - The plane of the views.
    zoomDifferences - Whether the rows of differences show the region, too.
    """

    sideBySide: bool = False
    zoomRow: bool = False
    differenceRow: bool = False
    noiseRow: bool = False
    windowLower: float = -160.0
    windowUpper: float = 240.0
    differenceLimit: Annotated[float, WithinRange(1.0, 2000.0)] = 100.0
    comparisonROI: vtkMRMLMarkupsNode
    boxHandles: bool = True
    sharedCrosshair: bool = False
    arrangement: Annotated[str, Choice(list(ARRANGEMENTS))] = "auto"
    stackImage: str = ""
    orientation: Annotated[str, Choice(list(ORIENTATIONS))] = "axial"
    zoomDifferences: bool = False
