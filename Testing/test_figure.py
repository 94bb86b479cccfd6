"""The paper-like figure, judged by the pixels of the file it writes."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError, MissingDependencyError, OutputError
from LDCTDenoiseLib.figure import comparison_figure, crop_to_body, save_comparison
from LDCTDenoiseLib.hounsfield import PAPER, Window
from LDCTDenoiseLib.metrics import ROI

ROI_BOX = (30, 70, 20, 60)


def blocks(shift=0.0, rows=96, columns=120):
    """A slice of 8×8 blocks, each of its own HU, so that a shown pixel tells where it came from."""
    j, i = np.mgrid[:rows, :columns] // 8
    return -150.0 + (i * 37 + j * 53) % 380 + shift


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def boxes(figure):
    """The images' rectangles (left, top, width, height) in pixels, in the order they were added."""
    width, height = figure.canvas.get_width_height()
    found = []
    for axes in figure.axes:
        x0, y0, w, h = axes.get_position().bounds
        found.append([round(v) for v in (x0 * width, (1 - y0 - h) * height, w * width, h * height)])
    return found


def grey(hounsfield, window=PAPER):
    return int(np.round(255 * np.clip((hounsfield - window.lower) / (window.upper - window.lower), 0, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("window", [PAPER, Window(0, 150)])
def test_every_pixel_has_the_grey_of_the_window(window):
    slices = [blocks(), blocks(11.0)]
    figure = comparison_figure([("A", slices[0]), ("B", slices[1])], window=window, crop=False)
    page = pixels(figure)
    for image, (left, top, width, height) in zip(slices, boxes(figure), strict=True):
        scale = width // 120
        assert width == 120 * scale and height == 96 * scale, "whole pixels"
        shown = page[top : top + height, left : left + width].reshape(96, scale, 120, scale, 3)
        expected = np.vectorize(lambda v: grey(v, window))(image)
        # Matplotlib's versions differ by one dot in where an enlarged pixel begins.
        assert (shown[:, 1:-1, :, 1:-1] == expected[:, None, :, None, None]).all()


@pytest.mark.slow
def test_the_red_box_lies_where_the_roi_is():
    figure = comparison_figure([("A", blocks())], roi=ROI_BOX, crop=False)
    page = pixels(figure)
    left, top, width, height = boxes(figure)[0]
    scale = width / 120
    panel = page[top : top + height, left : left + width]
    red = (panel[..., 0] > 150) & (panel[..., 1] < 90) & (panel[..., 2] < 90)
    rows, columns = np.nonzero(red)
    found = np.array([columns.min(), columns.max() + 1, rows.min(), rows.max() + 1]) / scale
    assert np.abs(found - ROI_BOX).max() < 0.25
    i, j = int(50 * scale), int(40 * scale)
    assert not red[j - 20 : j + 20, i - 20 : i + 20].any(), "a frame, not a patch"
    assert red.mean() < 0.05


@pytest.mark.slow
def test_the_second_row_shows_exactly_the_roi():
    images = [blocks(), blocks(23.0)]
    figure = comparison_figure([("A", images[0]), ("B", images[1])], roi=ROI(*ROI_BOX, 4), crop=False)
    page = pixels(figure)
    first, first_zoom, second, second_zoom = boxes(figure)
    assert first_zoom[1] > first[1] + first[3] and second_zoom[0] == second[0]
    for image, (left, top, width, height) in zip(images, (first_zoom, second_zoom), strict=True):
        assert width == height
        scale = width / 40
        for j in range(22, 60, 3):
            for i in range(32, 70, 3):
                if i % 8 in (0, 7) or j % 8 in (0, 7):
                    continue  # interpolation blends neighbours there
                shown = page[int(top + (j + 0.5 - 20) * scale), int(left + (i + 0.5 - 30) * scale)]
                assert abs(shown - grey(image[j, i])).max() <= 12, (i, j)
        edge = page[int(top + (44.5 - 20) * scale), left + 8]
        assert abs(edge - grey(image[44, 30])).max() <= 20, "begins with the ROI's first column"


def texts(figure):
    return [text.get_text() for text in figure.texts]


@pytest.mark.slow
def test_labels_stand_above_their_panels_in_the_given_order():
    labels = ["FDCT", "LDCT", "TV", "$x_1$"]
    figure = comparison_figure([(label, blocks()) for label in labels], roi=ROI_BOX, crop=False)
    assert [t for t in texts(figure) if t in labels] == labels
    width = figure.canvas.get_width_height()[0]
    for text, (left, _, w, _) in zip(figure.texts, boxes(figure)[::2], strict=False):
        assert abs(text.get_position()[0] * width - (left + w / 2)) < 2
    height = [t.get_fontsize() * figure.dpi / 72 * 1400 / width for t in figure.texts]
    assert min(height) >= 12, "legible when the picture is 1400 pixels wide"


@pytest.mark.slow
def test_numbers_come_with_their_window_and_variant():
    quality = SimpleNamespace(psnr=28.016, ssim=0.8829, rmse=0.03974, window=PAPER)
    figure = comparison_figure(
        [("A", blocks()), ("B", blocks())], metrics={"B": quality, "A": "reference"}, title="T", crop=False
    )
    written = " ".join(texts(figure))
    assert "28.02 dB / 0.883 / 0.0397" in written and "reference" in written and texts(figure)[0] == "T"
    assert "Gaussian 11x11" in written and written.count("[-160, 240] HU") == 2 and "PSNR / SSIM / RMSE" in written
    plain = comparison_figure([("A", blocks())], metrics={"A": "30 dB"}, window=Window(0, 150), crop=False)
    assert "Gaussian 11x11" in " ".join(texts(plain)) and "[0, 150] HU" in " ".join(texts(plain))


def test_without_roi_there_is_one_row():
    figure = comparison_figure([("A", blocks()), ("B", blocks())], crop=False)
    assert len(figure.axes) == 2 and not any("red" in t for t in texts(figure))
    page = pixels(figure)
    assert not ((page[..., 0] > 150) & (page[..., 1] < 90)).any()


def test_many_panels_go_on_in_further_rows():
    figure = comparison_figure([(str(n), blocks()) for n in range(8)], roi=ROI_BOX, crop=False)
    places = boxes(figure)
    assert len(places) == 16
    tops = [top for _, top, _, _ in places[::2]]
    assert tops[:4] == [tops[0]] * 4 and tops[4:] == [tops[4]] * 4
    assert tops[4] > places[1][1] + places[1][3], "below the first band's enlarged ROIs"


def test_pixel_aspect_stretches_rows():
    figure = comparison_figure([("A", blocks())], roi=ROI_BOX, pixel_aspect=1.5, crop=False)
    (_, _, width, height), (_, _, zoom_width, zoom_height) = boxes(figure)
    assert abs(height / width - 1.5 * 96 / 120) < 0.01 and abs(zoom_height / zoom_width - 1.5) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("columns", [120, 512, 3000])
def test_the_file_is_wide_but_not_absurd(columns, tmp_path):
    from PIL import Image

    image = np.full((columns // 4, columns), 40.0)
    path = tmp_path / "comparison.png"
    save_comparison(path, [(name, image) for name in "ABC"], crop=False)
    with Image.open(path) as written:
        assert 2400 <= written.width <= 7000
    assert [p.name for p in tmp_path.iterdir()] == ["comparison.png"]


@pytest.mark.parametrize(
    "roi", [(30, 30, 20, 60), (30, 20, 20, 60), (-1, 20, 0, 10), (100, 121, 0, 10), (0, 9, 90, 97)]
)
def test_a_bad_roi_names_the_slice(roi, tmp_path):
    with pytest.raises(InputError, match="120×96"):
        save_comparison(tmp_path / "x.png", [("A", blocks())], roi=roi)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "panels",
    [[], [("A", blocks()), ("B", blocks(rows=64))], [("A", blocks()[None])], [("A", np.full((9, 9), np.nan))]],
)
def test_panels_that_cannot_be_compared_are_refused(panels):
    with pytest.raises(InputError):
        comparison_figure(panels)


def test_an_unwritable_path_leaves_nothing(tmp_path):
    panels = [("A", blocks())]
    with pytest.raises(OutputError, match="nowhere"):
        save_comparison(tmp_path / "nowhere" / "x.png", panels)
    with pytest.raises(OutputError, match=".png"):
        save_comparison(tmp_path / "x.docx", panels)
    with pytest.raises(OutputError):
        save_comparison(tmp_path, panels)
    assert not list(tmp_path.iterdir())


def test_no_global_state_and_a_missing_matplotlib_is_named(monkeypatch):
    comparison_figure([("A", blocks())], crop=False)
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        comparison_figure([("A", blocks())], crop=False)


def test_crop_keeps_patient_and_drops_air_and_table():
    image = np.full((200, 300), -1000.0)
    image[60:120, 50:250] = 40
    image[150, 20:280] = 100
    noisy = image + np.random.default_rng(0).normal(0, 60, image.shape)
    for picture in (image, noisy):
        i0, i1, j0, j1 = crop_to_body(picture, margin=5)
        assert abs(i0 - 45) <= 2 and abs(i1 - 255) <= 2 and abs(j0 - 55) <= 2 and abs(j1 - 125) <= 2
    assert crop_to_body(np.full((50, 60), -1000.0)) == (0, 60, 0, 50)


def test_cropping_is_alike_for_all_and_never_cuts_the_roi():
    image = np.full((96, 120), -1000.0)
    image[30:70, 30:90] = 50
    figure = comparison_figure([("A", image), ("B", image - 2000)], roi=(0, 20, 60, 90))
    extents = [axes.images[0].get_array().shape[:2] for axes in figure.axes]
    assert extents[0] == extents[2] and extents[1] == extents[3] == (30, 20)
    assert extents[0] == (90 - 22, 98), "rows from 8 above the patient to the ROI's end, columns from the ROI's start"


def test_the_numbers_below_an_enlarged_region_are_the_regions(tmp_path, monkeypatch):
    """What `compare --roi` and `demo` draw."""
    from LDCTDenoiseLib.cli import comparison_files
    from LDCTDenoiseLib.metrics import measure_slice
    from LDCTDenoiseLib.volumes import Geometry, Volume

    geometry = Geometry((0.7, 0.8, 2.5), (0.0, 0.0, 0.0))
    full = Volume(np.stack([blocks(), blocks(5)]), geometry, "full")
    low = Volume(full.array + np.random.default_rng(0).normal(0, 30, full.array.shape), geometry, "low")
    drawn = {}
    monkeypatch.setattr(comparison_files, "save_comparison", lambda path, panels, **options: drawn.update(options))
    for roi, part in ((ROI(30, 70, 20, 60, 1), np.s_[1, 20:60, 30:70]), (None, np.s_[1])):
        comparisons = comparison_files.measure(full, {"LDCT": low}, PAPER, roi)
        comparison_files.write_figure(tmp_path, full, comparisons, {"LDCT": low}, roi)
        assert drawn["metrics"]["LDCT"] == measure_slice(full.array[part], low.array[part], PAPER)
        assert drawn["metrics_of_roi"] is (roi is not None)
