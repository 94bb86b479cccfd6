"""What of a view is no MRML node: what is written in it, and its size. Does nothing where there are no widgets."""

import contextlib

import slicer

from .furniture import Furniture, Words
from .layout import LEAST_SIZE

try:
    import qt
except ModuleNotFoundError:  # slicer-core
    qt = None

#: What is written in the views, by their names.
_furniture: dict[str, Furniture] = {}

#: The size in pixels that the views share where there is no window.
_NO_WINDOW = (1200, 800)


def dress(view: str, node, words: Words) -> None:
    """Write words into a view, where they stay with the picture when that is grabbed, and nothing else.

    Parameters
    ----------
    view : str
        The view's name.
    node : vtkMRMLSliceNode
    words : Words
    """
    widget = sliceWidget(view)
    if widget is None:
        return
    renderers = widget.sliceView().renderWindow().GetRenderers()
    renderer = max((renderers.GetItemAsObject(i) for i in range(renderers.GetNumberOfItems())), key=_layerOf)
    known = _furniture.get(view)
    if known is None or known.renderer is not renderer:
        known = _furniture[view] = Furniture(renderer)
        bare(view)
        widget.setMinimumSize(LEAST_SIZE, LEAST_SIZE)
        # Every view as large as the next, whatever its bar would like.
        widget.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Ignored)
    if known.show(words, node.GetDimensions()[:2]):
        widget.sliceView().scheduleRender()


def bare(view: str) -> None:
    """Leave the picture alone in a view of ours, which nobody else writes into.

    Name and slice are in the picture: of a bar for each view one would only see where it is cut, and of Slicer's own
    corner text the name again.
    """
    widget = sliceWidget(view)
    if widget is not None:
        widget.sliceController().setVisible(False)
        widget.sliceView().cornerAnnotation().SetVisibility(False)


def undress() -> None:
    """Take the writing out of all views: code that is loaded anew writes its own."""
    for furniture in _furniture.values():
        furniture.close()
    _furniture.clear()


def viewportSize() -> tuple[int, int]:
    """Return width and height in pixels of what the views share."""
    shared = viewport()
    if shared is None or min(shared.width, shared.height) < LEAST_SIZE:
        return _NO_WINDOW
    return shared.width, shared.height


def settle(view: str) -> None:
    """Let the bar of a new view have its say: it has sent itself slice 0, which would arrive after the one we go to."""
    widget = sliceWidget(view)
    if widget is not None:
        qt.QCoreApplication.sendPostedEvents(widget.sliceController(), qt.QEvent.MetaCall)


@contextlib.contextmanager
def renderedOnce():
    """Let the views render once when the block is through, and not for each change of each of them.

    Slicer's slice logic renders whatever waits whenever it has dealt with a change: a dozen views that move together
    would be rendered a dozen times each.
    """
    pauseRendering()
    try:
        yield
    finally:
        resumeRendering()


def pauseRendering() -> None:
    """Render nothing until as many calls of `resumeRendering`."""
    if hasattr(slicer, "app"):
        slicer.app.pauseRender()


def resumeRendering() -> None:
    if hasattr(slicer, "app"):
        slicer.app.resumeRender()


def sliceWidget(view: str):
    """Return the widget of a view, or None."""
    manager = _layoutManager()
    return manager.sliceWidget(view) if manager is not None else None


def viewport():
    """Return the widget that the views lie in, or None."""
    manager = _layoutManager()
    return manager.viewport() if manager is not None else None


def _layoutManager():
    return getattr(getattr(slicer, "app", None), "layoutManager", lambda: None)()


def _layerOf(renderer) -> int:
    return renderer.GetLayer()
