"""A run that diverges stops and keeps its last good state; what is not finite is not published, read or believed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from reference_forward import random_state
from safetensors.torch import load_file, save_file
from tiny_runs import BACKBONE, log_of, start, train
from torch import Tensor

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.card_files import save_card
from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from dfs_core.checkpoints.reference import import_reference
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import forward_batches
from dfs_core.model.network import DFSNet
from dfs_core.training.train_state import STATE_FILE


@pytest.mark.parametrize(("log_every", "save_every"), [(1, 1000), (50, 1000), (50, 1)])
def test_a_run_at_an_absurd_rate_stops_at_the_first_loss_that_is_not_finite(
    tmp_path: Path, cifar10_dir: Path, log_every: int, save_every: int
) -> None:
    with pytest.raises(UserError, match=r"step \d+ .*is not finite.*Lower lr \(now 1e\+06\)") as stop:
        train(tmp_path / "run", cifar10_dir, BACKBONE, epochs=20, lr=1e6, log_every=log_every, save_every=save_every)
    assert "\n" not in str(stop.value)
    assert not (tmp_path / "run" / "card.json").exists(), "nothing was published"
    lines = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "run" / "log.jsonl").open()]
    assert len([line for line in lines if "loss" in line]) < 10 / log_every


def test_the_state_that_stays_is_finite_and_older_than_the_first_bad_loss(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=9, save_every=2)
    whole = trainer._step

    def step(images: Tensor, labels: Tensor) -> dict[str, float | Tensor]:
        found = whole(images, labels)
        return found | {"loss": torch.tensor(float("nan"))} if trainer.state.step == 5 else found

    monkeypatch.setattr(trainer, "_step", step)
    with pytest.raises(UserError, match="step 6 is not finite, so the run was stopped; the last good state"):
        trainer.run()
    saved = load_file(tmp_path / "run" / STATE_FILE)
    assert all(bool(value.isfinite().all()) for value in saved.values())
    assert log_of(tmp_path / "run", "step") == [1, 2, 3, 4, 5]


def test_a_loss_that_its_step_overwrites_is_remembered(tmp_path: Path, cifar10_dir: Path) -> None:
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=9)
    trainer.device, trainer.state.step = torch.device("meta"), 7  # as on a GPU, which is asked only now and then
    shared = torch.tensor(0.0)
    for value in (1.0, float("nan"), 3.0):
        shared.fill_(value)
        trainer._stop_if_diverged(shared, look=False)
    with pytest.raises(UserError, match="the loss of step 5 is not finite"):
        trainer._stop_if_diverged(torch.tensor(1.0), look=True)


def test_weights_that_the_last_update_ruined_are_not_saved(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=4, save_every=4)
    whole = trainer._step

    def step(images: Tensor, labels: Tensor) -> dict[str, float | Tensor]:
        found = whole(images, labels)
        if trainer.state.step == 3:
            trainer.state.model.body.classifier.bias.data[0] = float("inf")
        return found

    monkeypatch.setattr(trainer, "_step", step)
    with pytest.raises(UserError, match=r"after step 4 body\.classifier\.bias is not finite.*nothing was kept"):
        trainer.run()
    assert not (tmp_path / "run" / STATE_FILE).exists()


def ruined(checkpoint: Checkpoint) -> DFSNet:
    """The same network with one weight that is no number."""
    model = DFSNet(checkpoint.model.config)
    model.load_state_dict(checkpoint.model.state_dict())
    model.body.classifier.weight.data[0, 0] = float("nan")
    return model.eval()


def test_weights_that_are_not_finite_are_not_written_as_a_checkpoint(
    tmp_path: Path, tiny_checkpoint: Checkpoint
) -> None:
    with pytest.raises(CheckpointError, match=r"body\.classifier\.weight is not finite"):
        save_checkpoint(tmp_path / "new", ruined(tiny_checkpoint), tiny_checkpoint.card)
    assert not (tmp_path / "new").exists()


def test_weights_that_are_not_finite_are_not_loaded(tmp_path: Path, tiny_checkpoint: Checkpoint) -> None:
    folder = save_checkpoint(tmp_path / "new", tiny_checkpoint.model, tiny_checkpoint.card)
    state = {key: value.contiguous() for key, value in ruined(tiny_checkpoint).state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    save_card(folder, replace(tiny_checkpoint.card, weights_sha256=digest))
    with pytest.raises(CheckpointError, match=r"body\.classifier\.weight is not finite"):
        load_checkpoint(folder)


@pytest.mark.parametrize("kind", ["weight_step", "activation_step"])
@pytest.mark.parametrize("value", [0.0, -0.01])
def test_a_quantiser_step_that_is_not_above_zero_is_not_loaded(
    tmp_path: Path, tiny_checkpoint: Checkpoint, kind: str, value: float
) -> None:
    folder = save_checkpoint(tmp_path / "new", tiny_checkpoint.model, tiny_checkpoint.card)
    state = load_file(folder / "weights.safetensors")
    name = next(name for name in state if name.endswith(kind))
    state[name].fill_(value)
    save_file(state, folder / "weights.safetensors")
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    save_card(folder, replace(tiny_checkpoint.card, weights_sha256=digest))
    with pytest.raises(CheckpointError, match=f"step {name} is not above 0, .*; train it again"):
        load_checkpoint(folder)


def test_a_reference_checkpoint_that_is_not_finite_is_not_imported(tmp_path: Path) -> None:
    state = random_state(1, 10, 4)
    state["fc.bias"][3] = float("inf")
    torch.save(state, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=r"body\.classifier\.bias is not finite"):
        import_reference(tmp_path / "bad.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_answers_that_are_not_finite_are_an_error_and_no_prediction(tiny_checkpoint: Checkpoint) -> None:
    card = tiny_checkpoint.card
    images = torch.from_numpy(np.zeros((2, 3, 32, 32), np.uint8))
    with pytest.raises(UserError, match="logits are not finite"):
        list(forward_batches(ruined(tiny_checkpoint), images, card.mean, card.std))
