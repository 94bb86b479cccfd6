"""LDCT Denoise Training: for now a panel that says what is to come, and how to train meanwhile."""

import qt
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

#
# LDCTDenoiseTraining
#


class LDCTDenoiseTraining(ScriptedLoadableModule):
    """What Slicer's module list knows of the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("LDCT Denoise Training")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering.Denoising")]
        self.parent.dependencies = ["LDCTDenoise"]
        self.parent.contributors = ["LDCTDenoise contributors"]
        self.parent.helpText = _(
            "Training of the networks of LDCT Denoise. The panel is not there yet; it says how to train from the "
            "command line.<p>For research. Not a medical device.</p>"
        )
        self.parent.acknowledgementText = _(
            "The networks are those of You et al., Low-Dose CT via Deep CNN with Skip Connection and Network in "
            "Network, {link}."
        ).format(link='<a href="https://arxiv.org/abs/1811.10564">arXiv 1811.10564</a>')


#
# LDCTDenoiseTrainingWidget
#


class LDCTDenoiseTrainingWidget(ScriptedLoadableModuleWidget):
    """A text, until there is something to press."""

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.textLabel = qt.QLabel(
            _(
                "<p>Training from this panel is planned and not there yet.</p>"
                "<p>Meanwhile a network can be trained from the command line of an environment with PyTorch and this "
                "extension's folders LDCTDenoise and LDCTDenoiseTraining on its PYTHONPATH:</p>"
                "<pre>python -m LDCTDenoiseTrainingLib --help</pre>"
                "<p>It also needs the Python package tensorboardX.</p>"
            )
        )
        self.textLabel.wordWrap = True
        self.textLabel.textInteractionFlags = qt.Qt.TextSelectableByMouse
        self.layout.addWidget(self.textLabel)
        self.layout.addStretch(1)


#
# LDCTDenoiseTrainingTest
#


class LDCTDenoiseTrainingTest(ScriptedLoadableModuleTest):
    """The module opens; there is nothing else to test yet."""

    def runTest(self):
        self.test_PanelOpens()

    def test_PanelOpens(self):
        LDCTDenoiseTrainingWidget().parent.deleteLater()
