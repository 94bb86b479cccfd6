"""The module's own layouts, a hanging protocol: which views there are, in as many lines as make the body largest."""

from dataclasses import dataclass

from LDCTDenoiseLib.errors import InputError

#: The ways to look at an image: as it is, the ROI of it, minus the reference, low dose minus it.
ROWS = ("images", "zoom", "difference", "noise")

#: The most images in view; more scroll.
MOST = 6

#: How images are hung: as makes them largest, in one line, two lines of three, three of two, or one large one.
ARRANGEMENTS = ("auto", "1xn", "2x3", "3x2", "stack")

#: Images side by side in an arrangement that says so.
_COLUMNS = {"1xn": MOST, "2x3": 3, "3x2": 2}

#: The least width and height of a view in pixels: more views than the window has room for would make it larger.
LEAST_SIZE = 80

#: How much smaller images with several rows each may be to stand in one line more.
_GOES_ON = 0.85

#: Layout ids from here on are the module's: 16, one for each set of rows, for each number of images and columns.
_FIRST_ID = 71800

#: The view groups within which Slicer links: the whole images with their differences, and the zooms.
WHOLE_GROUP, ZOOM_GROUP = 7180, 7181


@dataclass(frozen=True)
class Layout:
    """A grid of views."""

    images: int  #: How many images, 1 to 6.
    rows: tuple[str, ...]  #: The rows there are of each line of images, of `ROWS`, "images" among them.
    columns: int  #: How many images stand side by side; of a single image, how many of its rows.

    @property
    def id(self) -> int:
        """The id in the layout node; the same grid has the same id for ever, so that it is registered once."""
        return _FIRST_ID + 16 * (8 * self.images + self.columns) + sum(1 << ROWS.index(row) for row in self.rows)

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Row and number of the image, from 0, of each view."""
        return [(row, image) for image in range(self.images) for row in self.rows]

    @property
    def names(self) -> list[list[str]]:
        """The names of the views, line by line; a view's name is its singleton tag, too."""
        if self.images == 1:
            return _lines([viewName(row, 0) for row in self.rows], self.columns)
        return [[viewName(row, image) for image in line]
                for line in _lines(range(self.images), self.columns) for row in self.rows]

    def xml(self) -> str:
        """The description for the layout node."""
        lines = "".join(f"<item>{sliceViews(line)}</item>" for line in self.names)
        return f'<layout type="vertical" split="false">{lines}</layout>'


def hang(images: int, rows: tuple[str, ...], arrangement: str, extent, size) -> Layout:
    """Return the layout of so many images.

    Parameters
    ----------
    images : int
        1 to 6.
    rows : tuple of str
        Of `ROWS`, "images" among them.
    arrangement : str
        One of `ARRANGEMENTS`; "auto" makes what is seen in the views as large as the window lets it.
    extent, size : two float
        Width and height of what is to be seen, in mm, and of the window, in pixels.
    """
    requireArrangement(arrangement)
    most = len(rows) if images == 1 else images
    if images > 1 and arrangement in _COLUMNS:
        return Layout(images, rows, min(_COLUMNS[arrangement], images))

    def rank(layout: Layout) -> tuple:
        lines = layout.names
        fits = min(size[0] / layout.columns, size[1] / len(lines)) >= LEAST_SIZE
        scale = min(size[0] / layout.columns / extent[0], size[1] / len(lines) / extent[1])
        if images > 1 and len(rows) > 1:
            # Rows that go on below others are compared less easily.
            scale *= _GOES_ON ** (len(lines) / len(rows) - 1)
        # Of two that show it alike the one with the fuller last line.
        return fits, round(scale, 6), len(lines[-1]) - layout.columns

    return max((Layout(images, rows, columns) for columns in range(most, 0, -1)), key=rank)


def requireArrangement(name: str) -> None:
    if name not in ARRANGEMENTS:
        raise InputError(f"there is no arrangement '{name}'; there are {', '.join(ARRANGEMENTS)}.")


def viewName(row: str, column: int) -> str:
    """Return the name of the view of a row (of `ROWS`) and an image (from 0)."""
    return f"LDCTDenoise{row.capitalize()}{column + 1}"


def isOurs(layoutId: int) -> bool:
    """Whether a layout id is one of the module's."""
    return _FIRST_ID <= layoutId < _FIRST_ID + 16 * 8 * (MOST + 1)


def _lines(things, columns: int) -> list[list]:
    return [list(things[start : start + columns]) for start in range(0, len(things), columns)]


def sliceViews(names) -> str:
    """Return the description of slice views side by side, by their names."""
    views = "".join(
        f'<item><view class="vtkMRMLSliceNode" singletontag="{name}">'
        '<property name="orientation" action="default">Axial</property></view></item>'
        for name in names
    )
    return f'<layout type="horizontal" split="false">{views}</layout>'
