"""Methods side by side as in Figs. 2 and 3 of You et al., arXiv 1811.10564: the slices, the ROI enlarged below."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import write_figure
from .hounsfield import PAPER, Window
from .metrics import METRICS, ROI, SSIM_VARIANT
from .requirements import require

#: What is denser than this, in HU, can be the patient's outline.
_BODY_HU = -350.0


def crop_to_body(hounsfield: np.ndarray, margin: int = 8) -> tuple[int, int, int, int]:
    """Find the columns and rows that hold the patient.

    The patient is the largest connected region above -350 HU; the table, thin and apart, is left out.

    Parameters
    ----------
    hounsfield : numpy.ndarray
        A slice in HU, shape (rows, columns).
    margin : int
        Pixels of air to keep on every side, as far as there are any.

    Returns
    -------
    tuple of int
        (i0, i1, j0, j1): columns i0 to i1 and rows j0 to j1, upper bounds exclusive. The whole slice when nothing
        in it looks like a patient.
    """
    ndimage = require("scipy.ndimage")
    rows, columns = hounsfield.shape
    # Averaging over 3×3 pixels keeps the noise of a low dose from bridging the air to the table.
    dense = ndimage.uniform_filter(np.asarray(hounsfield, dtype=np.float32), 3) > _BODY_HU
    regions, count = ndimage.label(dense)
    if count == 0:
        return 0, columns, 0, rows
    largest = 1 + int(np.argmax(np.bincount(regions.ravel())[1:]))
    along_rows, along_columns = ndimage.find_objects(regions)[largest - 1]
    return (
        max(0, along_columns.start - margin),
        min(columns, along_columns.stop + margin),
        max(0, along_rows.start - margin),
        min(rows, along_rows.stop + margin),
    )


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
    """The figure's size, its text size and a place for everything, in pixels."""

    #: Size of the figure.
    width: int
    height: int
    text: float  #: Height of the labels' type; smaller print is a part of it.
    #: Images in the order of the panels; `zooms` is empty without an ROI.
    panels: list[Box]
    zooms: list[Box]
    footnote_top: int  #: Where the small print begins.
    title_top: int  #: Where the title begins.


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


_RED = "#e8141c"
#: Size of the metrics' and of the small print's type, as parts of the labels'.
_METRICS_TYPE, _SMALL_TYPE = 0.80, 0.72
#: Characters of small print to a line.
_LINE = 185
#: What stands under a panel; RMSE in HU would say RMSE a second time.
_SHOWN = METRICS[:3]


def comparison_figure(
    panels: Sequence[tuple[str, np.ndarray]],
    *,
    roi=None,
    window: Window = PAPER,
    metrics: Mapping[str, object] | None = None,
    title: str | None = None,
    pixel_aspect: float = 1.0,
    crop: bool = True,
    dpi: float = 300,
    metrics_of_roi: bool = False,
    note: str | None = None,
):
    """Lay slices out side by side, the ROI boxed in red and enlarged below each.

    Slices are shown by whole pixels, without interpolation; the enlarged ROI is interpolated (bicubic) after the
    window was applied, and the small print says so. More than six panels go on in further rows.

    Parameters
    ----------
    panels : sequence of (str, numpy.ndarray)
        Labels and slices in the order to show them; HU, all of one shape (rows, columns), row 0 at the top.
    roi : ROI or sequence of int, optional
        (i0, i1, j0, j1) or (i0, i1, j0, j1, k), upper bounds exclusive; k is the caller's business. Without it there
        is no box and no second row.
    window : Window
        Display window; lower and below is black, upper and above is white.
    metrics : mapping of str to str or Quality, optional
        What to write under a panel, by label: a text, or something with `psnr`, `ssim` and `rmse`.
    title : str, optional
        A heading.
    pixel_aspect : float
        Row spacing over column spacing.
    crop : bool
        Trim the air around the patient, found in the first panel, alike in all panels.
    dpi : float
        Resolution that the figure declares. It changes the size on paper, not the number of pixels.
    metrics_of_roi : bool
        Whether the metrics are those of the ROI, and not of the slices; the small print says which.
    note : str, optional
        What the small print says of metrics that are texts.

    Returns
    -------
    matplotlib.figure.Figure
        A figure on an Agg canvas, independent of pyplot, at least 2400 pixels wide.

    Raises
    ------
    InputError
        If there is no panel, a slice is not 2D or of another size than the first, or the ROI is not inside it.
    MissingDependencyError
        If matplotlib is not installed.
    """
    images = _checked(panels, pixel_aspect)
    rows, columns = images[0].shape
    roi = _checked_roi(roi, rows, columns)
    i0, i1, j0, j1 = crop_to_body(images[0]) if crop else (0, columns, 0, rows)
    if roi:
        i0, i1, j0, j1 = min(i0, roi.i0), max(i1, roi.i1), min(j0, roi.j0), max(j1, roi.j1)
    footnote = textwrap.wrap(_footnote(window, metrics, roi, metrics_of_roi, note), _LINE)
    layout = plan(
        len(images),
        (j1 - j0, i1 - i0),
        pixel_aspect,
        (roi.j1 - roi.j0, roi.i1 - roi.i0) if roi else None,
        title=bool(title),
        metrics=bool(metrics),
        footnote_lines=len(footnote),
    )
    figure = require("matplotlib.figure").Figure(
        # A thousandth of a pixel more, or rounding down would cost the last row or column.
        figsize=((layout.width + 1e-3) / dpi, (layout.height + 1e-3) / dpi), dpi=dpi, facecolor="white",
    )  # fmt: skip
    require("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    page = _Page(figure, layout)
    if title:
        page.write(title, layout.width / 2, layout.title_top + 0.9 * layout.text, 1.15, weight="bold")
    for number, ((label, _), image) in enumerate(zip(panels, images, strict=True)):
        grey = np.round(255 * window.to_unit(image)).astype(np.uint8)
        box = layout.panels[number]
        shrunk = box.width < i1 - i0
        axes = page.show(grey[j0:j1, i0:i1], box, "antialiased" if shrunk else "nearest")
        page.write(label, box.left + box.width / 2, box.top - 0.75 * layout.text, 1.0, room=box.width)
        lowest = box
        if roi:
            page.frame(axes, (roi.i0 - i0, roi.i1 - i0, roi.j0 - j0, roi.j1 - j0))
            lowest = layout.zooms[number]
            page.show(grey[roi.j0 : roi.j1, roi.i0 : roi.i1], lowest, "bicubic", edge=True)
        if metrics and label in metrics:
            below = lowest.top + lowest.height + 0.75 * layout.text
            page.write(_in_words(metrics[label]), box.left + box.width / 2, below, _METRICS_TYPE, room=box.width)
    for line, text in enumerate(footnote):
        below = layout.footnote_top + (line + 0.6) * _SMALL_TYPE * 1.35 * layout.text
        page.write(text, layout.panels[0].left, below, _SMALL_TYPE, align="left", color="#333333")
    return figure


def save_comparison(path: str | Path, panels: Sequence[tuple[str, np.ndarray]], **options) -> None:
    """Write the figure of `comparison_figure`, with its options, to a file, whole or not at all.

    Raises
    ------
    InputError, MissingDependencyError
        As for `comparison_figure`.
    OutputError
        As for `files.write_figure`.
    """
    write_figure(path, comparison_figure(panels, **options))


def _checked(panels, pixel_aspect: float) -> list[np.ndarray]:
    images = [np.asarray(image) for _, image in panels]
    if not images:
        raise InputError("a comparison figure needs at least one panel.")
    for (label, _), image in zip(panels, images, strict=True):
        if image.ndim != 2 or image.size == 0:
            raise InputError(f"panel '{label}' must be one slice, rows by columns, not of shape {image.shape}.")
        if image.shape != images[0].shape:
            raise InputError(
                f"panel '{label}' is {image.shape[1]}×{image.shape[0]} pixels, '{panels[0][0]}' is "
                f"{images[0].shape[1]}×{images[0].shape[0]}; a comparison needs slices of one size."
            )
        if not np.isfinite(image).all():
            raise InputError(f"panel '{label}' holds values that are not finite; replace those first.")
    if not (np.isfinite(pixel_aspect) and pixel_aspect > 0):
        raise InputError(f"the pixel aspect must be a positive number, not {pixel_aspect:g}.")
    return images


def _checked_roi(roi, rows: int, columns: int) -> ROI | None:
    if isinstance(roi, Sequence) and not isinstance(roi, str) and len(roi) == 4:
        roi = (*roi, 0)
    roi = ROI.of(roi)
    if roi and not (0 <= roi.i0 < roi.i1 <= columns and 0 <= roi.j0 < roi.j1 <= rows):
        raise InputError(
            f"the ROI, columns {roi.i0} to {roi.i1} and rows {roi.j0} to {roi.j1}, is empty or does not lie in the "
            f"slice of {columns}×{rows} pixels; upper bounds are exclusive."
        )
    return roi


def _in_words(value) -> str:
    if isinstance(value, str):
        return value
    return " / ".join(f"{metric.text(getattr(value, metric.key))} {metric.unit}".rstrip() for metric in _SHOWN)


def _footnote(window: Window, metrics, roi, of_roi: bool, note: str | None) -> str:
    parts = [f"Display window {window}."]
    if roi:
        parts.append("Below: the red box enlarged (bicubic), same window.")
    if note:
        parts.append(note)
    elif metrics:
        measured = next((value for value in metrics.values() if not isinstance(value, str)), None)
        measured_in = getattr(measured, "window", window)
        shown = " / ".join(metric.label for metric in _SHOWN)
        where = "the first panel, in the red box" if of_roi else "the first panel's slice"
        parts.append(
            f"Under each panel {shown} against {where}, values clipped to {measured_in} and scaled to "
            f"[0, 1] (data range 1). SSIM: {SSIM_VARIANT}."
        )
    return " ".join(parts)


class _Page:
    """A figure addressed in pixels from its upper left corner."""

    def __init__(self, figure, layout: Layout):
        self._figure, self._layout = figure, layout
        #: Points of type and line width to a pixel.
        self._point = 72 / figure.dpi

    def write(self, text, x, y, size, *, align="center", weight="normal", color="black", room=None) -> None:
        """Write a line centred on height y; `size` is relative to the labels', `room` the width it must fit in."""
        pixels = size * self._layout.text
        if room:
            # A character is about 0.6 of the type's height wide.
            pixels = min(pixels, room / (0.6 * max(1, len(text))))
        self._figure.text(
            x / self._layout.width, 1 - y / self._layout.height, text, ha=align, va="center_baseline", color=color,
            fontsize=pixels * self._point, weight=weight, parse_math=False,
        )  # fmt: skip

    def show(self, grey: np.ndarray, box: Box, interpolation: str, edge: bool = False):
        """Show an 8-bit image in a box, and with `edge` in a red frame; return its axes."""
        width, height = self._layout.width, self._layout.height
        axes = self._figure.add_axes(
            (box.left / width, 1 - (box.top + box.height) / height, box.width / width, box.height / height)
        )
        # As RGB, so that no colour map quantises the grey values a second time.
        axes.imshow(np.repeat(grey[..., None], 3, axis=2), interpolation=interpolation, aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(edge)
            spine.set(color=_RED, linewidth=self._line)
        return axes

    def frame(self, axes, bounds) -> None:
        """Draw a red box around columns and rows (i0, i1, j0, j1), upper bounds exclusive."""
        i0, i1, j0, j1 = bounds
        rectangle = require("matplotlib.patches").Rectangle(
            (i0 - 0.5, j0 - 0.5), i1 - i0, j1 - j0, fill=False, edgecolor=_RED, linewidth=self._line, clip_on=False
        )
        axes.add_patch(rectangle)

    @property
    def _line(self) -> float:
        return max(2.0, self._layout.width / 800) * self._point
