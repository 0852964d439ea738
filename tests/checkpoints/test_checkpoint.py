"""Checkpoints: what was saved comes back; what is damaged, foreign or dangerous is refused in one clear line."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from places import REPOSITORY
from safetensors.torch import load_file, save_file
from saved import CONFIG, error_of
from tiny import make_card, make_network

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.card_files import read_card, scan
from dfs_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.files import is_folder
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.precision import round_to_bytes


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the tensors of a checkpoint and state the new file's hash in its card, so that only the fit is wrong."""
    tensors = load_file(folder / "weights.safetensors")
    change(tensors)
    save_file(tensors, folder / "weights.safetensors")
    edit_card(folder, weights_sha256=hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest())


def edit_card(folder: Path, **changes: object) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_weights_and_card_come_back_as_they_were_saved(folder: Path) -> None:
    loaded, original = load_checkpoint(folder), make_network(CONFIG)
    assert not loaded.model.training
    assert loaded.folder == folder
    for name, value in original.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value), name
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert loaded.card == replace(make_card("one", "dfs", CONFIG), weights_sha256=digest)
    assert (folder / "log.jsonl").read_text() == "{}\n"


def test_a_checkpoint_is_found_by_name_folder_and_either_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder.parent))
    for given in ("one", folder, str(folder) + "/", folder / "card.json", folder / "weights.safetensors"):
        assert read_card(given).name == load_checkpoint(given).card.name == "one"
    monkeypatch.chdir(folder)
    assert read_card(".").name == "one"


def test_a_copied_folder_is_a_checkpoint_of_its_own_name(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "two")
    assert [card.name for card in scan(folder.parent)[0]] == ["one", "two"]
    assert load_checkpoint(folder.parent / "two").card.name == "two"


def test_names_are_looked_up_in_the_repository_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DFS_PRETRAINED_DIR", raising=False)
    assert pretrained_dir() == REPOSITORY / "pretrained"


def test_an_unknown_name_is_answered_with_those_that_exist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder.parent))
    assert error_of("ome") == "there is no checkpoint 'ome': did you mean one?"
    assert "use one of one, or the path of a folder" in error_of("something-else")
    assert "there is no checkpoint ''" in error_of("")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder / "nowhere"))
    assert "has none" in error_of("one")


def test_an_own_run_of_that_name_is_pointed_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder.parent))
    runs = folder.parent.parent / "runs"
    shutil.copytree(folder, runs / "mine")
    monkeypatch.setenv("DFS_RUNS_DIR", str(runs))
    assert error_of("mine") == f"there is no checkpoint 'mine': your own run of that name is {runs / 'mine'}"


def test_of_many_names_those_with_the_unknown_one_in_them_are_suggested(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "many"))
    for name in ("lowbit-a", "lowbit-b", *(f"static-{number:02}" for number in range(12))):
        shutil.copytree(folder, tmp_path / "many" / name)
    assert error_of("lowbit").endswith("did you mean lowbit-a or lowbit-b?")
    more = "did you mean static-00 or static-01 or static-02, or another one with that in its name?"
    assert error_of("static").endswith(more)
    assert "'python -m dfs_core list' names those that there are" in error_of("something-else")


@pytest.mark.parametrize("kept", [0, 7, 100, 5000, -1])
def test_a_truncated_file_is_named_as_such(folder: Path, kept: int) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert "weights.safetensors is truncated or damaged" in error_of(folder)


def test_a_header_that_claims_an_enormous_length_is_refused(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes((2**62).to_bytes(8, "little") + path.read_bytes()[8:])
    assert "is truncated or damaged" in error_of(folder)


def test_one_changed_byte_is_a_wrong_hash(folder: Path) -> None:
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert "is not the file that its card describes: its SHA-256 is" in error_of(folder)


def test_a_card_without_a_hash_is_refused(folder: Path) -> None:
    edit_card(folder, weights_sha256="")
    assert "the card says no hash" in error_of(folder)


def test_missing_and_unexpected_tensors_are_counted_and_named(folder: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors["body.extra"] = tensors.pop("policy.to_options.bias")

    edit_weights(folder, change)
    message = error_of(folder)
    assert "1 missing (such as policy.to_options.bias)" in message
    assert "1 unexpected (such as body.extra)" in message


def test_a_tensor_of_another_shape_is_named_with_both_shapes(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({"policy.to_options.bias": torch.zeros(7)}))
    assert "policy.to_options.bias is [7] and should be [4]" in error_of(folder)


def test_a_card_of_another_network_does_not_fit_its_weights(folder: Path) -> None:
    model = json.loads((folder / "card.json").read_text())["model"]
    edit_card(folder, model=model | {"depth": 14})
    assert "do not fit its card: they are of 3 blocks, and ResNet-14 has 6" in error_of(folder)


def test_a_card_with_another_number_of_classes_is_refused(folder: Path) -> None:
    edit_card(folder, classes=["cat", "dog"])
    assert "card.json: 2 class names for a model of 10 classes" in error_of(folder)


@pytest.mark.parametrize("name", ["card.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"no {name}" in error_of(folder)


def test_a_card_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "card.json").write_bytes(b"\xff\xfe\x00")
    assert "card.json cannot be read: it is not a text file" in error_of(folder)


def test_other_files_and_folders_are_no_checkpoints(folder: Path, tmp_path: Path) -> None:
    assert "log.jsonl is not a checkpoint" in error_of(folder / "log.jsonl")
    (tmp_path / "empty").mkdir()
    assert "has no card.json" in error_of(tmp_path / "empty")


def test_scan_gives_the_good_cards_and_says_what_is_wrong_with_the_others(folder: Path, tmp_path: Path) -> None:
    for name in ("broken", "bare", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "card.json").write_text("{")
    (tmp_path / "published.csv").write_text("method\n")
    cards, problems = scan(tmp_path)
    assert [card.name for card in cards] == ["one"]
    assert len(problems) == 2
    assert "bare has no card.json" in problems[0]
    assert "broken/card.json: not readable as JSON" in problems[1]


def test_scan_passes_by_a_folder_that_may_not_be_looked_into(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_file(path: Path) -> bool:
        if path.parent.name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return True

    (tmp_path / "lost+found").mkdir()
    monkeypatch.setattr(Path, "is_file", is_file)
    cards, (problem,) = scan(tmp_path, all_of_it=False)
    assert [card.name for card in cards] == ["one"]
    assert "Permission denied" in problem


def test_a_path_that_no_file_can_have_is_no_folder(tmp_path: Path) -> None:
    assert is_folder(tmp_path)
    assert not is_folder(tmp_path / ("a" * 5000))


def test_scan_of_a_missing_folder_is_a_problem_in_words(tmp_path: Path) -> None:
    assert scan(tmp_path / "nowhere") == ([], [f"there is no folder {tmp_path / 'nowhere'} with checkpoints"])


def test_saving_again_replaces_the_checkpoint_and_keeps_other_files(folder: Path) -> None:
    (folder / "mine.txt").write_text("kept")
    save_checkpoint(folder, make_network(backbone_config(8)), make_card("one", "backbone", backbone_config(8)))
    assert load_checkpoint(folder).card.method == "backbone"
    assert (folder / "mine.txt").read_text() == "kept"
    assert not list(folder.glob(".*"))


def test_a_save_that_is_cut_short_leaves_no_half_file_and_never_a_mixed_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    replaced = []

    def stop(self: Path, target: Path) -> None:
        replaced.append(target.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(folder, make_network(CONFIG, seed=1), make_card("one", "dfs", CONFIG))
    assert replaced == ["weights.safetensors"]  # the card, with the new hash, would have come last
    assert {name: (folder / name).read_bytes() for name in before} == before
    load_checkpoint(folder)


def test_a_card_of_another_model_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not belong to this model"):
        save_checkpoint(tmp_path / "one", make_network(CONFIG), make_card("one", "backbone", backbone_config(8)))
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("bits", [2, 3, 4, 7, 8])
def test_weights_that_have_one_number_of_bits_fit_in_bytes_and_keep_their_levels(tmp_path: Path, bits: int) -> None:
    config = ModelConfig(depth=8, options=f"{bits},full", policy="constant", constant=(str(bits),))
    model = make_network(config)
    layer = model.body.blocks[1].conv1
    own = layer.quantisers[str(bits)]
    with torch.no_grad():
        own.weight_step.fill_(0.037)
        low, high = own.weight_bounds[0].tolist()
        ties = 0.037 * torch.arange(low - 2, high + 2, 0.5)  # halfway between two levels, and beyond the last ones
        values = layer.weight.flatten()
        values[: len(ties)] = ties
        layer.weight.copy_(values.reshape(layer.weight.shape))
    levels = (layer.weight / own.weight_step).round().clamp(low, high)
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    before = model.eval()(images).logits
    round_to_bytes(model.body)
    assert torch.equal((layer.weight / own.weight_step).round().clamp(low, high), levels)
    fine = layer.weight / own.weight_step
    inside = fine[(levels > low) & (levels < high)]
    assert bool(((inside - inside.round()).abs() < 0.49).all()), "no tie is left to the last digit of a division"
    assert torch.equal(model(images).logits, before)
    folder = save_checkpoint(tmp_path / "static", model, make_card("static", "static", config))
    kept = load_file(folder / "weights.safetensors")
    assert kept["body.blocks.1.conv1.weight"].dtype == torch.int8
    assert kept["body.blocks.0.conv1.weight"].dtype != torch.int8, "it runs in full precision"
    again = load_checkpoint(folder).model
    assert torch.equal(again.body.blocks[1].conv1.weight, layer.weight)
    assert torch.equal(again(images).logits, before)


def test_bytes_of_a_weight_without_a_step_are_refused(folder: Path) -> None:
    def in_bytes(tensors: dict[str, torch.Tensor]) -> None:
        tensors["body.stem.0.weight"] = torch.ones_like(tensors["body.stem.0.weight"], dtype=torch.int8)

    edit_weights(folder, in_bytes)
    assert "body.stem.0.weight is in bytes, but has no step" in error_of(folder)
