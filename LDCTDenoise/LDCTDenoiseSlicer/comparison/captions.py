"""The name of an image, written at the top of its view: it stays with the picture when the view is grabbed."""

import slicer
import vtk

#: Where VTK's text actors keep the caption of a view, by the view's name.
_actors = {}


def write(names: dict[str, str]) -> None:
    """Write a caption into each view by its name; does nothing in a Slicer that shows no views."""
    for view, text in names.items():
        actor = _actor(view)
        if actor is not None and actor.GetInput() != text:
            actor.SetInput(text)


def _actor(view: str):
    layoutManager = getattr(getattr(slicer, "app", None), "layoutManager", lambda: None)()
    widget = layoutManager.sliceWidget(view) if layoutManager is not None else None
    if widget is None:
        return None
    renderer = widget.sliceView().overlayRenderer()
    actor = _actors.get(view)
    if actor is None or not renderer.HasViewProp(actor):
        actor = _actors[view] = vtk.vtkTextActor()
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
