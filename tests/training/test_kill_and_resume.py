"""A run that is killed and resumed ends with the weights, to the byte, of one that was left in peace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from places import REPOSITORY
from tiny_runs import BACKBONE, GATED, log_of, train, write_config

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.errors import UserError
from dfs_core.training.interrupt import between_steps
from dfs_core.training.train import Trainer
from dfs_core.training.train_state import STATE_FILE

PATIENCE = 900.0  # seconds; a busy machine may need some of them
JOINT = {
    "stage": "joint",
    "method": "dfs",
    "alpha": 1e-2,
    "gate_lr": 3.0,
    "gate_momentum": 0.5,
    "nesterov": True,
    "ema": 0.9,
    "hold_budget": True,
}


def assert_same_run(found: Path, wanted: Path) -> None:
    assert (found / "weights.safetensors").read_bytes() == (wanted / "weights.safetensors").read_bytes()
    assert (found / "log.jsonl").read_text() == (wanted / "log.jsonl").read_text()
    assert load_checkpoint(found).card.metrics == load_checkpoint(wanted).card.metrics


def killed_after_a_new_state(command: list[str], state: Path) -> int:
    """Start a run, kill it as soon as it has saved a state, and return the exit status."""
    before = state.stat().st_mtime_ns if state.exists() else None
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + PATIENCE
        while not state.exists() or state.stat().st_mtime_ns == before:
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline, "it saved no state"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        _, _ = process.communicate()
    return process.returncode


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_process_killed_twice_ends_as_if_nothing_had_happened(tmp_path: Path, cifar10_dir: Path) -> None:
    settings = {**JOINT, "iterations": 24, "save_every": 4, "validate_every": 5}
    config = write_config(tmp_path / "run.toml", {**GATED, "budget": 20}, **settings)
    out = tmp_path / "killed" / "run"
    places = ["--data-dir", str(cifar10_dir), "--out", str(out)]
    command = [sys.executable, "-m", "dfs_core", "train", str(config), *places]
    assert killed_after_a_new_state(command, out / STATE_FILE) == -signal.SIGKILL
    assert killed_after_a_new_state([*command, "--resume"], out / STATE_FILE) == -signal.SIGKILL
    assert not (out / "card.json").exists(), "it was killed before its end"
    done = subprocess.run([*command, "--resume"], cwd=REPOSITORY, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out)

    in_peace = train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 20}, **settings)
    assert_same_run(out, in_peace)
    assert len(log_of(out, "loss")) == 24, "no step stands twice"


@pytest.mark.parametrize(
    ("model", "settings", "stop"),
    [
        (BACKBONE, {"schedule": "step", "weight_decay": 0.01, "validate_every": 1}, 3),
        (BACKBONE, {"schedule": "step", "weight_decay": 0.01, "validate_every": 1}, 5),
        (GATED, {"stage": "gates", "alpha": 1e-2, "gate_momentum": 0.9}, 3),
        (GATED, {"stage": "gates", "alpha": 1e-2, "gate_momentum": 0.9}, 5),
        (
            {**GATED, "quantiser": "minmax", "batch_norm": "shared", "budget": 30},
            {**JOINT, "precision": "bf16", "iterations": 4},
            3,
        ),
        ({**GATED, "budget": 20}, {**JOINT, "ema": 0.0, "iterations": 4, "settle": 3}, 5),
    ],
    ids=["backbone, early", "backbone, late", "gates, early", "gates, late", "joint, minmax, bf16", "joint, settling"],
)
def test_every_stage_goes_on_as_it_would_have(
    tmp_path: Path,
    cifar10_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: dict[str, Any],
    settings: dict[str, Any],
    stop: int,
) -> None:
    settings = {"iterations": 7, "save_every": 2, **settings}
    wanted = train(tmp_path / "in-peace" / "run", cifar10_dir, model, **settings)
    step, done = Trainer._step, []

    def interrupted(trainer: Trainer, *batch: torch.Tensor) -> dict[str, float]:
        if trainer.state.step == stop and stop not in done:
            done.append(stop)
            raise KeyboardInterrupt
        done.append(trainer.state.step)
        return step(trainer, *batch)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", cifar10_dir, model, **settings)
    assert done == [*range(stop), stop]
    torch.manual_seed(99)  # a new process has no memory of the old one's random numbers
    assert_same_run(train(tmp_path / "run", cifar10_dir, model, resume=True, **settings), wanted)
    total = settings["iterations"] + settings.get("settle", 0)
    assert done[stop + 1 :] == list(range(stop - 1, total)), "it goes on from the last saved state, not from the start"


def test_a_state_that_was_being_written_does_not_harm_the_one_before(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"iterations": 6, "save_every": 2}
    wanted = train(tmp_path / "in-peace" / "run", cifar10_dir, BACKBONE, **settings)
    replace = Path.replace

    def cut_short(path: Path, target: Path) -> Path:
        if target.name == STATE_FILE and b'\\"step\\": 4' in path.read_bytes():
            os.truncate(path, path.stat().st_size // 2)
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_short)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", cifar10_dir, BACKBONE, **settings)
    monkeypatch.setattr(os, "getpid", lambda: 1)  # it is another process that goes on
    assert_same_run(train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, **settings), wanted)
    left = {path.name for path in (tmp_path / "run").iterdir() if "tfevents" not in path.name}
    assert left == {"card.json", "config.toml", "log.jsonl", STATE_FILE, "traces.parquet", "weights.safetensors"}, (
        "no litter"
    )


def test_a_run_that_has_done_more_steps_than_it_is_to_have_is_not_called_shorter(tmp_path: Path, cifar10_dir: Path):
    settings = {"schedule": "constant", "save_every": 1}
    train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=3, **settings)
    card = (tmp_path / "run" / "card.json").read_text()
    with pytest.raises(UserError, match="has done 3 steps, but this run has only 2"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2, **settings)
    assert (tmp_path / "run" / "card.json").read_text() == card


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_its_step_saves_it_and_goes_on_from_there(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    whole = train(tmp_path / "whole" / "run", cifar10_dir, BACKBONE, iterations=5, save_every=1000)
    folder, step = tmp_path / "stopped" / "run", Trainer._step

    def interrupted(trainer: Trainer, *batch: torch.Tensor) -> dict[str, Any]:
        if trainer.state.step == 2:
            os.kill(os.getpid(), number)
        return step(trainer, *batch)

    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"after step 3 of 5, which is saved: continue with --resume"):
            train(folder, cifar10_dir, BACKBONE, iterations=5, save_every=1000)
    assert signal.getsignal(number) == before
    assert log_of(folder, "step") == [1, 2, 3]
    assert_same_run(train(folder, cifar10_dir, BACKBONE, resume=True, iterations=5, save_every=1000), whole)
    with pytest.raises(UserError, match="has a finished run, which is not overwritten"):
        train(folder, cifar10_dir, BACKBONE, iterations=5, save_every=1000)


def test_a_signal_during_the_last_step_is_not_lost(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, step = tmp_path / "run", Trainer._step

    def interrupted(trainer: Trainer, *batch: torch.Tensor) -> dict[str, Any]:
        if trainer.state.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(trainer, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt, match="after step 2 of 2, which is saved"):
            train(folder, cifar10_dir, BACKBONE, iterations=2)
    assert not (folder / "card.json").exists()
    train(folder, cifar10_dir, BACKBONE, resume=True, iterations=2)
    assert load_checkpoint(folder).card.metrics


def test_a_second_signal_interrupts_at_once_and_an_ignored_one_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with between_steps() as interrupted:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupted()
            os.kill(os.getpid(), signal.SIGTERM)
            assert interrupted()
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)
