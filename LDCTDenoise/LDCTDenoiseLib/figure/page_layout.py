"""Where everything of the figure goes, in whole pixels, so that images need no resampling."""

from dataclasses import dataclass
from math import ceil

#: Least and greatest width of the figure in pixels.
LEAST_WIDTH, GREATEST_WIDTH = 2400, 6600
#: Panels side by side before a further row is begun.
MOST_IN_A_ROW = 6
#: The enlarged ROI may be this much taller than its panel is wide.
_TALLEST_ZOOM = 1.25


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; `top` is counted from the top of the figure."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """The figure's size, its text size and a place for everything, in pixels.

    Attributes
    ----------
    width, height : int
        Size of the figure.
    text : float
        Height of the labels' type; smaller print is a part of it.
    panels, zooms : list of Box
        Images in the order of the panels; `zooms` is empty without an ROI.
    footnote_top : int
        Where the small print begins.
    title_top : int
        Where the title begins.
    """

    width: int
    height: int
    text: float
    panels: list[Box]
    zooms: list[Box]
    footnote_top: int
    title_top: int


def _panel_size(columns: int, rows: int, aspect: float, per_row: int) -> tuple[int, int]:
    """Enlarge by a whole factor, or, when the figure would grow beyond reason, shrink by one."""
    factor = max(1, ceil(LEAST_WIDTH / (per_row * columns)))
    shrink = max(1, ceil(per_row * columns / GREATEST_WIDTH))
    width = max(1, round(columns * factor / shrink))
    return width, max(1, round(rows * aspect * factor / shrink))


def plan(
    count: int,
    shape: tuple[int, int],
    aspect: float,
    roi_shape: tuple[int, int] | None,
    *,
    title: bool,
    metrics: bool,
    footnote_lines: int,
) -> Layout:
    """Plan the figure.

    Parameters
    ----------
    count : int
        Number of panels.
    shape : tuple of int
        Rows and columns of a panel's image.
    aspect : float
        Height of a pixel over its width.
    roi_shape : tuple of int, optional
        Rows and columns of the ROI; without it there is no second row.
    title, metrics : bool
        Whether room is needed for them.
    footnote_lines : int
        Lines of small print.
    """
    bands = ceil(count / MOST_IN_A_ROW)
    per_row = ceil(count / bands)
    panel_width, panel_height = _panel_size(shape[1], shape[0], aspect, per_row)
    gap = max(4, round(0.006 * per_row * panel_width))
    width = per_row * panel_width + (per_row + 1) * gap
    text = 0.0145 * width

    zoom_width = zoom_height = 0
    if roi_shape:
        scale = min(panel_width / roi_shape[1], _TALLEST_ZOOM * panel_width / (roi_shape[0] * aspect))
        zoom_width = max(1, round(scale * roi_shape[1]))
        zoom_height = max(1, round(scale * roi_shape[0] * aspect))

    top = gap
    title_top = top
    if title:
        top += round(2.0 * text)
    panels, zooms = [], []
    for band in range(bands):
        top += round(1.55 * text)
        here = min(per_row, count - band * per_row)
        for place in range(here):
            left = gap + place * (panel_width + gap)
            panels.append(Box(left, top, panel_width, panel_height))
            if roi_shape:
                inside = left + (panel_width - zoom_width) // 2
                zooms.append(Box(inside, top + panel_height + gap, zoom_width, zoom_height))
        top += panel_height + gap
        if roi_shape:
            top += zoom_height + gap
        if metrics:
            top += round(1.35 * text)
    footnote_top = top + round(0.25 * text)
    height = footnote_top + round(footnote_lines * 0.72 * 1.35 * text) + gap
    return Layout(width, height, text, panels, zooms, footnote_top, title_top)
