"""What others say of a derived series: a validator, and servers that it goes to and comes back from.

Each test is skipped where its programs are not installed: dciodvfy (Debian's dicom3tools), DCMTK, Orthanc.
"""

import json
import os
import shutil
import subprocess
import time
import types
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series_maker import write_enhanced, write_series
from dicom_server import free_port
from LDCTDenoiseLib.derived import COMPRESSIONS, Provenance, SeriesOptions, write_derived_series
from LDCTDenoiseLib.errors import MissingDependencyError
from LDCTDenoiseLib.hounsfield import Window
from LDCTDenoiseLib.volumes import read_volume
from pydicom.data import get_testdata_file

PROVENANCE = Provenance("DCSCN", 1.0, "CPU, 2 threads", "ab" * 32, "[-1024, 3071] HU")


def needs(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def derive(source: Path, folder: Path, **options) -> list[tuple[Path, Path]]:
    """Write a series and return each of its files behind the source's."""
    volume = read_volume(source)
    files = write_derived_series(volume, volume.array + np.int16(3), folder, PROVENANCE, SeriesOptions(**options))
    return list(zip(map(Path, volume.facts["files"]), files, strict=True))


def small(folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(get_testdata_file("CT_small.dcm", download=False), folder / "in.dcm"))


def series(folder: Path) -> Path:
    write_series(folder, 3)
    return folder


def enhanced(folder: Path) -> Path:
    write_enhanced(folder / "multi.dcm")
    return folder


def real(folder: Path) -> Path:
    data = os.environ.get("LDCT_DATA")
    found = sorted(Path(data).glob("dicom/*")) if data else []
    if not found:
        pytest.skip("no real series: LDCT_DATA is not set")
    return found[0]


def errors_of(path: Path) -> list[str]:
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace", timeout=120)
    return [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]


@needs("dciodvfy")
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("source", [small, series, enhanced, real])
def test_the_validator_finds_no_error_that_the_source_did_not_have(tmp_path, source, compression):
    try:
        pairs = derive(source(tmp_path / "in"), tmp_path / "out", compression=compression, window=Window(-160, 240))
    except MissingDependencyError as error:
        pytest.skip(str(error))
    for before, after in pairs[:3]:
        assert set(errors_of(after)) <= set(errors_of(before))


def run(*command) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def dcmqrscp(folder: Path, port: int) -> list:
    store = folder / "store"
    store.mkdir()
    (folder / "server.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\nHostTable END\n"
        f"VendorTable BEGIN\nVendorTable END\nAETable BEGIN\nPACS {store} RW (200, 1024mb) ANY\nAETable END\n"
    )
    return ["dcmqrscp", "-c", folder / "server.cfg"]


def orthanc(folder: Path, port: int) -> list:
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
        "DicomAet": "PACS", "DicomPort": port, "HttpServerEnabled": False, "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "DicomCheckCalledAet": False, "Plugins": [],
    }  # fmt: skip
    (folder / "server.json").write_text(json.dumps(settings))
    return ["Orthanc", folder / "server.json"]


@pytest.fixture(params=[pytest.param(dcmqrscp, marks=needs("dcmqrscp")), pytest.param(orthanc, marks=needs("Orthanc"))])
def server(request, tmp_path):
    """Start a server of its own on a free port; give its port and program."""
    port, folder = free_port(), tmp_path / "server"
    folder.mkdir()
    command = [str(word) for word in request.param(folder, port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        for _ in range(200):
            if process.poll() is None and subprocess.run(
                ["echoscu", "-aec", "PACS", "127.0.0.1", str(port)], capture_output=True, timeout=60
            ).returncode == 0:  # fmt: skip
                break
            time.sleep(0.2)
        else:
            pytest.fail(f"{command[0]} did not start")
        yield types.SimpleNamespace(port=port, program=command[0])
    finally:
        process.terminate()
        process.wait(60)


@needs("echoscu", "storescu", "findscu", "getscu")
@pytest.mark.parametrize(
    ("source", "compression", "syntax"),
    [(series, "none", "="), (enhanced, "none", "="), (real, "none", "="), (series, "rle", "r"), (real, "jpeg-ls", "t")],
)
def test_a_round_trip_through_a_server_loses_nothing(tmp_path, server, source, compression, syntax):
    if compression != "none" and server.program == "dcmqrscp":
        pytest.skip("it takes one compression only, chosen when it starts")
    pairs = derive(source(tmp_path / "in"), tmp_path / "out", compression=compression)
    called = ("-aec", "PACS", "127.0.0.1", server.port)
    # Original and derived side by side, as in an archive.
    run("storescu", f"-x{syntax}", *called, *(path for pair in pairs for path in pair))
    images = {str(d.SOPInstanceUID): d for d in (pydicom.dcmread(path) for _, path in pairs)}
    first = next(iter(images.values()))
    # Found as a second series of the source's study.
    study = ("-k", f"StudyInstanceUID={first.StudyInstanceUID}")
    found = run("findscu", "-S", *called, "-k", "QueryRetrieveLevel=SERIES", *study, "-k", "SeriesInstanceUID")
    uids = {str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID) for pair in pairs for path in pair}
    assert len(uids) == 2 and all(uid in found for uid in uids)
    (tmp_path / "back").mkdir()
    run("getscu", "-S", f"+x{syntax}", *called, "-od", tmp_path / "back", "-k", "QueryRetrieveLevel=SERIES", *study,
        "-k", f"SeriesInstanceUID={first.SeriesInstanceUID}")  # fmt: skip
    back = [pydicom.dcmread(path) for path in sorted((tmp_path / "back").iterdir())]
    assert {str(d.SOPInstanceUID) for d in back} == set(images)
    for dataset in back:
        sent = images[str(dataset.SOPInstanceUID)]
        # A server may give the same values back in another transfer syntax.
        for image in (sent, dataset):
            if image.file_meta.TransferSyntaxUID.is_compressed:
                image.decompress(generate_instance_uid=False)
        assert dataset == sent
    original, returned = read_volume(tmp_path / "out"), read_volume(tmp_path / "back")
    np.testing.assert_array_equal(original.array, returned.array)
    assert original.geometry == returned.geometry
