"""Sending to real servers: pynetdicom's in a thread, and DCMTK's where it is installed."""

import shutil
import ssl
import subprocess
import sys
import threading
import time

import numpy as np
import pydicom
import pytest

pytest.importorskip("pynetdicom")

from dicom_series_maker import PATIENT_NAME, write_enhanced, write_series  # noqa: E402
from dicom_server import TITLE, free_port, serving  # noqa: E402
from LDCTDenoiseLib.derived import Provenance, write_derived_series  # noqa: E402
from LDCTDenoiseLib.errors import InputError, MissingDependencyError, SendError  # noqa: E402
from LDCTDenoiseLib.sending import Sender, Target  # noqa: E402
from LDCTDenoiseLib.sending.server import tls_context  # noqa: E402
from LDCTDenoiseLib.volumes import read_volume  # noqa: E402

pytestmark = pytest.mark.slow  # a server is started for nearly each of them

SHORT = (0.05, 0.05, 0.1)


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "series", 4)


def sender_to(server, **options):
    return Sender(Target.of(server.address), **{"waits": SHORT, **options})


def uids_of(paths):
    return [str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in paths]


def test_a_target_is_read_as_written():
    assert Target.of("PACS@pacs.example.org:104") == Target("PACS", "pacs.example.org", 104)
    assert Target.of(" MY PACS@[::1]:11112 ") == Target("MY PACS", "::1", 11112)
    assert str(Target.of("A@[::1]:4242")) == "A@[::1]:4242" and str(Target.of("A@b:1")) == "A@b:1"


@pytest.mark.parametrize("text", [
    "", "PACS", "PACS@host", "host:104", "@host:104", "PACS@:104", "PACS@host:0", "PACS@host:65536", "PACS@host:x",
    "PACS@host:104:5", "SEVENTEEN-LETTERS@host:104", "A\\B@host:104", "Ä@host:104", "A@ho st:104", "A@b@c:104",
])  # fmt: skip
def test_what_names_no_server_is_refused(text):
    with pytest.raises(InputError, match="AE"):
        Target.of(text)


def test_without_pynetdicom_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynetdicom", None)
    with pytest.raises(MissingDependencyError, match="pip install pynetdicom"):
        Sender(Target("A", "b", 1))


def test_a_series_arrives_as_it_was(series):
    with serving() as server:
        sender = sender_to(server, title="OURS")
        sender.echo()
        arrived = []
        sent = sender.send(series, arrived=arrived.append)
    assert (sent.files, sent.before, sent.remarks) == (4, 0, ())
    assert server.echoes == 1 and server.titles == {"OURS"}
    assert server.uids == arrived == uids_of(series)
    for path, dataset in zip(series, server.datasets, strict=True):
        assert pydicom.dcmread(path).pixel_array.tobytes() == dataset.pixel_array.tobytes()


def test_what_was_sent_before_is_left_out(series):
    uids = uids_of(series)
    with serving() as server:
        assert sender_to(server).send(series, before=set(uids[:3])).files == 1
        assert sender_to(server).send(series, before=set(uids)).before == 4
    assert server.uids == uids[3:]


def test_what_passes_is_tried_again_and_nothing_arrives_twice(series):
    with serving() as server:
        server.statuses, server.aborts = [0, 0xA700, 0x0110], {5}
        assert sender_to(server).send(series).files == 4
    assert server.uids == uids_of(series) and server.stores == 7


def test_a_refused_file_ends_it_at_once(series):
    with serving() as server:
        server.statuses = [0, 0xC000]
        with pytest.raises(SendError, match="0xC000"):
            sender_to(server).send(series)
        assert server.stores == 2
        server.statuses = [0x0111, 0xB000]
        sent = sender_to(server).send(series)
    assert sent.files == 4 and len(sent.remarks) == 1 and "0xB000" in sent.remarks[0]


def test_an_unreachable_server_is_waited_for_once(series):
    sender, waited = Sender(Target("PACS", "127.0.0.1", free_port()), waits=(0.3, 0.4)), []
    sender._stopped.wait = waited.append
    for _ in range(2):
        with pytest.raises(SendError, match="nothing answers"):
            sender.send(series)
        assert waited == [0.3, 0.4]
    with pytest.raises(SendError, match="nothing answers"):
        sender.echo()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid", "a..b", "\N{SNOWMAN}.invalid"])
def test_a_host_that_there_is_not_is_said_in_one_line(series, tmp_path, capsys, host):
    from LDCTDenoiseLib.cli.main import main

    source, target = str(series[0].parent), f"PACS@{host}:104"
    assert main(["denoise", source, str(tmp_path / "out"), "--method", "TV", "--send", target]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and host in said[0] and not (tmp_path / "out").exists()


def test_a_server_that_comes_back_gets_the_rest(series):
    port = free_port()
    sender = Sender(Target(TITLE, "127.0.0.1", port), waits=(0.2,) * 50)
    arrived = []
    work = threading.Thread(target=lambda: sender.send(series, arrived=arrived.append))
    work.start()
    time.sleep(0.3)
    assert not arrived
    with serving(port) as server:
        work.join(60)
    assert server.uids == arrived == uids_of(series)


def test_stopping_ends_the_waiting(series):
    sender = Sender(Target("PACS", "127.0.0.1", free_port()), waits=(600,))
    ended = []

    def work():
        with pytest.raises(SendError, match="stopped"):
            sender.send(series)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    sender.stop()
    thread.join(30)
    assert ended


def test_rejections_say_what_to_look_at(series):
    with serving(known=["FRIEND"]) as server:
        with pytest.raises(SendError, match="'LDCTDENOISE'"):
            sender_to(server).echo()
        sender_to(server, title="FRIEND").echo()
        with pytest.raises(SendError, match="'OTHER'"):
            Sender(Target("OTHER", "127.0.0.1", server.port), title="FRIEND", waits=SHORT).send(series)
    assert server.stores == 0


def test_a_server_for_other_images_refuses_ct(series):
    with serving(classes=["1.2.840.10008.5.1.4.1.1.4"]) as server, pytest.raises(SendError, match="CT Image Storage"):
        sender_to(server).send(series)
    assert server.stores == 0


@pytest.mark.parametrize("taken", [True, False])
def test_compressed_files_go_as_they_are_or_decompressed(series, taken):
    """Where the server does not take the compression, it gets the same image under the same UID."""
    stored = [pydicom.dcmread(path).pixel_array for path in series]
    for path in series:
        dataset = pydicom.dcmread(path)
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(path, enforce_file_format=True)
    syntaxes = [pydicom.uid.ImplicitVRLittleEndian] + [pydicom.uid.RLELossless] * taken
    with serving(syntaxes=syntaxes) as server:
        sender_to(server).send(series)
    assert server.uids == uids_of(series)
    for dataset, values in zip(server.datasets, stored, strict=True):
        assert dataset.file_meta.TransferSyntaxUID == syntaxes[-1]
        assert (dataset.pixel_array == values).all()


def test_multi_frame_ct_is_sent(tmp_path):
    write_enhanced(tmp_path / "enhanced.dcm")
    with serving() as server:
        sender_to(server).send([tmp_path / "enhanced.dcm"])
    assert server.datasets[0].NumberOfFrames == 4


def test_a_damaged_file_is_refused_before_anything_is_sent(series, tmp_path):
    (tmp_path / "broken.dcm").write_bytes(b"nothing")
    with serving() as server, pytest.raises(SendError, match="broken.dcm"):
        sender_to(server).send([*series, tmp_path / "broken.dcm"])
    assert server.stores == 0


def test_no_patient_in_what_is_said(series, capfd, caplog):
    with serving() as server:
        server.statuses = [0xC000]
        with pytest.raises(SendError) as error:
            sender_to(server).send(series)
    said = "".join(capfd.readouterr()) + caplog.text + str(error.value)
    assert "Secret" in PATIENT_NAME and "Secret" not in said


@pytest.mark.slow
def test_denoise_sends_the_series_it_wrote(series, tmp_path, capsys):
    from LDCTDenoiseLib.cli.main import main

    source = str(series[0].parent)
    with serving() as server:
        assert main(["denoise", source, str(tmp_path / "a"), "--method", "TV"]) == 0
        assert server.echoes == server.stores == 0
        assert main(["denoise", source, str(tmp_path / "b"), "--method", "TV", "--send", server.address]) == 0
        assert main(["denoise", source, str(tmp_path / "c.nrrd"), "--method", "TV", "--send", server.address]) == 2
        server.statuses = [0xC000]
        assert main(["denoise", source, str(tmp_path / "d"), "--method", "TV", "--send", server.address]) == 2
    assert sorted(server.uids) == sorted(uids_of((tmp_path / "b").glob("*.dcm"))) and len(server.uids) == 4
    said = capsys.readouterr()
    assert f"4 files sent to {server.address}" in said.out and "0xC000" in said.err
    assert len(list((tmp_path / "d").glob("*.dcm"))) == 4 and not (tmp_path / "c.nrrd").exists()


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--compression", "rle", "--series-window", "-200", "300"]])
def test_the_same_command_sends_what_is_missing_with_the_same_uids(series, tmp_path, capsys, options):
    from LDCTDenoiseLib.cli.main import main

    out = tmp_path / "out"

    def denoise(*more, to=None):
        sending = ["--send", to or server.address]
        return main(["denoise", str(series[0].parent), str(out), "--method", "TV", *options, *more, *sending])

    with serving() as server:
        server.statuses = [0, 0, 0xC000]
        assert denoise() == 2
        made = {path.name: path.read_bytes() for path in out.glob("*.dcm")}
        for more, words in ((["--strength", "0.5"], "not made in this way"),
                            (["--series-number", "7"], "other options"),
                            (["--series-description", "other"], "other options"),
                            (["--series-window", "0", "80"], "other options")):  # fmt: skip
            assert denoise(*more) == 2 and server.stores == 3
            assert words in capsys.readouterr().err
        assert denoise() == 0 and server.stores == 5
        assert "2 files sent" in (said := capsys.readouterr().out) and "2 had arrived before" in said
        assert denoise() == 0 and server.stores == 5
    assert sorted(server.uids) == sorted(uids_of(out.glob("*.dcm"))) and len(server.uids) == len(series) == 4
    assert {path.name: path.read_bytes() for path in out.glob("*.dcm")} == made
    with serving() as server:
        assert denoise() == 0 and server.stores == 4, "another server has none of it"


@pytest.mark.slow
def test_a_written_series_that_is_not_whole_any_more_is_not_sent(series, tmp_path, capsys):
    from LDCTDenoiseLib.cli.main import main

    command = ["denoise", str(series[0].parent), str(tmp_path / "out"), "--method", "TV"]
    assert main(command) == 0
    images = sorted((tmp_path / "out").iterdir())
    whole = images[1].read_bytes()
    capsys.readouterr()
    with serving() as server:
        command += ["--send", server.address]
        for content, words in ((whole[:-500], "0002.dcm"), (b"", "0002.dcm"), (None, "not whole"),
                               (images[0].read_bytes(), "or twice"), (series[1].read_bytes(), "this way")):  # fmt: skip
            images[1].unlink(missing_ok=True)
            if content is not None:
                images[1].write_bytes(content)
            assert main(command) == 2 and server.stores == 0
            # The image has no air, which is a warning of its own.
            said = [line for line in capsys.readouterr().err.splitlines() if "warning:" not in line]
            assert len(said) == 1 and words in said[0]
        images[1].write_bytes(whole)
        assert main(command) == 0 and server.stores == 4
    assert main(command[:-2]) == 2, "without --send a filled folder is refused as ever"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_tls_checks_the_server(series, tmp_path):
    key, certificate, both = (tmp_path / name for name in ("key.pem", "certificate.pem", "both.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    both.write_text(certificate.read_text() + key.read_text())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(tls=context) as server:
        sender_to(server, tls=tls_context(certificate, both)).send(series)
        assert server.uids == uids_of(series)
        for wrong, words in ((None, "nothing answers"), (tls_context(), "certificate .* not trusted: self.signed"),
                             (tls_context(certificate), "cannot send")):  # fmt: skip
            with pytest.raises(SendError, match=words):
                Sender(Target.of(server.address), tls=wrong, waits=()).send(series)
        assert server.stores == 4
    with pytest.raises(InputError, match="key.pem"):
        tls_context(key)
    with pytest.raises(InputError, match="certificate.pem"):
        tls_context(certificate, certificate)


@pytest.mark.skipif(not shutil.which("storescp"), reason="DCMTK is not installed")
def test_dcmtks_server_stores_every_pixel(series, tmp_path):
    port, folder = free_port(), tmp_path / "stored"
    folder.mkdir()
    process = subprocess.Popen(["storescp", "-od", folder, "-aet", "DCMTK", str(port)], stderr=subprocess.DEVNULL)
    try:
        sender = Sender(Target("DCMTK", "127.0.0.1", port), waits=(0.2,) * 100)
        sender.send(series)
        sender.echo()
    finally:
        process.terminate()
        process.wait(30)
    stored = {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, folder.iterdir())}
    assert stored.keys() == set(uids_of(series))
    for path in series:
        source = pydicom.dcmread(path)
        assert np.array_equal(source.pixel_array, stored[str(source.SOPInstanceUID)].pixel_array)


@pytest.mark.skipif(not shutil.which("dcmqrscp") or not shutil.which("getscu"), reason="DCMTK is not installed")
def test_a_derived_series_comes_back_from_a_server_as_it_was(series, tmp_path):
    """Store, query and retrieve: DCMTK's server has source and result in one study, with every element."""
    volume = read_volume(series[0].parent)
    made = write_derived_series(volume, volume.array + 1, tmp_path / "made", Provenance("TV", 1.0, "CPU"))
    port, store, back = free_port(), tmp_path / "store", tmp_path / "back"
    store.mkdir()
    back.mkdir()
    settings = tmp_path / "dcmqrscp.cfg"
    settings.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\nHostTable END\n"
        f"VendorTable BEGIN\nVendorTable END\nAETable BEGIN\nQR {store} RW (9, 64mb) ANY\nAETable END\n"
    )
    server = subprocess.Popen(["dcmqrscp", "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        sender = Sender(Target("QR", "127.0.0.1", port), waits=(0.2,) * 100)
        sender.send(series)
        sender.send(made)
        study = pydicom.dcmread(series[0]).StudyInstanceUID
        subprocess.run(
            ["getscu", "-S", "-aec", "QR", "-od", back, "-k", "QueryRetrieveLevel=STUDY",
             "-k", f"StudyInstanceUID={study}", "127.0.0.1", str(port)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(30)
    retrieved = {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, back.iterdir())}
    originals = {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, [*series, *made])}
    assert retrieved.keys() == originals.keys() and len(originals) == 8
    assert len({d.SeriesInstanceUID for d in retrieved.values()}) == 2
    assert all(retrieved[uid] == original for uid, original in originals.items())
