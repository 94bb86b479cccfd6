"""The comparison's layouts: what they hold, and that they are nobody else's."""

import itertools
import xml.etree.ElementTree as ElementTree

import pytest
from LDCTDenoiseSlicer.comparison.layout import ROWS, Layout, hang, isOurs, viewName

_ROWS = [("images", *rest) for n in range(4) for rest in itertools.combinations(ROWS[1:], n)]


def test_every_grid_has_an_id_of_its_own_that_is_no_one_elses():
    import slicer

    ids = [Layout(images, rows, columns).id for images in range(1, 7) for columns in range(1, 7) for rows in _ROWS]
    assert len(set(ids)) == 6 * 6 * 8
    assert all(isOurs(i) for i in ids)
    slicers = [getattr(slicer.vtkMRMLLayoutNode, n) for n in dir(slicer.vtkMRMLLayoutNode) if n.startswith("SlicerL")]
    assert slicers and not any(isOurs(i) for i in slicers if isinstance(i, int))


@pytest.mark.parametrize("images", range(1, 7))
def test_the_description_holds_each_view_once_line_by_line(images):
    for rows in _ROWS:
        for columns in range(1, max(images, len(rows)) + 1):
            layout = Layout(images, rows, columns)
            root = ElementTree.fromstring(layout.xml())
            views = [view.get("singletontag") for view in root.iter("view")]
            assert sorted(views) == sorted(viewName(row, image) for row in rows for image in range(images))
            assert sorted(views) == sorted(viewName(*cell) for cell in layout.cells)
            lines = [[view.get("singletontag") for view in line.iter("view")] for line in root.findall("item")]
            assert lines == layout.names and max(len(line) for line in lines) <= columns
            assert {view.get("class") for view in root.iter("view")} == {"vtkMRMLSliceNode"}


def test_no_more_lines_than_the_window_has_room_for():
    """Flat bodies, as thin slabs in coronal, would stand in six lines, whose views make the window larger."""
    assert len(hang(6, ("images", "zoom"), "auto", (400, 12), (1020, 480)).names) == 6
    assert len(hang(6, ("images", "zoom"), "auto", (400, 12), (1020, 310)).names) == 2
