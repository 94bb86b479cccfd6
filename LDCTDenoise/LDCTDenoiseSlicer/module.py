"""What both module files are made of: Slicer's scripted module, and a widget that follows a scene.

On slicer-core, which has no module framework, there are empty classes in their place.
"""

import sys

import slicer
from slicer.util import VTKObservationMixin

try:
    from slicer.i18n import tr as _
    from slicer.i18n import translate
    from slicer.ScriptedLoadableModule import (
        ScriptedLoadableModule,
        ScriptedLoadableModuleTest,
        ScriptedLoadableModuleWidget,
    )
except ModuleNotFoundError:  # slicer-core
    ScriptedLoadableModule = ScriptedLoadableModuleTest = ScriptedLoadableModuleWidget = type("DesktopOnly", (), {})
    _ = str


class Module(ScriptedLoadableModule):
    """What Slicer's module list knows of a module; title, dependencies and help text are its own."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering.Denoising")]
        self.parent.contributors = ["LDCTDenoise contributors"]
        self.parent.acknowledgementText = _(
            "The networks are those of You et al., Low-Dose CT via Deep CNN with Skip Connection and Network in "
            "Network, {link}."
        ).format(link='<a href="https://doi.org/10.48550/arXiv.1811.10564">doi 10.48550/arXiv.1811.10564</a>')


class ModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Slicer's life cycle of a module, whose panel follows the parameter node of the scene."""

    #: The packages beneath the module, which are loaded anew with it.
    packages: tuple[str, ...] = ()

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = self.panel = self._parameterNode = None

    def loadUI(self):
        """Lay out the module's .ui file, whose widgets are then those of `ui`."""
        name = type(self).__name__.removesuffix("Widget")
        widget = slicer.util.loadUI(self.resourcePath(f"UI/{name}.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)

    def observeScene(self, **methods):
        """Let go of a scene that closes and follow the one that comes; have more methods called by its events.

        Events are named without "Event".
        """
        methods = {"StartClose": self.onSceneStartClose, "EndClose": self.onSceneComplete,
                   "StartImport": self.onSceneStartImport, "EndImport": self.onSceneComplete, **methods}
        for event, method in methods.items():
            self.addObserver(slicer.mrmlScene, getattr(slicer.mrmlScene, f"{event}Event"), method)

    def onSceneStartClose(self, caller, event):
        self.panel.stop(_("Stopped: the scene was closed."))
        self.setParameterNode(None)

    def onSceneStartImport(self, caller, event):
        # A selector takes the first volume that arrives, which would replace the choice that is saved in the scene.
        self.setParameterNode(None)

    def onSceneComplete(self, caller, event):
        if self.parent.isEntered:
            self.enter()

    def onReload(self):
        """Load the module anew with the code beneath it."""
        for name in list(sys.modules):
            # But for the errors: the other module goes on to catch those that it knows.
            if name.split(".")[0] in self.packages and name != "LDCTDenoiseLib.errors":
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class ModuleTest(ScriptedLoadableModuleTest):
    """A self test, each part of which begins with an empty scene."""

    def setUp(self):
        slicer.mrmlScene.Clear()
