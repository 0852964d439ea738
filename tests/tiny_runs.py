"""Training runs small enough for tests: ResNet-8 on the made-up images, in float32 and without a compiler."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from dfs_core.data.splits import load_splits
from dfs_core.training import train as training
from dfs_core.training.config_files import load_config
from dfs_core.training.train import Trainer

BACKBONE = {"depth": 8, "options": "full", "policy": "constant", "constant": ["full"]}
GATED = {"depth": 8, "options": "skip,4,full"}
SMALL = {"dataset": "cifar10", "batch_size": 30, "precision": "fp32", "compile": False, "log_every": 1}


def write_config(path: Path, model: dict[str, Any], **settings: Any) -> Path:
    """Write a run's TOML file; ``settings`` add to those of a small run or replace them."""
    lines = toml({"name": path.stem, **SMALL, **settings})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "[model]", *toml(model)]) + "\n")
    return path


def toml(table: dict[str, Any]) -> Iterable[str]:
    """Lines of a flat TOML table: numbers, texts, truth values and lists of them read as they do in JSON."""
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


def train(out: Path, data_dir: Path, model: dict[str, Any], resume: bool = False, **settings: Any) -> Path:
    """Write ``out.toml`` and carry it out in ``out``."""
    return training.train(write_config(out.with_suffix(".toml"), model, **settings), data_dir, out, resume)


def start(folder: Path, data_dir: Path, model: dict[str, Any], resume: bool = False, **settings: Any) -> Trainer:
    """A run that is set up and not begun."""
    config = load_config(write_config(folder.with_suffix(".toml"), model, **settings))
    return Trainer(config, load_splits(config.dataset, config.validation, data_dir), folder, resume)


@contextmanager
def stopped_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run that is carried out inside is interrupted after so many steps."""
    take = Trainer._step

    def interrupted(trainer: Trainer, *batch: Tensor) -> dict[str, Any]:
        if trainer.state.step == steps:
            raise KeyboardInterrupt
        return take(trainer, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        try:
            yield
        except KeyboardInterrupt:
            return
    raise AssertionError(f"the run ended before it had done {steps} steps")


def weights(folder: Path) -> dict[str, Tensor]:
    """The published weights of a run; those that the file keeps in half precision as they are used, in float32."""
    found = load_file(folder / "weights.safetensors")
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in found.items()}


def log_of(folder: Path, key: str) -> list[float]:
    """The values of ``key`` in a run's log, in order; not of the line that says how many steps the run has in all."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if key in line and (key == "steps" or "steps" not in line)]
