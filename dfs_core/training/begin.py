"""How a run begins: its network, from scratch or from another run, and the optimiser of what its stage learns."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from dfs_core.checkpoints import provenance
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from dfs_core.checkpoints.locate import CARD_FILE
from dfs_core.data.augment import normalise
from dfs_core.data.splits import Splits
from dfs_core.errors import UserError
from dfs_core.model.lsq import keep_positive
from dfs_core.model.network import DFSNet, calibrate
from dfs_core.model.start_from import start_from
from dfs_core.training.precision import resolve
from dfs_core.training.train_config import STAGES, TrainConfig
from dfs_core.training.train_state import RunState

RUNS = Path("runs")
CALIBRATION_IMAGES = 256


def begin(config: TrainConfig, splits: Splits, device: torch.device) -> RunState:
    """The state of a run before its first step.

    Args:
        config: the run.
        splits: its images; new quantisers are calibrated on some of those to train on.
        device: where it is to run.

    Raises:
        UserError: what it starts from is missing, or is a network of another layout or number of classes.
    """
    torch.manual_seed(config.seed)
    model = DFSNet(config.model)
    if config.start_from:
        _start_from(model, config.start_from, splits)
    model.to(device)
    stage = STAGES[config.stage]
    body, policy = model.trainable_groups()
    for parameter in body:
        parameter.requires_grad_(stage.body)
    for parameter in policy:
        parameter.requires_grad_(stage.policy)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in body if p.ndim > 1], "weight_decay": config.weight_decay, "factor": 1.0},
        {"params": [p for p in body if p.ndim <= 1], "factor": 1.0},
        {"params": policy, "factor": config.gate_lr, "momentum": config.gate_momentum, "nesterov": False},
    ]
    learning = [group for group in groups if any(p.requires_grad for p in group["params"])]
    optimiser = torch.optim.SGD(learning, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)
    optimiser.register_step_post_hook(lambda *_: keep_positive(model))
    average = copy.deepcopy(model) if config.ema else None
    precision = resolve(config.precision, device)
    return RunState(model, optimiser, average, provenance.commit(), precision, _parents(config))


def source(name: str) -> Checkpoint:
    """What a run builds on: the finished run of that name in ``runs/``, else the published checkpoint or the folder.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return load_checkpoint(_place(name))


def _place(name: str) -> Path | str:
    return RUNS / name if (RUNS / name / CARD_FILE).is_file() else name


def _parents(config: TrainConfig) -> tuple[str, ...]:
    line: list[str] = []
    for name in filter(None, (config.start_from, config.teacher)):
        line += [Path(name).name, *read_card(_place(name)).parents]
    return tuple(dict.fromkeys(line))


def teacher_of(config: TrainConfig, device: torch.device) -> DFSNet | None:
    """The network that a run distils from, in evaluation mode; None if it distils from none.

    Raises:
        UserError: it is missing, tells other classes apart, or takes images of another size.
    """
    if not config.teacher:
        return None
    model = source(config.teacher).model
    if model.config.classes != config.model.classes:
        raise UserError(f"teacher '{config.teacher}' knows {model.config.classes} classes, not {config.model.classes}")
    if model.config.image_size != config.model.image_size:
        sizes = f"{model.config.image_size} pixels, not of {config.model.image_size}"
        raise UserError(f"teacher '{config.teacher}' takes images of {sizes}")
    return model.to(device).eval()


def _start_from(model: DFSNet, name: str, splits: Splits) -> None:
    new = start_from(model, source(name).model)
    if quantisers := {key.rpartition(".")[0] for key in new if ".quantisers." in key}:
        sample = splits.train.images[:CALIBRATION_IMAGES]
        calibrate(model, normalise(sample, splits.mean, splits.std), quantisers)
