"""The comparison on real MRML scenes: regions of interest and the table against an independent computation."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseSlicer.rois import pixelROI
from LDCTDenoiseSlicer.tables import CAPTION, shownRows
from slicer_volumes import addROI, addTransform, addVolume, measured


def column(table, name):
    return [table.GetTable().GetValueByName(row, name) for row in range(table.GetTable().GetNumberOfRows())]


def numbers(table, name):
    return [value.ToDouble() for value in column(table, name)]


def test_table_agrees_with_an_independent_computation(logic, scene, fullAndLow):
    full, low = fullAndLow
    same = addVolume(scene, slicer.util.arrayFromVolume(full).copy(), "same")
    table = logic.compare(full, {"LDCT": low, "same": same})
    a, b = (slicer.util.arrayFromVolume(node) for node in fullAndLow)
    expected = np.array([measured(x, y) for x, y in zip(a, b, strict=True)])
    assert table.IsA("vtkMRMLTableNode") and table.GetScene() is full.GetScene()
    assert [v.ToString() for v in column(table, "image")] == ["FDCT", "LDCT", "same"]
    for index, (mean, spread) in enumerate(
        [("psnr_db", "psnr_sd"), ("ssim", "ssim_sd"), ("rmse", "rmse_sd"), ("rmse_hu", "rmse_hu_sd")]
    ):
        assert numbers(table, mean)[1] == pytest.approx(expected[:, index].mean(), rel=1e-9)
        assert numbers(table, spread)[1] == pytest.approx(expected[:, index].std(), rel=1e-9)
    assert numbers(table, "psnr_db")[2] == np.inf and numbers(table, "ssim")[2] == 1
    assert numbers(table, "window_lower_hu") == [-160] * 3 and numbers(table, "window_upper_hu") == [240] * 3
    assert numbers(table, "data_range") == [1] * 3 and numbers(table, "slices") == [4] * 3
    # Full dose's own row has mean and SD of the whole volume, and nothing to be measured against.
    assert numbers(table, "mean_hu")[:2] == pytest.approx([a.mean(dtype=float), b.mean(dtype=float)])
    assert numbers(table, "sd_hu")[:2] == pytest.approx([a.std(dtype=float), b.std(dtype=float)])
    assert np.isnan(numbers(table, "psnr_db")[0]) and shownRows(table)[0][2:6] == ["–"] * 4
    assert "Wang 2004" in column(table, "ssim_variant")[0].ToString()
    assert "[-160, 240] HU" in table.GetAttribute(CAPTION)
    shown = shownRows(table)[1]
    assert shown[6:] == [f"{b.mean(dtype=float):.1f}", f"{b.std(dtype=float):.1f}"]
    assert shown[:3] == ["LDCT", "–", f"{expected[:, 0].mean():.2f} ± {expected[:, 0].std():.2f}"]


def test_window_and_roi(logic, fullAndLow):
    full, low = fullAndLow
    table = logic.compare(full, low, roi=(10, 30, 5, 25, 2), window=(-50, 150))
    a, b = (slicer.util.arrayFromVolume(node)[2, 5:25, 10:30] for node in fullAndLow)
    values = [numbers(table, name)[1] for name in ("psnr_db", "ssim", "rmse", "rmse_hu")]
    assert values == pytest.approx(measured(a, b, (-50, 150)), rel=1e-9)
    assert column(table, "roi")[0].ToString() == "10,30,5,25,2"


def test_table_is_reused(logic, scene, fullAndLow):
    full, low = fullAndLow
    table = logic.compare(full, [low, low])
    count = scene.GetNumberOfNodes()
    assert [v.ToString() for v in column(table, "image")] == ["FDCT", "low", "low (2)"]
    assert logic.compare(full, low, tableNode=table) is table
    assert scene.GetNumberOfNodes() == count and table.GetTable().GetNumberOfRows() == 2


def test_progress_stops_the_comparison(logic, scene, fullAndLow):
    full, low = fullAndLow
    seen = []
    assert logic.compare(full, low, progress=lambda p: seen.append((p.done, p.of)) or len(seen) < 2) is None
    assert seen == [(1, 4), (2, 4)] and not scene.GetNumberOfNodesByClass("vtkMRMLTableNode")


@pytest.mark.parametrize("moved", [False, True])
def test_roi_node_gives_exact_pixels(logic, scene, fullAndLow, moved):
    full, low = fullAndLow
    if moved:
        for node in fullAndLow:
            node.SetAndObserveTransformNodeID(addTransform(scene).GetID())
    # Edges half way between pixels, as an ROI drawn around whole pixels has.
    assert str(pixelROI(addROI(scene, full, (9.5, 29.5), (4.5, 24.5), 2), full)) == "10,30,5,25,2"
    # A pixel belongs when its centre is inside.
    assert str(pixelROI(addROI(scene, full, (9.9, 29.1), (4.9, 25.0), 1.4), full)) == "10,30,5,26,1"
    assert str(pixelROI(addROI(scene, full, (10.1, 28.9), (5.1, 23.9), 2.6), full)) == "11,29,6,24,3"
    # Cut off at the edge of the image.
    assert str(pixelROI(addROI(scene, full, (-20, 8.4), (30, 90), 0), full)) == "0,9,30,40,0"
    roi = addROI(scene, full, (9.5, 29.5), (4.5, 24.5), 2)
    tables = [logic.compare(full, low, roi=r) for r in (roi, (10, 30, 5, 25, 2))]
    assert shownRows(tables[0]) == shownRows(tables[1])


def test_roi_node_of_a_transformed_roi(scene, fullAndLow):
    full, _ = fullAndLow
    roi = addROI(scene, full, (9.5, 29.5), (4.5, 24.5), 2)
    transform = addTransform(scene).GetID()
    roi.SetAndObserveTransformNodeID(transform)
    full.SetAndObserveTransformNodeID(transform)
    assert str(pixelROI(roi, full)) == "10,30,5,25,2"


def test_bad_arguments_leave_no_table(logic, scene, fullAndLow):
    full, low = fullAndLow
    poisoned = addVolume(scene, np.full((4, 40, 50), np.nan, np.float32), "poisoned")
    away = addROI(scene, full, (200, 220), (5, 25), 2)
    above = addROI(scene, full, (9.5, 29.5), (4.5, 24.5), 7)
    empty = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "empty")
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "line")
    for words, arguments in [
        ("no reference is selected", (None, low)),
        ("nothing to compare", (full, [])),
        ("no volume to compare is selected", (full, [None])),
        ("no volume 'LDCT' is selected", (full, {"LDCT": None})),
        ("does not lie in the volume", (full, low, (10, 80, 0, 10, 0))),
        ("five whole numbers", (full, low, (10, 20))),
        ("holds no pixel of 'full'", (full, low, away)),
        ("holds no pixel of 'full'", (full, low, above)),
        ("'empty' has not been placed", (full, low, empty)),
        ("'line' is not a Markups ROI", (full, low, line)),
        ("a window is a lower and an upper", (full, low, None, 5)),
        ("a window needs a lower and a larger upper", (full, low, None, (240, -160))),
        ("must be a table node", (full, low, None, (-160, 240), full)),
        ("NaN", (full, poisoned)),
    ]:
        with pytest.raises(InputError, match=words):
            logic.compare(*arguments)
    assert not scene.GetNumberOfNodesByClass("vtkMRMLTableNode")
