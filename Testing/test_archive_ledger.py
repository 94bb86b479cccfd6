"""The ledger of an archive, and the processes that share it."""

import json
import os
import sys

import pytest
from archive_maker import files_below
from LDCTDenoiseLib.archive import Ledger, Processes
from LDCTDenoiseLib.archive.ledger import DONE, Record
from LDCTDenoiseLib.errors import InputError, OutputError


def test_a_ledger_goes_on_only_with_what_it_began(tmp_path):
    settings = {"method": "TV", "strength": 1.0}
    Ledger(tmp_path / "out").begin(settings)
    Ledger(tmp_path / "out").begin(settings)
    with pytest.raises(OutputError, match="strength 1.0 instead of 0.5"):
        Ledger(tmp_path / "out").begin({**settings, "strength": 0.5})
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot write"):
        Ledger(tmp_path / "file").begin(settings)
    with pytest.raises(OutputError, match="cannot write"):
        Ledger(tmp_path / "file" / "out").begin(settings)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_output_is_said_at_once(tmp_path):
    (tmp_path / "out").mkdir(mode=0o555)
    with pytest.raises(OutputError, match="Choose a writable place"):
        Ledger(tmp_path / "out").begin({})


def test_one_claims_what_another_gives_back(tmp_path):
    mine, theirs = Ledger(tmp_path), Ledger(tmp_path)
    mine.begin({})
    claim = mine.claim("1.2")
    assert claim and theirs.claim("1.2") is None and theirs.claim("1.3")
    claim.release()
    assert theirs.claim("1.2")


def test_a_record_that_cannot_be_read_is_said_and_never_guessed_at(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin({})
    record = Record("1.2", "1.2", "ä\udcff", notes=["a"], metrics={"psnr_db": float("inf")})
    record.sources = {"ä\udcff.dcm": [3, 4, "abc"]}
    ledger.write(record)
    assert ledger.record("1.2") == record and ledger.record("1.3") is None
    path = tmp_path / ".ldct-denoise" / "series" / "1.2.json"
    whole = json.loads(path.read_text())
    odd = [{"attempts": "3"}, {"slices": True}, {"notes": "a"}, {"notes": [1]}, {"result": "perhaps"}, {"key": "1.3"},
           {"outputs": []}, {"outputs": {"a": 1}}, {"sources": {"a": [1, 2]}}, {"output": "../outside"},
           {"output": "/etc"}, {"seconds_read": None}, {"error": ["x"]}]  # fmt: skip
    texts = [json.dumps({**whole, **change}) for change in odd]
    texts += ["", "{", "[]", '{"key": "1.2"}', path.read_text()[:-40], "[" * 10_000, '{"key": ' + "9" * 5000 + "}"]
    for text in texts:
        path.write_text(text)
        with pytest.raises(OutputError, match="1.2.json"):
            ledger.record("1.2")


def test_settings_that_cannot_be_read_stop_everything(tmp_path):
    """Else the results of two methods could mix."""
    ledger = Ledger(tmp_path)
    ledger.begin({"method": "TV"})
    path = tmp_path / ".ldct-denoise" / "batch.json"
    whole = path.read_bytes()
    for content in (b"", whole[:-3], b"[]", b"\xff", b"\0" * len(whole)):
        path.write_bytes(content)
        for settings in ({"method": "TV"}, {"method": "NLM"}):
            with pytest.raises(OutputError, match="batch.json"):
                ledger.begin(settings)
    path.unlink()
    ledger.begin({"method": "NLM"})  # nothing was done yet
    ledger.write(Record("1.2", "1.2", ""))
    path.unlink()
    with pytest.raises(OutputError, match="missing"):
        ledger.begin({"method": "NLM"})
    path.write_text('{"method": "NLM"}')
    with pytest.raises(OutputError, match="ledger None instead of 2"):
        ledger.begin({"method": "NLM"})


def test_what_was_sent_is_kept_by_server_and_a_line_cut_short_is_none(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin({})
    ledger.journal("k").note("A@b:1", "1.1")
    ledger.journal("k").note("C@d:2", "1.2")
    with (tmp_path / ".ldct-denoise" / "sent" / "k.txt").open("a") as file:
        file.write("1.3 A@b:1")
    assert ledger.journal("k").sent("A@b:1") == {"1.1"} and ledger.journal("other").sent("A@b:1") == set()


def test_what_a_killed_process_left_goes_but_not_what_is_under_way(tmp_path):
    ledger, other = Ledger(tmp_path), Ledger(tmp_path)
    ledger.begin({})
    for key in ("1.1", "1.2"):
        (ledger.work_folder(key) / "series").mkdir()
        (tmp_path / ".ldct-denoise" / "work" / f"{key}.json.part").write_text("{")
    claim = other.claim("1.1")
    ledger.clean()
    assert sorted(p.name for p in (tmp_path / ".ldct-denoise" / "work").iterdir()) == ["1.1", "1.1.json.part"]
    claim.release()
    ledger.clean()
    assert files_below(tmp_path / ".ldct-denoise" / "work") == {}


def test_what_lies_in_the_way_stays(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.begin({})
    made = ledger.work_folder("1.1") / "series"
    made.mkdir()
    (made / "0001.dcm").write_text("an image")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("of the user")
    with pytest.raises(OutputError, match="not of this batch"):
        ledger.publish(made, Record("1.1", "1.1", "", "there", DONE))
    assert (tmp_path / "there" / "mine.txt").read_text() == "of the user" and ledger.record("1.1") is None


def test_processes_begin_with_different_series_and_know_all(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    orders = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        orders.append(Processes.of_environment().in_turn(list(range(10))))
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({order[0] for order in orders}) == 3
    monkeypatch.setenv("RANK", "three")
    with pytest.raises(InputError, match="RANK"):
        Processes.of_environment()
    monkeypatch.delenv("WORLD_SIZE")
    assert Processes.of_environment() == Processes() and Processes().device("auto") == "auto"


def test_each_process_has_the_card_of_its_local_rank(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert Processes(5, 8, 1).device("auto") == "cuda:1" and Processes(5, 8, 5).device("cuda") == "cuda:1"
    assert Processes(5, 8, 1).device("cpu") == "cpu" and Processes(5, 8, 1).device("cuda:0") == "cuda:0"
    assert Processes(0, 1, 0).device("auto") == "auto"
