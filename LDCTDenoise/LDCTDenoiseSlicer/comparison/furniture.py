"""What is written into a view, as on a PACS: image, numbers, slice and window, the patient's sides, a bar of HU."""

import contextlib
from dataclasses import dataclass

import vtk

#: Height of letters in pixels: of the image's name, and of all else.
_LARGE, _SMALL = 15, 12

#: Pixels between what is written and the edge of the view, and between two lines.
_EDGE, _GAP = 5, 3

_TITLE, _PLAIN, _BEST = (1.0, 1.0, 0.6), (0.85, 0.85, 0.85), (0.45, 1.0, 0.45)

#: Narrower and lower than this in pixels, a view has room for no more than name and slice.
_LEAST = 180

#: Dots per inch of a plain screen.
_DPI = 72

#: Lines of numbers at most.
_LINES = 3


@dataclass(frozen=True)
class Words:
    """What is written into a view."""

    title: str = ""  #: Which image, and at what strength.
    #: Lines below it, each of parts; a part that is True is the best of all images.
    numbers: tuple[tuple[tuple[str, bool], ...], ...] = ()
    #: In the lower left.
    slice: str = ""
    window: str = ""
    #: The sides of the patient.
    left: str = ""
    top: str = ""
    limit: float | None = None  #: Of an empty cell: its bar reaches from minus to plus this many HU.


class Furniture:
    """The writing in one renderer; actors are made once and show what is said last.

    Parameters
    ----------
    renderer : vtkRenderer
        The topmost of the view, above image and markups.
    """

    def __init__(self, renderer):
        self.renderer = renderer
        self._texts: dict[str, vtk.vtkTextActor] = {}
        self._bar = None
        self._shown = None

    def show(self, words: Words, size) -> bool:
        """Write words into a view of (width, height) pixels, and say whether that is a change."""
        if (words, tuple(size)) == self._shown:
            return False
        self._shown = words, tuple(size)
        width, height = size
        # Letters follow the window's dots per inch by themselves, distances do not.
        window = self.renderer.GetRenderWindow()
        scale = 1.0 if window is None else window.GetDPI() / _DPI
        edge, line = _EDGE * scale, (_SMALL + _GAP) * scale
        roomy = min(width, height) >= _LEAST * scale
        title = self._write("title", words.title, edge, height - edge, size=_LARGE, color=_TITLE, top=True)
        look = title.GetTextProperty()
        look.SetFontSize(_LARGE)
        if self._widthOf(title) > width - 2 * edge:
            # Rather small than cut.
            look.SetFontSize(max(round(_LARGE * (width - 2 * edge) / self._widthOf(title)), 6))
        y = height - edge - (_LARGE + 2 * _GAP) * scale
        for n in range(_LINES):
            x = edge
            parts = words.numbers[n] if n < len(words.numbers) else ()
            for m in range(2):
                text, best = parts[m] if m < len(parts) else ("", False)
                actor = self._write(f"number{n}{m}", text, x, y, color=_BEST if best else _PLAIN, top=True)
                actor.GetTextProperty().SetBold(best)
                if text and x > edge and x + self._widthOf(actor) > width:
                    x, y = edge, y - line
                    actor.SetPosition(x, y)
                x += self._widthOf(actor) + 2 * edge
            y -= line
        # Beside Slicer's ruler, which lies in the middle.
        self._write("slice", words.slice, edge, edge)
        self._write("window", words.window if roomy else "", edge, edge + line)
        self._write("left", words.left if roomy else "", edge, height / 2)
        free = roomy and edge + self._widthOf(title) < width / 2 - line
        self._write("top", words.top if free else "", width / 2, height - edge, top=True)
        self._showBar(words.limit)
        return True

    def close(self) -> None:
        """Take all of it out of the view."""
        for actor in [*self._texts.values(), *([self._bar] if self._bar is not None else [])]:
            self.renderer.RemoveViewProp(actor)
        self._texts.clear()
        self._bar = self._shown = None

    def _write(self, name: str, text: str, x: float, y: float, size=_SMALL, color=_PLAIN, top=False):
        actor = self._texts.get(name)
        if actor is None:
            actor = self._texts[name] = vtk.vtkTextActor()
            look = actor.GetTextProperty()
            look.SetFontSize(size)
            look.SetBold(size == _LARGE)
            # Grey tissue and noise lie below: a shadow alone does not make letters legible on them.
            look.SetBackgroundColor(0, 0, 0)
            look.SetBackgroundOpacity(0.5)
            if top:
                look.SetVerticalJustificationToTop()
            self.renderer.AddViewProp(actor)
        if actor.GetInput() != text:
            actor.SetInput(text)
        actor.GetTextProperty().SetColor(*color)
        actor.SetVisibility(bool(text))
        actor.SetPosition(x, y)
        return actor

    def _widthOf(self, actor) -> float:
        if not actor.GetInput():
            return 0.0
        box = [0.0] * 4
        actor.GetBoundingBox(self.renderer, box)
        return box[1] - box[0]

    def _showBar(self, limit: float | None) -> None:
        if limit is None:
            if self._bar is not None:
                self._bar.SetVisibility(False)
            return
        if self._bar is None:
            self._bar = vtk.vtkScalarBarActor()
            grey = vtk.vtkLookupTable()
            grey.SetSaturationRange(0, 0)
            grey.SetHueRange(0, 0)
            grey.SetValueRange(0, 1)
            grey.SetRampToLinear()
            grey.Build()
            self._bar.SetLookupTable(grey)
            self._bar.SetNumberOfLabels(3)
            self._bar.SetTitle("HU")
            with contextlib.suppress(AttributeError):
                self._bar.UnconstrainedFontSizeOn()
            for look in (self._bar.GetLabelTextProperty(), self._bar.GetTitleTextProperty()):
                look.SetFontSize(_SMALL)
                look.SetColor(*_PLAIN)
                look.ItalicOff()
                look.BoldOff()
            self._bar.SetLabelFormat("%.0f")
            self._bar.SetPosition(0.35, 0.15)
            self._bar.SetPosition2(0.3, 0.7)
            self.renderer.AddViewProp(self._bar)
        self._bar.GetLookupTable().SetTableRange(-limit, limit)
        self._bar.SetVisibility(True)
