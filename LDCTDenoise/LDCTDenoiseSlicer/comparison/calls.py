"""What the section "Compare side by side" does, as calls of the logic."""

import slicer
from LDCTDenoiseLib.hounsfield import PAPER

from .choice import Choice
from .comparison import Comparison


class ComparisonCalls:
    """The part of `LDCTDenoiseLogic` that lays out views; it needs a Slicer that has some (not `--no-main-window`)."""

    def showComparison(
        self,
        reference,
        low,
        outputs=None,
        rows=(),
        window=PAPER,
        limit: float = 100.0,
        roi=None,
        handles: bool = True,
        crosshair: bool = True,
    ) -> None:
        """Lay out volumes side by side, linked; called again, change what is laid out.

        Parameters
        ----------
        reference, low : vtkMRMLScalarVolumeNode or None
            Full and low dose; one of them is enough.
        outputs : dict of str to vtkMRMLScalarVolumeNode, optional
            Label to volume, in the order of the views; with reference and low dose, six images at most.
        rows : sequence of str
            What to show below the images: "zoom" (the ROI), "difference" (image minus reference), "noise" (low dose
            minus image, what a method has removed). A row for which reference or low dose is missing is left out.
        window : Window, two numbers or str
            Of the images: HU, or a name of `LDCTDenoiseLib.hounsfield.PRESETS` ("paper", "liver", "lung", "bone").
        limit : float
            Differences are shown from minus this to this, in HU.
        roi : vtkMRMLMarkupsROINode, optional
            The box that is zoomed. Default: with the row "zoom", a new one in the middle of the image.
        handles : bool
            Whether the box shows handles to drag it by.
        crosshair : bool
            Whether Slicer's crosshair is shown, in all views at the same place (move it with Shift).

        Raises
        ------
        InputError
            If there are no views, no or too many images, or one is no CT volume; the layout is as it was.
        """
        choice = Choice.of(
            reference, low, outputs, rows, window, limit=limit, roi=roi, handles=handles, crosshair=crosshair
        )
        Comparison.of(choice.anchor.GetScene()).show(choice)

    def hideComparison(self) -> None:
        """Put the comparison away; layout, display windows, crosshair and ROI are the user's again."""
        self.comparison.hide()

    def showComparisonSlice(self, k: int) -> None:
        """Bring all views to slice k of the low-dose volume; `InputError` when there is none."""
        self.comparison.showSlice(k)

    def fitComparison(self) -> None:
        """Fit the whole images into their views, and the zooms to the ROI."""
        self.comparison.fit()

    def addComparisonROI(self, corners=None):
        """Add an ROI on the slice that is laid out, which goes along when one scrolls.

        Parameters
        ----------
        corners : array of shape (n, 3), optional
            Points that the box is to hold, such as two opposite corners, RAS in mm. Default: a square of a quarter of
            the image's width, in its middle.

        Returns
        -------
        vtkMRMLMarkupsROINode
            Not laid out yet: give it to `showComparison` as `roi`.
        """
        return self.comparison.makeBox(corners=corners)

    def drawComparisonROI(self):
        """Let the user draw the ROI with two clicks; it is zoomed at once. Returns its node, which has no place yet."""
        return self.comparison.drawBox()

    @property
    def comparison(self) -> Comparison:
        """The comparison of the application's scene."""
        return Comparison.of(slicer.mrmlScene)
