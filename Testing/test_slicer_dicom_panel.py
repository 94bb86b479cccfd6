"""The button of the panel that exports to the DICOM database, on the strict stand-ins."""

import slicer
from dicom_database import loadSeries
from dicom_series_maker import write_series


def shown(widget):
    button = widget.panel.dicom.button
    return button.visible, button.enabled


def test_one_button(widget, host, openDatabase, tmp_path):
    assert shown(widget) == (False, False)
    write_series(tmp_path / "in", 3)
    low = loadSeries(slicer.mrmlScene, openDatabase, tmp_path / "in")
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.methods = low, ["TV", "NLM"]
    assert shown(widget) == (True, False)
    widget.ui.applyButton.click()
    assert shown(widget) == (True, False)
    host.spin(lambda: not widget.panel.running, seconds=90)
    assert shown(widget) == (True, True)
    before = set(openDatabase.files)
    widget.panel.dicom.button.click()
    assert widget.panel.running and shown(widget) == (True, False)
    host.spin(lambda: not widget.panel.running, seconds=90)
    assert "2 new series" in widget.ui.statusLabel.text
    assert len(set(openDatabase.files) - before) == 6
    for node in widget.panel.outputs().values():
        assert node.GetAttribute("LDCTDenoise.ExportedSeriesUID")
    # Another volume, not from DICOM: nothing to offer.
    parameters.inputVolume = next(iter(widget.panel.outputs().values()))
    assert shown(widget) == (False, False)


def test_an_error_is_shown_and_the_panel_goes_on(widget, host, openDatabase, tmp_path, monkeypatch):
    messages = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: messages.append(text))
    write_series(tmp_path / "in", 2)
    low = loadSeries(slicer.mrmlScene, openDatabase, tmp_path / "in")
    parameters = widget.logic.getParameterNode()
    parameters.inputVolume, parameters.methods = low, ["TV"]
    widget.ui.applyButton.click()
    host.spin(lambda: not widget.panel.running, seconds=90)
    openDatabase.isOpen = False
    widget.panel.dicom.button.click()
    assert not widget.panel.running and "database is not open" in messages[0]
    openDatabase.isOpen, openDatabase.takes = True, False
    widget.panel.dicom.button.click()
    host.spin(lambda: not widget.panel.running, seconds=90)
    assert "did not take" in messages[1] and shown(widget) == (True, True)
