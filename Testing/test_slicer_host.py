"""The stand-ins of slicer_host know what the desktop has and nothing else."""

import pytest


def test_the_stand_ins_are_strict(widget):
    import qt

    for wrong in (lambda: qt.QTimr, lambda: widget.ui.aplyButton, lambda: widget.ui.applyButton.txt,
                  lambda: setattr(widget.ui.applyButton, "label", ""),
                  lambda: widget.ui.applyButton.connect("pressed(bool)", print)):
        with pytest.raises(AttributeError):
            wrong()
