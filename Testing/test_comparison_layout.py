"""The comparison's layouts: what they hold, and that they are nobody else's."""

import itertools
import xml.etree.ElementTree as ElementTree

import pytest
from LDCTDenoiseSlicer.comparison.layout import ROWS, Layout, isOurs, viewName

_ROWS = [("images", *rest) for n in range(4) for rest in itertools.combinations(ROWS[1:], n)]


def test_every_grid_has_an_id_of_its_own_that_is_no_one_elses():
    import slicer

    ids = [Layout(columns, rows).id for columns in range(1, 7) for rows in _ROWS]
    assert len(set(ids)) == 6 * 8
    assert all(isOurs(i) for i in ids)
    slicers = [getattr(slicer.vtkMRMLLayoutNode, n) for n in dir(slicer.vtkMRMLLayoutNode) if n.startswith("SlicerL")]
    assert slicers and not any(isOurs(i) for i in slicers if isinstance(i, int))


@pytest.mark.parametrize("columns", range(1, 7))
def test_the_description_holds_each_view_once_row_by_row(columns):
    for rows in _ROWS:
        root = ElementTree.fromstring(Layout(columns, rows).xml())
        views = [view.get("singletontag") for view in root.iter("view")]
        assert views == [viewName(row, column) for row in rows for column in range(columns)]
        assert {view.get("class") for view in root.iter("view")} == {"vtkMRMLSliceNode"}


def test_images_alone_are_wrapped_and_rows_are_not():
    lines = [len(line.findall("item")) for line in ElementTree.fromstring(Layout(5, ("images",)).xml()).iter("layout")]
    assert lines == [2, 3, 2]  # the outer one, then the lines
    zooms = ElementTree.fromstring(Layout(5, ("images", "zoom")).xml())
    assert [len(line.findall("item")) for line in zooms.iter("layout")] == [2, 5, 5]
