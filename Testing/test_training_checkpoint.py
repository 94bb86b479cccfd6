"""A checkpoint that is not as it was written is refused, whatever happened to it."""

import io

import numpy as np
import pytest
import torch
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseTrainingLib.training.config import TrainingConfig
from LDCTDenoiseTrainingLib.training.state import State


@pytest.fixture(scope="module")
def state():
    return State(TrainingConfig.of_method("CNN-L1"), "cpu")


@pytest.fixture(scope="module")
def whole(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.pt"
    state.save(path)
    return path.read_bytes()


def refuse(state, path, content):
    path.write_bytes(content)
    before = [weight.clone() for weight in state.parameters()]
    with pytest.raises(InputError, match="checkpoint.pt") as error:
        state.load(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300 + len(str(path))
    assert all(torch.equal(a, b) for a, b in zip(before, state.parameters(), strict=True))


def test_a_checkpoint_comes_back_and_is_one_of_torch(state, whole, tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(whole)
    other = State(TrainingConfig.of_method("CNN-L1").changed({"seed": 3}), "cpu")
    other.load(path)
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), state.parameters(), strict=True))
    content = torch.load(path, weights_only=True)
    assert content["step"] == 0
    torch.save(content, path)  # as an earlier version wrote it
    state.load(path)


def test_every_flipped_byte_is_found(state, whole, tmp_path):
    seed = 11
    print("seed", seed)
    places = np.random.default_rng(seed).integers(0, len(whole) - 90, 25)
    for place in [0, 1, 2, 30, len(whole) - 3, len(whole) - 60, *places]:
        content = bytearray(whole)
        content[place] ^= 0x10
        refuse(state, tmp_path / "checkpoint.pt", content)


def test_what_was_cut_short_or_is_something_else(state, whole, tmp_path):
    for content in (b"", b"PK", whole[:-1], whole[:-200], whole[: len(whole) // 2], whole[:10], b"\0" * len(whole),
                    whole + b"\0", b"text", b"\x80\x02]q\x00."):  # fmt: skip
        refuse(state, tmp_path / "checkpoint.pt", content)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        state.load(tmp_path / "folder")


@pytest.mark.parametrize("change", [
    {"version": 99}, {"version": "1"}, {"step": -1}, {"step": 2.5}, {"step": True}, {"seconds": None}, {"best": []},
    {"networks": {}}, {"networks": []}, {"networks": {"generator": {}}}, {"networks": {"generator": 3}},
    {"optimisers": {}}, {"optimisers": {"generator": {"state": 1}}}, {"optimisers": {"generator": None}}, None,
])  # fmt: skip
def test_odd_types_are_refused(state, whole, tmp_path, change):
    content = torch.load(io.BytesIO(whole), weights_only=True)
    buffer = io.BytesIO()
    torch.save([1, 2] if change is None else {**content, **change}, buffer)
    refuse(state, tmp_path / "checkpoint.pt", buffer.getvalue())
