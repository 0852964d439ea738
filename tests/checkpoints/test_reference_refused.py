"""What is no checkpoint of the public DFS code is refused by its name in one line, and nothing in it is executed."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference_forward import RECORDING, random_state
from torch import Tensor

from dfs_core.checkpoints.reference import import_reference
from dfs_core.errors import UserError

State = dict[str, Tensor]


class Trap:
    """Leaves a mark if it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.mark), "w")


@pytest.mark.parametrize("how", ["torch.save", "torch.save in the old format", "pickle", "npz"])
def test_a_malicious_file_is_refused_and_never_executed(tmp_path: Path, how: str) -> None:
    mark, path = tmp_path / "executed", tmp_path / ("trap.npz" if how == "npz" else "trap.pth")
    content = {"state_dict": random_state(1, 10, 4), "trap": Trap(mark)}
    if how == "npz":
        np.savez(path, **{"state/conv1.weight": np.array([Trap(mark)], dtype=object)})
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Trap(mark)))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch.save")
    with pytest.raises(UserError) as refusal:
        import_reference(path, tmp_path / "out")
    assert not mark.exists()
    assert not (tmp_path / "out").exists()
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)
    pickle.loads(pickle.dumps(Trap(mark)))
    assert mark.exists(), "the trap works"


def without(state: State, key: str) -> State:
    return {name: value for name, value in state.items() if name != key}


STATE = random_state(1, 10, 4)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (without(STATE, "group2_layer0.downsample.weight"), "lacks group2_layer0.downsample.weight"),
        (without(STATE, "group1_gate0.1.bias"), "lacks group1_gate0.1.bias"),
        (without(STATE, "control.rnn_one.weight_hh_l0"), "lacks control.rnn_one.weight_hh_l0"),
        (without(STATE, "bn1.running_var"), "lacks bn1.running_var"),
        (without(STATE, "fc.weight"), "its keys are not group1_layer0.conv1.weight and so on"),
        ({"layer1.0.conv1.weight": torch.zeros(1)}, "its keys are not group1_layer0.conv1.weight and so on"),
        ({}, "its keys are not group1_layer0.conv1.weight and so on"),
        (STATE | {"fc.bias": torch.zeros(9)}, r"fc.bias has shape \[9\], not \[10\]"),
        (STATE | {"group3_layer0.conv1.weight": torch.zeros(3)}, r"group3_layer0.conv1.weight has shape \[3\], not"),
        (STATE | {"group1_layer1000000.conv1.weight": torch.zeros(1)}, "depth must be a whole number of at most 2000"),
        (random_state(1, 10, 5), "chooses from 5 options, and only sets of 7 .paper., 4 .paper-small., 2 .skipnet."),
        ([torch.zeros(1)], "has no state dict"),
        ({"state_dict": 3}, "has no state dict"),
        (torch.zeros(3), "has no state dict"),
    ],
)
def test_what_is_no_such_checkpoint_is_refused_in_one_line(tmp_path: Path, state: Any, reason: str) -> None:
    torch.save(state, tmp_path / "file.pth")
    with pytest.raises(UserError, match=reason) as refusal:
        import_reference(tmp_path / "file.pth", tmp_path / "out")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", [".pth", ".npz"])
@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"a text\n", b"\x80\x02}q\x01.", b"\x80\x04", bytes(range(256)) * 8, b"\x93NUMPY\x01"],
    ids=["empty", "start of a zip", "text", "empty pickle", "start of a pickle", "rubbish", "start of an array"],
)
def test_a_file_of_anything_else_is_refused_by_its_name(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError) as refusal:
        import_reference(path, tmp_path / "out")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kept", [10, 1000, 60_000, -1])
@pytest.mark.parametrize("name", ["reference.npz", "reference.pth"])
def test_a_truncated_file_is_refused_by_its_name(tmp_path: Path, name: str, kept: int) -> None:
    whole = tmp_path / "whole.pth"
    torch.save(STATE, whole)
    data = RECORDING.read_bytes() if name.endswith("npz") else whole.read_bytes()
    (tmp_path / name).write_bytes(data[:kept])
    with pytest.raises(UserError, match=name) as refusal:
        import_reference(tmp_path / name, tmp_path / "out")
    assert "\n" not in str(refusal.value)


def test_a_damaged_archive_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("state/conv1.weight.npy", b"no array")
    for path in (tmp_path / "odd.npz", tmp_path, tmp_path / "gone.pth", tmp_path / "gone.npz"):
        with pytest.raises(UserError, match=path.name):
            import_reference(path, tmp_path / "out")
