"""`ldct-denoise batch`: metrics against the full dose, and what is refused."""

import shutil

import numpy as np
import pydicom
import pytest
from archive_maker import files_below, of_series, write_archive, write_what_is_no_ct
from batch_running import batch, report_of
from dicom_series_maker import make_slice, stored_values, write_series
from LDCTDenoiseLib.engine import denoise_array
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.methods import make_denoiser
from LDCTDenoiseLib.metrics import SSIM_VARIANT, measure_volumes
from LDCTDenoiseLib.volumes import read_volume


def noisy(k, seed=0):
    return (stored_values(k) + np.random.default_rng(seed + k).normal(0, 40, stored_values(k).shape)).astype(np.int16)


@pytest.fixture
def paired(archive):
    for n, name in enumerate(("p1/quarter", "p1/full", "p2/quarter")):
        folder = archive / name
        folder.mkdir(parents=True)
        for k in range(3):
            dataset = make_slice(k, (-100, -80, 30 + 2 * k), noisy(k, n) if "quarter" in name else None)
            dataset.SeriesInstanceUID = f"1.4.{n}"
            dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return archive


@pytest.mark.parametrize("only", [True, False])
def test_metrics_against_the_full_dose(paired, output, only):
    window = ("--window", "-1024", "1000")
    assert batch(paired, output, "--full-dose", paired, *window, *(["--metrics-only"] if only else [])) == 0
    rows = report_of(output)
    assert {uid: row["result"] for uid, row in rows.items()} == {
        "1.4.0": "done", "1.4.1": "skipped", "1.4.2": "skipped" if only else "done",
    }  # fmt: skip
    row = rows["1.4.0"]
    low, full = (read_volume(paired / "p1" / name).array for name in ("quarter", "full"))
    for prefix, image in (("low_", low), ("", denoise_array(low, make_denoiser("TV"), "cpu"))):
        expected = measure_volumes(full, {"": image}, Window(-1024, 1000))[""]
        for name, key in (("psnr_db", "psnr"), ("ssim", "ssim"), ("rmse_hu", "rmse_hu")):
            assert float(row[prefix + name]) == pytest.approx(expected[key].mean)
    assert row["psnr_db"] != row["low_psnr_db"]
    assert (row["window_lower_hu"], row["window_upper_hu"], row["data_range"]) == ("-1024.0", "1000.0", "1.0")
    assert row["ssim_variant"] == SSIM_VARIANT and row["partner"] == "1.4.1"
    assert "no full-dose partner" in rows["1.4.2"]["error" if only else "notes"]
    assert (output / "p1").exists() is not only and not any(rows["1.4.2"][n] for n in ("psnr_db", "ssim_variant"))
    assert batch(paired, output, "--full-dose", paired, *window, *(["--metrics-only"] if only else [])) == 0
    assert report_of(output)["1.4.0"]["psnr_db"] == row["psnr_db"]


def test_a_partner_on_another_grid_is_said_and_measured_against_by_nobody(paired, tmp_path, output):
    shutil.rmtree(paired / "p2")
    for path in (paired / "p1" / "full").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelSpacing = [0.9, 0.9]
        dataset.save_as(path)
    assert batch(paired, output, "--full-dose", paired) == 0
    row = report_of(output)["1.4.0"]
    assert row["result"] == "done" and "same grid" in row["notes"] and not row["psnr_db"]
    assert batch(paired, tmp_path / "other", "--full-dose", paired, "--metrics-only") == 1
    row = report_of(tmp_path / "other")["1.4.0"]
    assert row["result"] == "failed" and "same grid" in row["error"]


@pytest.mark.parametrize(("more", "words"), [
    (["--strength", "2"], "strength"),
    (["--batch", "0"], "batch"),
    (["--device", "tpu"], "tpu"),
    (["--metrics-only"], "--full-dose"),
    (["--full-dose", "IN", "--metrics-only", "--send", "A@b:1"], "--send"),
    (["--send", "nowhere"], "AE@HOST:PORT"),
    (["--send-tls"], "--send"),
    (["--full-dose", "ABSENT"], "ABSENT"),
    (["--series-number", "x"], "number"),
])  # fmt: skip
def test_bad_usage_is_one_line_and_leaves_nothing(archive, output, capsys, more, words):
    write_archive(archive, 1)
    assert batch(archive, output, *(str(archive) if word == "IN" else word for word in more)) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ldct-denoise")]
    assert len(said) == 1 and words in said[0] and not output.exists()


def test_results_of_another_method_are_not_mixed_in(archive, output, capsys):
    write_archive(archive, 1)
    assert batch(archive, output) == 0
    before = files_below(output)
    assert batch(archive, output, method="NLM") == 2
    assert "method TV instead of NLM" in capsys.readouterr().err and files_below(output) == before


def test_output_that_cannot_be_written_is_said_before_any_work(archive, tmp_path, capsys):
    write_archive(archive, 1)
    (tmp_path / "file").write_text("in the way")
    assert batch(archive, tmp_path / "file" / "out") == 2
    assert "Choose a writable place" in capsys.readouterr().err
    assert batch(archive, archive / "out") == 2 and not (archive / "out").exists()
    assert "inside the other" in capsys.readouterr().err


def test_an_archive_without_ct_is_no_error(archive, output, capsys):
    write_what_is_no_ct(archive)
    assert batch(archive, output) == 0
    assert "4 series: 4 skipped" in capsys.readouterr().out


def spoil(path, how):
    if how == "deleted":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    else:  # replaced, with the same size
        content = bytearray(path.read_bytes())
        content[-50] ^= 1
        path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["deleted", "truncated", "replaced"])
def test_results_that_are_not_what_they_were_are_said_and_made_again_once_they_are_gone(archive, output, how):
    made = list(write_archive(archive, 2))
    assert batch(archive, output) == 0
    image = output / "patient 0" / "series 0" / made[0] / "0002.dcm"
    spoil(image, how)
    for _ in range(2):
        assert batch(archive, output) == 1
        row = report_of(output)[made[0]]
        assert row["result"] == "failed" and "0002.dcm" in row["error"]
        assert f"remove 'patient 0/series 0/{made[0]}'" in row["error"]
        assert report_of(output)[made[1]]["result"] == "done"
    shutil.rmtree(image.parent)
    assert batch(archive, output) == 0 and len(list(image.parent.iterdir())) == 4


def test_a_source_that_changed_under_the_same_uids_is_said(archive, output):
    made = list(write_archive(archive, 2))
    assert batch(archive, output) == 0
    source = sorted((archive / "patient 0" / "series 0").iterdir())[1]
    state = source.stat()
    content = source.read_bytes()
    source.write_bytes(content)
    assert batch(archive, output) == 0, "a copy with another time is the same"
    spoil(source, "replaced")
    assert source.stat().st_size == state.st_size and batch(archive, output) == 1
    error = report_of(output)[made[0]]["error"]
    assert "has changed" in error and source.name in error and report_of(output)[made[1]]["result"] == "done"
    source.write_bytes(content)
    assert batch(archive, output) == 0


@pytest.mark.slow
def test_a_damaged_ledger_mixes_no_methods(archive, output, capsys):
    write_archive(archive, 1)
    assert batch(archive, output) == 0
    settings = output / ".ldct-denoise" / "batch.json"
    settings.write_bytes(settings.read_bytes()[:20])
    capsys.readouterr()
    before = files_below(output)
    for method in ("TV", "NLM"):
        assert batch(archive, output, method=method) == 2 and files_below(output) == before
        assert "batch.json" in (said := capsys.readouterr().err) and len(said.splitlines()) == 1


def test_no_cell_of_the_report_is_a_formula(archive, output):
    write_series(archive / "=HYPERLINK(1)", 1, change=of_series("1.1"))
    write_series(archive / "-2+3", 1, change=of_series("1.2"))
    write_series(archive / "@SUM", 1, change=of_series("1.3", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
    assert batch(archive, output) == 0
    sources = [row["source"] for row in report_of(output).values()]
    assert sorted(sources) == ["'-2+3", "'=HYPERLINK(1)", "'@SUM"]
    for row in report_of(output).values():
        assert not any(cell[:1] in ("=", "+", "-", "@") for cell in row.values() if cell)
