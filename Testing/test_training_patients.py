"""Patient sets: what a folder is understood to hold, what the files say, and what is refused before any training."""

import json
from pathlib import Path

import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingLib.patients import (
    PatientSet,
    Scan,
    SimulationRanges,
    choose_validation,
    find_patients,
    leave_one_out,
    read_patient_set,
    write_patient_set,
)
from LDCTDenoiseTrainingLib.patients.check import PatientSetError, check_patients
from training_maker import body, save_scan, save_series


def found(folder):
    patients, notes = find_patients(folder)
    rows = [(s.patient, s.role, s.full.relative_to(folder).as_posix(),
             s.low and s.low.relative_to(folder).as_posix()) for s in patients.scans]
    return rows, notes


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_flat_folders_give_roles_and_one_patient_for_two_scans(tmp_path):
    touch(tmp_path, "train/HCC_007_a.nii.gz", "train/HCC_007_b.nii.gz", "train/LIDC_1.nrrd", "validation/LIDC_2.mha")
    rows, notes = found(tmp_path)
    assert rows == [
        ("HCC_007", "train", "train/HCC_007_a.nii.gz", None),
        ("HCC_007", "train", "train/HCC_007_b.nii.gz", None),
        ("LIDC_1", "train", "train/LIDC_1.nrrd", None),
        ("LIDC_2", "validation", "validation/LIDC_2.mha", None),
    ]
    assert notes == []


@pytest.mark.parametrize(
    ("full", "low", "patient"),
    [
        ("train/case1_full.nii.gz", "train/case1_low.nii.gz", "case1"),
        ("train/L067_FD_3.nii", "train/L067_LD_3.nii", "L067_3"),
        ("train/full/b.nrrd", "train/quarter/b.nrrd", "b"),
        ("train/fullDose_c.mha", "train/lowDose_c.mha", "c"),
    ],
)
def test_pairs_by_name(tmp_path, full, low, patient):
    touch(tmp_path, full, low)
    assert found(tmp_path)[0] == [(patient, "train", full, low)]


def test_a_low_dose_image_without_partner_is_named(tmp_path):
    touch(tmp_path, "train/a_full.nii", "train/b_low.nii")
    rows, notes = found(tmp_path)
    assert rows == [("a", "train", "train/a_full.nii", None)] and "b_low.nii" in notes[0]


def test_mayo_folders(tmp_path):
    for patient in ("L067", "L096"):
        for series in ("full_1mm", "full_3mm", "quarter_1mm", "quarter_3mm"):
            save_series(tmp_path / patient / series, seed=hash(series) % 99, patient=patient)
    rows, _ = found(tmp_path)
    assert [(r[0], r[2], r[3]) for r in rows] == [
        (p, f"{p}/full_{t}mm", f"{p}/quarter_{t}mm") for p in ("L067", "L096") for t in (1, 3)
    ]
    assert [r[1] for r in rows] == ["train", "train", "validation", "validation"]


def test_tcia_folders_and_projections(tmp_path):
    study = tmp_path / "LDCT-and-Projection-data" / "C002" / "12-23-2021-NA-NA-62464"
    for number, series in enumerate(("1.000000-Full Dose Images-56899", "1.000000-Low Dose Images-39882",
                                     "1.000000-Full Dose Projections-24362")):
        save_series(study / series, seed=number, patient="C002")
    rows, _ = found(tmp_path)
    assert len(rows) == 1 and rows[0][0] == "C002"
    assert "Full Dose Images" in rows[0][2] and "Low Dose Images" in rows[0][3]


def test_series_in_one_folder_are_told_apart_by_uid(tmp_path):
    uids = [save_series(tmp_path / "train" / "x", seed=n, description=d, prefix=d)
            for n, d in enumerate(("Full Dose", "Low Dose"))]
    scan = find_patients(tmp_path)[0].scans[0]
    assert (scan.full_series, scan.low_series) == tuple(uids)
    check_patients(PatientSet((scan,)))


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_a_file_keeps_everything(tmp_path, suffix):
    ranges = SimulationRanges(dose=(0.2, 0.3), photons=(500, 600), kernel=(1.0, 1.1))
    patients = PatientSet((
        Scan("a", "train", tmp_path / "a.nii", simulation=ranges),
        Scan("b", "validation", tmp_path / "sub" / "b", "1.2.3", tmp_path / "low", "4.5"),
    ))
    write_patient_set(patients, tmp_path / f"set{suffix}")
    assert read_patient_set(tmp_path / f"set{suffix}") == patients
    assert str(tmp_path) not in (tmp_path / f"set{suffix}").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": "trian"}, "trian"),
        ({"patient": ""}, "'patient' is missing"),
        ({"dose": 1}, "dose"),
        ({"simulation": {"dose": [0.5, 0.2]}}, "dose"),
        ({"simulation": {"dose": "high"}}, "dose"),
        ({"low": "x.nii", "simulation": {}}, "give one of the two"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, words):
    entry = {"patient": "a", "role": "train", "full": "a.nii", **change}
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"format": "LDCTDenoise patient set 1", "patients": [entry]}))
    with pytest.raises(InputError, match=words) as error:
        read_patient_set(path)
    assert "entry 1" in str(error.value)


def test_every_problem_is_listed_with_its_file(tmp_path):
    save_scan(tmp_path / "good.nii.gz", body(0))
    save_scan(tmp_path / "twin.nii.gz", body(0))
    save_scan(tmp_path / "shifted.nii.gz", body(1), origin=(5.0, 0, 0))
    save_scan(tmp_path / "unit.nii.gz", body(2) / 4000.0 + 0.25)
    (tmp_path / "broken.nii.gz").write_bytes(b"nothing")
    scans = [
        Scan("a", "train", tmp_path / "good.nii.gz"),
        Scan("b", "validation", tmp_path / "twin.nii.gz"),
        Scan("c", "train", tmp_path / "good.nii.gz", low=tmp_path / "shifted.nii.gz"),
        Scan("d", "train", tmp_path / "unit.nii.gz"),
        Scan("e_1_a", "train", tmp_path / "missing.nii.gz"),
        Scan("e_1_b", "test", tmp_path / "broken.nii.gz"),
        Scan("f", "out", tmp_path / "not looked at.nii.gz"),
    ]
    with pytest.raises(PatientSetError) as error:
        check_patients(PatientSet(tuple(scans)))
    text = "\n".join(error.value.problems)
    for words in ("same image in different roles", "same grid", "unit.nii.gz", "missing.nii.gz", "broken.nii.gz",
                  "one patient under two names"):
        assert words in text
    assert "not looked at" not in text


def test_the_same_patient_id_on_both_sides_is_found_and_never_shown(tmp_path):
    save_series(tmp_path / "x", seed=0, patient="SECRET-17")
    save_series(tmp_path / "y", seed=1, patient="SECRET-17")
    scans = (Scan("x", "train", tmp_path / "x"), Scan("y", "validation", tmp_path / "y"))
    with pytest.raises(PatientSetError, match="PatientID") as error:
        check_patients(PatientSet(scans))
    assert "SECRET" not in str(error.value)


def test_a_patch_must_fit_and_a_pair_must_differ(tmp_path):
    save_scan(tmp_path / "a.nii.gz", body(0))
    scan = Scan("a", "train", tmp_path / "a.nii.gz", low=tmp_path / "a.nii.gz")
    with pytest.raises(PatientSetError) as error:
        check_patients(PatientSet((scan,)), patch=80)
    assert "smaller than a patch" in str(error.value) and "same image" in str(error.value)


def test_splits():
    scans = tuple(Scan(name, role, Path(name)) for name, role in
                  (("a", "train"), ("b", "validation"), ("c", "train"), ("t", "test"), ("o", "out")))
    patients = PatientSet(scans)
    folds = leave_one_out(patients)
    assert list(folds) == ["a", "b", "c"]
    assert folds["a"].patients("validation") == ["a"] and folds["a"].patients("train") == ["b", "c"]
    assert folds["a"].patients("test") == ["t"]
    with pytest.raises(InputError, match="no patient x"):
        choose_validation(patients, ["x"])
    with pytest.raises(InputError, match="nobody"):
        choose_validation(patients, ["a", "b", "c"])
