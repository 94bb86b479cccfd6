"""Model files: what is written comes back, and what is wrong is refused with its reason."""

import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from LDCTDenoiseLib.errors import LDCTWarning, MethodError, ModelFileError
from LDCTDenoiseLib.methods import make_denoiser
from LDCTDenoiseLib.models import ModelCard, add_model, catalogue, find_model, load_model, read_card, save_model
from model_maker import make_card, make_generator, make_model
from safetensors.torch import save_file


def test_round_trip(tmp_path):
    generator = make_generator()
    card = make_card(hu_range=(-300, 300), seed=7)
    path = save_model(tmp_path / "m.safetensors", generator, card)
    model = load_model(path)
    assert model.card == card == read_card(path)
    assert len(model.sha256) == 64
    for name, weight in generator.state_dict().items():
        assert torch.equal(weight, model.generator.state_dict()[name])
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_card_is_read_without_torch_or_safetensors(tmp_path):
    path = make_model(tmp_path / "m.safetensors")
    code = (
        "import sys; sys.modules['torch'] = sys.modules['safetensors'] = None\n"
        "from LDCTDenoiseLib.models import read_card; print(read_card(sys.argv[1]).method)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "DCSCN", done.stderr


def test_every_truncation_is_refused(tmp_path):
    whole = make_model(tmp_path / "m.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    header = struct.unpack("<Q", whole[:8])[0]
    for length in (0, 4, 8, 9, 100, 8 + header - 1, 8 + header, 8 + header + 5, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="cut.safetensors"):
            load_model(cut)


def test_damaged_header_is_refused(tmp_path):
    path = make_model(tmp_path / "m.safetensors")
    content = bytearray(path.read_bytes())
    content[30] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ModelFileError):
        load_model(path)


class _Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_pickled_files_are_refused_and_never_opened(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "m.safetensors"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(_Trap()))
    else:
        torch.save(_Trap(), path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(ModelFileError, match="pickled"):
        load_model(path)
    assert not Path("trapped").exists()


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path):
    path = tmp_path / "m.safetensors"
    for size in range(0, 256, 8):
        make_model(path, intended_use="x" * size)
        if path.read_bytes()[:1] == b"\x80":
            break
    else:
        pytest.fail("no header of that length was made")
    assert load_model(path).card.intended_use == "x" * size


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(ModelFileError, match="other software"):
        load_model(path)
    path.write_text("# a text file, quite long enough to have eight bytes\n")
    with pytest.raises(ModelFileError, match="not a safetensors file"):
        load_model(path)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_model(tmp_path / "absent.safetensors")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_model(tmp_path)


def _write(path, weights, card):
    save_file(weights, path, metadata={"ldct_denoise": card})


def test_wrong_weights_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    weights = {k: v.clone() for k, v in make_generator("DCSCN").state_dict().items()}
    _write(path, weights, make_card("WGAN").to_json())
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(path)
    weights["last.weight"][0, 0] = float("nan")
    _write(path, weights, make_card().to_json())
    with pytest.raises(ModelFileError, match="NaN"):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "MAGIC"}, "unknown method"),
        ({"format_version": 99}, "format version"),
        ({"hu_range": [3, 1]}, "HU range"),
        ({"hu_range": [-1e300, 1e300]}, "HU range"),
        ({"hu_range": [0, 0.5]}, "HU range"),
        ({"hu_range": "wide"}, "hu_range"),
        ({"hu_range": [0, 10**5]*2}, "2 numbers"),
        ({"architecture": "dcscn"}, "architecture"),
        ({"architecture": {"name": ["dcscn"]}}, "no name"),
        ({"dose": None}, "dose"),
        ({"training_data": [1]}, "training_data"),
        ({"seed": 2**70}, "64 bits"),
        ({"seed": True}, "seed"),
        ({"software": "\ud800"}, "no Unicode"),
        ({"method": ["DCSCN"]}, "method"),
        ({"format_version": [1]}, "format version"),
    ],
)
def test_bad_cards_are_refused(tmp_path, change, words):
    path = tmp_path / "m.safetensors"
    card = {**json.loads(make_card().to_json()), **change}
    _write(path, dict(make_generator().state_dict()), json.dumps(card))
    with pytest.raises(ModelFileError, match=words):
        load_model(path)


def test_a_card_that_declares_a_network_of_gigabytes_is_refused_before_it_is_built(tmp_path):
    """In a process of 4 GB: the network that the card declares has 38 GB."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "bomb.safetensors"
    huge = {"name": "dcscn", "filters": [1024] * 64, "a1": 1024, "b1": 1024, "b2": 1024}
    card = {**json.loads(make_card().to_json()), "architecture": huge}
    _write(path, dict(make_generator().state_dict()), json.dumps(card))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB; bytes on macOS, laxer there


def _with_header(path, change):
    """Write a good model whose header, as a dict, was changed."""
    whole = make_model(path).read_bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8 : 8 + length])
    changed = change(header)
    text = (changed if isinstance(changed, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["last.weight"].update(dtype="F8_E4M3"),
        lambda h: h["last.weight"].update(dtype=None),
        lambda h: h["last.weight"].update(dtype="X" * 50),
        lambda h: h["last.weight"].update(shape=[-1, 2, 3, 4]),
        lambda h: h["last.weight"].update(shape=[2**40, 2**22]),
        lambda h: h["last.weight"].update(shape="wide"),
        lambda h: h["last.weight"].update(data_offsets=[0, 2**60]),
        lambda h: h.update({"last.weight": None}),
        lambda h: h.update(__metadata__=[1]),
        lambda h: h["__metadata__"].update(ldct_denoise="{" * 100_000),
        lambda h: h["__metadata__"].update(ldct_denoise='{"seed": ' + "9" * 5000 + "}"),
        lambda _: "{" + '"a":{' * 100_000,
        lambda _: '{"a": NaN}',
        lambda _: "{}" + " " * 64,
    ],
)
def test_odd_headers_are_one_line(tmp_path, change):
    path = tmp_path / "m.safetensors"
    _with_header(path, change)
    with pytest.raises(ModelFileError, match="m.safetensors") as error:
        load_model(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes among files here")
def test_a_pipe_among_the_models_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setenv("LDCT_DENOISE_MODELS", str(tmp_path))
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.warns(LDCTWarning, match="no regular file"):
        assert all(e.ships for e in catalogue())


def test_card_with_missing_entries_names_them():
    card = json.loads(make_card().to_json())
    del card["seed"], card["dose"]
    with pytest.raises(ModelFileError, match="lacks dose, seed"):
        ModelCard.from_json(json.dumps(card))


def test_saving_refuses_weights_of_another_method_and_writes_nothing(tmp_path):
    with pytest.raises(ModelFileError, match="do not fit"):
        save_model(tmp_path / "m.safetensors", make_generator("WGAN"), make_card("DCSCN"))
    assert not list(tmp_path.iterdir())


def test_a_users_model_joins_the_catalogue(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    monkeypatch.setenv("LDCT_DENOISE_MODELS", str(folder))
    path = make_model(tmp_path / "my-wgan.safetensors", "WGAN")
    added = add_model(path)
    assert added == folder / "my-wgan.safetensors"
    assert add_model(path) == added
    assert find_model("my-wgan") == added
    assert [e.card.method for e in catalogue() if not e.ships] == ["WGAN"]
    make_model(path, "WGAN", seed=3)
    with pytest.raises(ModelFileError, match="another model"):
        add_model(path)


def test_a_bad_file_among_the_users_models_is_named_and_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("LDCT_DENOISE_MODELS", str(tmp_path))
    (tmp_path / "bad.safetensors").write_bytes(b"junk that is longer than eight")
    with pytest.warns(LDCTWarning, match="bad.safetensors"):
        assert all(e.ships for e in catalogue())


def test_names_and_methods(tmp_path):
    path = make_model(tmp_path / "m.safetensors", "WGAN")
    assert make_denoiser("wgan", path).name == make_denoiser(model=path).name == "WGAN"
    assert make_denoiser("nlm").name == "NLM"
    with pytest.raises(ModelFileError, match="is a model of WGAN, not of DCSCN"):
        make_denoiser("DCSCN", path)
    with pytest.raises(MethodError, match="unknown; choose from"):
        make_denoiser("magic")
    with pytest.raises(MethodError, match="uses no model file"):
        make_denoiser("TV", path)
    with pytest.raises(MethodError, match="no method is selected"):
        make_denoiser()
