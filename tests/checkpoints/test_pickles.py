"""Pickles are refused in one clear line, whatever they are called, and never executed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from saved import error_of


class Bomb:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable, tuple]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.pth", "model.weights", "weights.safetensors"])
def test_a_malicious_pickle_is_refused_and_never_executed(folder: Path, name: str, protocol: int) -> None:
    mark = folder / "executed"
    (folder / name).write_bytes(pickle.dumps(Bomb(mark), protocol))
    message = error_of(folder / name)
    assert "is a pickle" in message
    assert "python -m dfs_core import-reference" in message
    assert not mark.exists()
    pickle.loads((folder / name).read_bytes())  # it would have gone off
    assert mark.exists()


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_pickle_without_a_mark_is_taken_for_damage_and_not_executed(folder: Path, protocol: int) -> None:
    mark = folder / "executed"
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Bomb(mark), protocol))
    assert "truncated or damaged" in error_of(folder)
    assert not mark.exists()


def test_a_file_of_torch_save_is_refused_whatever_it_is_called(folder: Path) -> None:
    for name in ("weights.safetensors", "model.pt", "model"):
        torch.save({"a": torch.zeros(2)}, folder / name)
        assert "is a pickle, which could run code" in error_of(folder / name)


def test_a_folder_with_a_pickle_only_says_how_to_convert_it(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "model_best.pth.tar")
    assert f"import-reference {tmp_path / 'model_best.pth.tar'}" in error_of(tmp_path)
