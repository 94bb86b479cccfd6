"""What of a view is no MRML node: the caption in it, and the bar above it. Does nothing where there are no widgets."""

import contextlib

import slicer
import vtk

try:
    import qt
except ModuleNotFoundError:  # slicer-core
    qt = None

#: The captions, by the name of the view: renderer and text actor.
_captions = {}

#: The least size of a view in pixels: without it six views side by side would make the window wider than the screen.
_LEAST_SIZE = 80


def dress(view: str, caption: str, hasBar: bool) -> None:
    """Write a caption at the top of a view, where it stays with the picture when that is grabbed.

    Parameters
    ----------
    view : str
        The view's name.
    caption : str
    hasBar : bool
        Whether the view has a bar: in the linked rows below the first it would only take room.
    """
    widget = _sliceWidget(view)
    if widget is None:
        return
    actor = _actor(view, widget)
    if actor.GetInput() != caption:
        actor.SetInput(caption)
    controller = widget.sliceController()
    controller.setVisible(hasBar)
    controller.setMinimumWidth(_LEAST_SIZE)
    label = slicer.util.findChild(controller, "ViewLabel")
    label.setMinimumWidth(label.sizeHint.width())
    widget.setMinimumSize(_LEAST_SIZE, _LEAST_SIZE)
    # Every view as large as the next, whatever its bar would like.
    widget.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Ignored)


def undress() -> None:
    """Take the captions out of all views: code that is loaded anew writes its own."""
    for renderer, actor in _captions.values():
        renderer.RemoveViewProp(actor)
    _captions.clear()


def settle(view: str) -> None:
    """Let the bar of a new view have its say: it has sent itself slice 0, which would arrive after the one we go to."""
    widget = _sliceWidget(view)
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


def _sliceWidget(view: str):
    layoutManager = getattr(getattr(slicer, "app", None), "layoutManager", lambda: None)()
    return layoutManager.sliceWidget(view) if layoutManager is not None else None


def _actor(view: str, widget):
    renderers = widget.sliceView().renderWindow().GetRenderers()
    # The topmost one, above image and markups.
    renderer = max((renderers.GetItemAsObject(i) for i in range(renderers.GetNumberOfItems())), key=_layerOf)
    _renderer, actor = _captions.get(view, (None, None))
    if actor is None or not renderer.HasViewProp(actor):
        actor = vtk.vtkTextActor()
        _captions[view] = renderer, actor
        look = actor.GetTextProperty()
        look.SetFontSize(16)
        look.SetBold(True)
        look.SetColor(1.0, 1.0, 0.6)
        look.SetShadow(True)
        look.SetJustificationToCentered()
        look.SetVerticalJustificationToTop()
        place = actor.GetPositionCoordinate()
        place.SetCoordinateSystemToNormalizedViewport()
        place.SetValue(0.5, 0.985)
        renderer.AddViewProp(actor)
    return actor


def _layerOf(renderer) -> int:
    return renderer.GetLayer()
