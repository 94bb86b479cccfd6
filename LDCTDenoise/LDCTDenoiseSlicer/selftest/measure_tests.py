"""Profile, noise spectrum and a blinded reading in real views (desktop only)."""

import tempfile
from pathlib import Path

import slicer
from LDCTDenoiseLib.reading import CRITERIA

from ..comparison.layout import viewName
from ..curves_of_images import lineOf
from .comparison_tests import _Mouse


class MeasureTests:
    """The part of `PanelTest` that measures."""

    def profileAndSpectrum(self) -> None:
        """Two clicks draw the line of a profile; a region gives a spectrum; both are plotted."""
        test, section = self._test, self._layOut()
        curves = self.panel.curves
        curves.ui.curvesButton.collapsed = False
        mouse = _Mouse(viewName("images", 1))
        curves.ui.profileButton.click()
        self._wait(0.2)
        for share in ((0.35, 0.5), (0.65, 0.5)):
            mouse.click("Left", share)
            self._wait(0.2)
        test.assertEqual(lineOf(slicer.mrmlScene).GetNumberOfDefinedControlPoints(), 2)
        self._spin(lambda: curves.curves is not None and curves.curves.kind == "profile")
        test.assertEqual(curves.ui.curvesTable.rowCount, len(curves.curves.y))
        self._wait(0.3)
        self._grab("profile")
        self.panel.logic.makeRegion(self.panel.parameters.inputVolume, (22, 42, 22, 42, 1), role="background")
        curves.ui.spectrumButton.click()
        self._spin(lambda: curves.curves is not None and curves.curves.kind == "spectrum")
        test.assertGreater(curves.curves.values["LDCT"][0], 0)
        self._wait(0.3)
        self._grab("spectrum")
        curves.ui.curvesCloseButton.click()
        section.ui.sideBySideButton.click()

    def readBlinded(self) -> None:
        """Every image of a reading is scored by keys; the layout is the user's again."""
        test, before = self._test, slicer.app.layoutManager().layout
        self._choosePair()
        reading = self.panel.reading
        reading.ui.readingSection.collapsed = False
        reading.ui.readerEdit.text = "test"
        reading.ui.readingButton.click()
        self._spin(lambda: reading.shown)
        self._wait(0.3)
        self._grab("reading")
        study = reading.view.reading.study
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(len(study.trials) - 1):
                for key in (*"3" * len(CRITERIA), "Return"):
                    reading.press(key)
            test.assertEqual(study.number, len(study.trials) - 1)
            reading.press("Esc")
            test.assertEqual(slicer.app.layoutManager().layout, before)
            study.write(folder)
            test.assertEqual(len(list(Path(folder).rglob("reading_*.csv"))), 2)
