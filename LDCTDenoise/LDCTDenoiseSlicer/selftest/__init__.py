"""What `LDCTDenoiseTest` does in Slicer: on a small pair made here, so that it needs no file and no network."""

from .logic_tests import badInput, denoiseAndCompare, makePair

#: The tests that need a main window, methods of `panel.PanelTest`, in this order: the last one reloads the module.
PANEL_TESTS = (
    "applyMeasureAndCompare", "strengthAndPreview", "cancelAndClose", "saveAndReopen", "deletedIsNothing",
    "answersWhileItRuns", "linkedViews", "hangAndFlick", "dragAndDrawTheBox", "profileAndSpectrum",
    "readBlinded", "layoutsStayTheUsers", "reload",
)
