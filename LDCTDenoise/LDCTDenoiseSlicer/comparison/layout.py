"""The module's own layouts: a grid of slice views, a column an image, a row a way to look at it."""

from dataclasses import dataclass

#: The ways to look at an image, from top to bottom: as it is, the ROI of it, minus the reference, low dose minus it.
ROWS = ("images", "zoom", "difference", "noise")

#: The most images side by side.
MOST = 6

#: Layout ids from here on are the module's: 16 for each number of images, one for each set of rows.
_FIRST_ID = 71800

#: The view groups within which Slicer links: the whole images with their differences, and the zooms.
WHOLE_GROUP, ZOOM_GROUP = 7180, 7181


@dataclass(frozen=True)
class Layout:
    """A grid of views.

    Parameters
    ----------
    columns : int
        How many images, 1 to 6.
    rows : tuple of str
        The rows there are, of `ROWS`, "images" among them.
    """

    columns: int
    rows: tuple[str, ...]

    @property
    def id(self) -> int:
        """The id in the layout node; the same grid has the same id for ever, so that it is registered once."""
        return _FIRST_ID + 16 * self.columns + sum(1 << ROWS.index(row) for row in self.rows)

    @property
    def names(self) -> list[list[str]]:
        """The names of the views, row by row; a view's name is its singleton tag, too."""
        return [[viewName(row, column) for column in range(self.columns)] for row in self.rows]

    def xml(self) -> str:
        """The description for the layout node."""
        names = self.names
        if len(names) == 1 and self.columns > 3:
            # Images alone: two lines of them are larger than one.
            half = (self.columns + 1) // 2
            names = [names[0][:half], names[0][half:]]
        lines = "".join(f"<item>{_line(line)}</item>" for line in names)
        return f'<layout type="vertical" split="false">{lines}</layout>'


def viewName(row: str, column: int) -> str:
    """Return the name of the view of a row (of `ROWS`) and a column (from 0)."""
    return f"LDCTDenoise{row.capitalize()}{column + 1}"


def isOurs(layoutId: int) -> bool:
    """Whether a layout id is one of the module's."""
    return _FIRST_ID <= layoutId < _FIRST_ID + 16 * (MOST + 1)


def _line(names) -> str:
    views = "".join(
        f'<item><view class="vtkMRMLSliceNode" singletontag="{name}">'
        '<property name="orientation" action="default">Axial</property></view></item>'
        for name in names
    )
    return f'<layout type="horizontal" split="false">{views}</layout>'
