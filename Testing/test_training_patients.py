"""Patient sets: what a folder is understood to hold, what the files say, and what is refused before any training."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pytest
from LDCTDenoiseLib.archive.names import looks_like_patient, patient_of, stem_of
from LDCTDenoiseLib.archive.pairing import is_placeholder
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.phantom import write_series
from LDCTDenoiseLib.volumes import read_volume
from LDCTDenoiseTrainingLib.patients import (
    PatientSet,
    Scan,
    SimulationRanges,
    choose_validation,
    file_name,
    find_patients,
    leave_one_out,
    read_patient_set,
    write_patient_set,
)
from LDCTDenoiseTrainingLib.patients.check import PatientSetError, check_patients
from training_maker import body, save_scan, save_series


def found(folder):
    patients, notes, _ = find_patients(folder)
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


def test_a_recipes_dose_takes_the_place_of_the_sets(tmp_path):
    patients = PatientSet((Scan("a", "train", tmp_path / "a.nii", simulation=SimulationRanges(kernel=(1.0, 1.1))),
                           Scan("b", "train", tmp_path / "b", low=tmp_path / "low")))
    changed = patients.at_dose((0.08, 0.8)).scans
    assert changed[0].simulation == SimulationRanges((0.08, 0.8), kernel=(1.0, 1.1)) and changed[1] == patients.scans[1]
    with pytest.raises(InputError, match="dose"):
        patients.at_dose((0.8, 0.08))


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


#
# Who is who, and what is which dose
#

PATIENTS = ("L067", "L096", "L109", "L143")


def save_mayo(folder, name, layout, patient_id="", description="", size=1.0, **tags):
    """Write a patient's two doses, each a study of its own, where `layout` says; "{d}" is full and "{D}" is FD."""
    for dose, letters, noise in (("full", "FD", 8), ("quarter", "QD", 40)):
        seed = sum(map(ord, name))
        hu = body(seed, slices=2) + np.random.default_rng(noise).normal(0, noise, (2, 32, 32))
        place, _, prefix = layout.format(p=name, d=dose, D=letters, n=noise).rpartition("/")
        uid = f"1.2.{seed}.{noise}"
        write_series(
            hu.round().astype(np.int16), folder / place, (10 * size, 10 * size, 5), prefix=prefix,
            PatientID=patient_id, SeriesDescription=description.format(d=dose), StudyInstanceUID=uid,
            FrameOfReferenceUID=uid, **tags,
        )  # fmt: skip


def accepted(patients, *validating):
    """Check a split made by hand."""
    check_patients(choose_validation(patients, list(validating)))
    return True


@pytest.mark.parametrize("patient_id", ["Anonymous", "", "0", "ANON", "anonymized ", "000", "123456", "No_ID", "X"])
def test_a_placeholder_tells_nobody_apart(tmp_path, patient_id):
    for name in PATIENTS[:2]:
        save_mayo(tmp_path, name, "{p}/{d}_3mm/", patient_id)
    patients, _, decisions = find_patients(tmp_path)
    assert [(s.patient, s.full.parts[-2:], s.low.parts[-2:], s.identity) for s in patients.scans] == [
        (p, (p, "full_3mm"), (p, "quarter_3mm"), "") for p in PATIENTS[:2]
    ]
    assert all("by folder" in line and "placeholder" in line for line in decisions)
    assert accepted(patients, "L067")


def test_what_is_no_placeholder():
    for told in ("L067", "1", "7", "ANON-4711", "anonymous_3", "12-3456", "HCC_007", "C002", "4711"):
        assert not is_placeholder(told), told


@pytest.mark.parametrize("layout", ["{d}_3mm/{p}/{d}_3mm/", "Mayo2016/{p}/{d}_1mm/", "chest/{p}_scan/1mm B30/{d}/"])
def test_the_dose_may_come_first_and_a_collection_may_lie_around_all(tmp_path, layout):
    for name in PATIENTS:
        save_mayo(tmp_path, name, layout, "Anonymous")
    patients = find_patients(tmp_path).patients
    assert [name.removesuffix("_scan") for name in patients.patients()] == list(PATIENTS)
    assert all(s.low and "quarter" in str(s.low) and "full" in str(s.full) for s in patients.scans)
    assert len(patients.scans) == 4


@pytest.mark.slow
@pytest.mark.parametrize("description", ["3.0 B30f", "{d} dose"])
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("layout", ["{p}_{D}_", "{p}_{D}_1_1.CT.000{n}.20151222."])  # the second is Mayo's own
def test_many_series_in_one_folder_by_the_names_of_their_files(tmp_path, description, ids, layout):
    for name in PATIENTS:
        save_mayo(tmp_path, name, layout, name if ids else "Anonymous", description)
    patients, notes, decisions = find_patients(tmp_path)
    assert patients.patients() == list(PATIENTS) and len(patients.scans) == 4 and len(notes) == 1
    for scan in patients.scans:
        seed = sum(map(ord, scan.patient))
        full, low = (read_volume(tmp_path, uid) for uid in (scan.full_series, scan.low_series))
        assert (full.facts["study_uid"], low.facts["study_uid"]) == (f"1.2.{seed}.8", f"1.2.{seed}.40")
    assert all(("by PatientID" if ids else "by file name") in line for line in decisions)
    assert accepted(patients, "L067", "L109")


def test_the_same_patient_under_other_names_is_one_patient(tmp_path):
    for n, name in enumerate(("P1", "P2", "case3", "case4")):
        save_mayo(tmp_path, name, "{p}/{d}/", ("12-3456", "98-7654")[n % 2])
    patients = find_patients(tmp_path).patients
    assert [s.patient for s in patients.scans] == ["P1", "P2", "P1", "P2"]


@pytest.mark.parametrize("tags", [{"PatientSex": ("M", "F")}, {"BodyPartExamined": ("CHEST", "ABDOMEN")},
                                  {"PatientBirthDate": ("19500101", "19600101")}, {"size": (0.8, 1.1)}])  # fmt: skip
def test_an_id_on_images_of_different_people_is_not_believed(tmp_path, tags):
    for n, name in enumerate(("P1", "P2")):
        save_mayo(tmp_path, name, "{p}/{d}/", "STUDY-7", **{tag: values[n] for tag, values in tags.items()})
    save_mayo(tmp_path, "P3", "{p}/{d}/", "OTHER")
    patients, _, decisions = find_patients(tmp_path)
    assert [(s.patient, s.identity) for s in patients.scans] == [("P1", "stated"), ("P2", "stated"), ("P3", "")]
    assert "different" in decisions[0] and "by PatientID" in decisions[2] and "STUDY" not in "".join(decisions)
    assert accepted(patients, "P1")


def test_an_id_that_all_images_of_many_patients_have_is_not_believed(tmp_path):
    for name in PATIENTS:
        save_mayo(tmp_path, name, "{p}/{d}/", "LDCT16")
    patients, _, decisions = find_patients(tmp_path)
    assert patients.patients() == list(PATIENTS) and "4 patients" in decisions[0] and accepted(patients, "L067")
    for suffix in (".json", ".csv"):
        write_patient_set(patients, tmp_path / f"set{suffix}")
        assert read_patient_set(tmp_path / f"set{suffix}") == patients
    believed = PatientSet(tuple(replace(scan, identity="") for scan in patients.scans))
    with pytest.raises(PatientSetError, match='"identity": "stated"'):
        accepted(believed, "L067")


def test_an_unknown_dose_next_to_pairs_is_left_out(tmp_path):
    save_mayo(tmp_path, "L067", "{p}/{d}/", "L067")
    save_series(tmp_path / "L096" / "B30f", seed=3, patient="L096")
    save_scan(tmp_path / "case7.nii.gz", body(5))
    patients, notes, _ = find_patients(tmp_path)
    assert patients.patients() == ["L067"]
    assert "L096/B30f" in notes[0] and "case7" in notes[1] and all("nothing tells its dose" in n for n in notes[:2])
    shutil.rmtree(tmp_path / "L067" / "quarter")
    patients, _, decisions = find_patients(tmp_path)
    assert len(patients.scans) == 3 and sum("taken for full dose" in line for line in decisions) == 2


def test_one_full_dose_has_as_many_partners_as_are_named_so(tmp_path):
    touch(tmp_path, "train/a_full.nii", "train/a_low.nii", "train/a_quarter.nii")
    assert [(full, low) for _, _, full, low in found(tmp_path)[0]] == [
        ("train/a_full.nii", "train/a_low.nii"), ("train/a_full.nii", "train/a_quarter.nii"),
    ]  # fmt: skip


def test_no_description_and_no_id_in_a_decision(tmp_path):
    for name in PATIENTS[:2]:
        save_mayo(tmp_path, name, "{p}_{D}_", f"{name}-SECRET", "Smith John")
    said = str(find_patients(tmp_path))
    assert "SECRET" not in said and "Smith" not in said


@pytest.mark.parametrize(
    ("path", "patient"),
    [
        ("L067/3mm/scan", "L067"), ("3mm/L067/3mm/a", "L067"), ("patients/smith/CT1", "smith"), ("jones/CT1", "jones"),
        ("abdomen/case1", "case1"), ("abdomen_HCC_006", "abdomen_HCC_006"), ("siteA/case_2", "case_2"),
        ("train/HCC_007_a", "HCC_007_a"), ("C002/12-23-2021-NA-NA-62464/1.000000_56899/x", "C002"), ("b", "b"),
        ("1mm B30/1mm/L067/1mm/x", "L067"), ("L067_1mm_B30f", "L067"), ("B001/x", "B001"), ("D4521", "D4521"),
        ("001/scan", "001"), ("scan_1/patient 3/x", "patient 3"),
    ],
)  # fmt: skip
def test_the_patient_that_a_path_names(path, patient):
    assert patient_of(PurePath(path)) == patient


def test_what_file_names_have_in_common():
    def stem(*names):
        return stem_of([Path(name) for name in names])

    assert stem("L067_FD_001.IMA", "L067_FD_002.IMA") == "L067_FD" == stem("L067_FD_001.IMA")
    assert stem("IM-0001-0001.dcm", "IM-0001-0002.dcm") == "IM-0001" and not looks_like_patient("IM-0001")
    assert stem("1.2.840.1.dcm", "1.2.840.2.dcm") == "" == stem("000001.dcm", "000002.dcm")


def test_files_of_a_patient_are_called_alike_on_every_system():
    taken = set()
    assert [file_name(name, taken) for name in ("P1", "p1", "A/B", "A_B", "P1.", "x" * 99, "ä")] == [
        "P1", "p1-2", "A_B", "A_B-2", "P1-3", "x" * 60, "_"]


#
# Files that anyone may have written
#

ENTRY = {"patient": "a", "role": "train", "full": "a.nii"}


@pytest.mark.parametrize(
    "entry",
    [
        {"full": "a\0.nii"}, {"patient": "a\0"}, {"patient": "\ud800"}, {"patient": 1}, {"full": ["a"]}, {"role": {}},
        {"simulation": {"photons": [1e308, 10**30]}}, {"simulation": {"dose": [True, True]}}, {"simulation": [1]},
        {"simulation": {"kernel": [None, 1]}}, {"simulation": {"kernel": "12"}}, {"identity": "me"}, {"identity": 3},
        {"low": None}, {"full_series": {}}, {"x" * 10_000: 1},
    ],
)  # fmt: skip
def test_odd_entries_are_one_short_line(tmp_path, entry):
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"format": "LDCTDenoise patient set 1", "patients": [{**ENTRY, **entry}]}))
    with pytest.raises(InputError) as error:
        read_patient_set(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("digits.json", '{"format": "LDCTDenoise patient set 1", "patients": ' + "9" * 5000 + "}"),
        ("huge.json", '{"format": "LDCTDenoise patient set 1", "sources": [{"a": 1e400}], "patients": []}'),
        ("deep.json", "[" * 100_000), ("list.json", "[]"), ("latin.json", b"\xff\xfe"), ("empty.json", ""),
        ("nul.csv", "patient,role,full\na\0,train,a.nii\n"), ("odd.csv", 'patient,role,full\n"a' + "x" * 200_000),
        ("digits.csv", f"patient,role,full,dose_min,dose_max\na,train,a.nii,{'9' * 5000},1e400\n"),
        ("nan.csv", "patient,role,full,dose_min,dose_max\na,train,a.nii,nan,nan\n"), ("empty.csv", ""),
        ("columns.csv", "patient,role,full,\na,train,a.nii,b,c\n"),
    ],
)  # fmt: skip
def test_odd_files_are_one_short_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=name) as error:
        read_patient_set(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400 + len(str(tmp_path))


def test_a_path_that_no_system_has_is_named(tmp_path):
    scans = (Scan("a", "train", tmp_path / ("x" * 300)), Scan("b", "train", tmp_path / "/".join("y" * 3000)))
    with pytest.raises(PatientSetError) as error:
        check_patients(PatientSet(scans))
    assert len(error.value.problems) == 2


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_that_is_not_utf_8_is_left_out_with_a_line(tmp_path):
    touch(tmp_path, "train/a.nii", os.fsdecode(b"train/b\xff.nii"))
    patients, notes, _ = find_patients(tmp_path)
    write_patient_set(patients, tmp_path / "set.json")
    assert patients.patients() == ["a"] and notes == [r"left out 'train/b\xff.nii': its name is not UTF-8; rename it."]


@pytest.mark.slow
def test_sample_patients_are_three_different_bodies_with_noise_of_their_own(tmp_path):
    from LDCTDenoiseTrainingLib.cli.main import main

    assert main(["sample", str(tmp_path / "sample")]) == 0
    patients = read_patient_set(tmp_path / "sample" / "patients.json")
    assert [(s.patient, s.role) for s in patients.scans] == [
        ("Phantom-small", "train"), ("Phantom-mirrored", "train"), ("Phantom-large", "validation")]
    check_patients(patients, 48)  # raises on any problem
    bodies = []
    for scan in patients.scans:
        full, low = (read_volume(path).array.astype(float) for path in (scan.full, scan.low))
        bodies.append((full > -500).mean() * full.size)
        assert 20 < np.std((low - full)[np.abs(full - 50) < 100]) < 120
    assert bodies[0] < bodies[1] < bodies[2]
    assert main(["sample", str(tmp_path / "sample")]) == 2  # nothing is mixed into what is there
