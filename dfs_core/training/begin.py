"""The start of a run: its network, new or from another run, and the optimiser of what its stage trains."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from dfs_core.checkpoints import provenance
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from dfs_core.checkpoints.locate import CARD_FILE, pretrained_dir, runs_dir
from dfs_core.data.augment import normalise
from dfs_core.data.sets import fingerprint
from dfs_core.data.splits import Splits
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import batch_of
from dfs_core.model.confidence import ConfidencePolicy
from dfs_core.model.lsq import keep_positive
from dfs_core.model.network import DFSNet, calibrate
from dfs_core.model.precision import resolve
from dfs_core.model.start_from import start_from
from dfs_core.training.config_files import is_run
from dfs_core.training.train_config import STAGES, TrainConfig
from dfs_core.training.train_state import RunState

CALIBRATION_IMAGES = 256


def begin(config: TrainConfig, splits: Splits, device: torch.device) -> RunState:
    """The state of a run before its first step.

    Args:
        config: the configuration of the run.
        splits: its images. New quantisers are calibrated on some of the training images.
        device: the device to train on.

    Raises:
        UserError: the checkpoint to start from is missing, does not fit the network, or was trained on images that
            this run sets aside.
    """
    torch.manual_seed(config.seed)
    model = DFSNet(config.model)
    if config.charges:
        model.charges.copy_(torch.tensor(config.charges))
    note = _start_from(model, config, splits) if config.start_from else ""
    model.to(device)
    stage = STAGES[config.stage]
    body, policy = list(model.body.parameters()), list(model.policy.parameters())
    for parameter in body:
        parameter.requires_grad_(stage.body)
    for parameter in policy:
        parameter.requires_grad_(stage.policy)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in body if p.ndim > 1], "weight_decay": config.weight_decay, "factor": 1.0},
        {"params": [p for p in body if p.ndim <= 1], "factor": 1.0},
        {"params": policy, "factor": config.gate_lr, "momentum": config.gate_momentum, "nesterov": False},
    ]
    trained = [group for group in groups if any(p.requires_grad for p in group["params"])]
    optimiser = torch.optim.SGD(trained, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)
    optimiser.register_step_post_hook(lambda *_: keep_positive(model))
    average = copy.deepcopy(model) if config.ema else None
    precision = resolve(config.precision, device)
    return RunState(
        model,
        optimiser,
        average,
        provenance.commit(),
        precision,
        _parents(config),
        note=note,
        images=fingerprint(splits.train),
    )


def source(name: str) -> Checkpoint:
    """The checkpoint that a run builds on: the finished run of that name in ``runs/``, else as in ``load_checkpoint``.

    Raises:
        UserError: there is no such checkpoint, or it cannot be read.
    """
    place = _place(name)
    if place == name and not Path(name).exists() and not (pretrained_dir() / name).exists() and is_run(name):
        raise UserError(f"there is no checkpoint '{name}' yet: train it first with 'python -m dfs_core train {name}'")
    return load_checkpoint(place)


def _place(name: str) -> Path | str:
    card = runs_dir() / name / CARD_FILE
    return card if card.is_file() else name


def _parents(config: TrainConfig) -> tuple[str, ...]:
    names: list[str] = []
    for name in filter(None, (config.start_from, config.teacher)):
        card = read_card(_place(name))
        names += [card.name, *card.parents]
    return tuple(dict.fromkeys(names))


def teacher_of(config: TrainConfig, classes: Sequence[str], device: torch.device) -> DFSNet | None:
    """The network that a run distils from, in evaluation mode; None without distillation.

    Args:
        config: the configuration of the run.
        classes: names of the classes that it is to learn.
        device: the device to train on.

    Raises:
        UserError: the teacher is missing, has other classes or another image size, or was trained on images that this
            run sets aside.
    """
    if not config.teacher:
        return None
    found = source(config.teacher)
    _check_split(config, found.card)
    model = found.model
    if len(found.card.classes) != len(classes):
        raise UserError(f"teacher '{config.teacher}' has {len(found.card.classes)} classes, not {len(classes)}")
    if found.card.classes != tuple(classes):
        raise UserError(f"teacher '{config.teacher}' knows other classes than those of {config.dataset}")
    if model.config.image_size != config.model.image_size:
        sizes = f"{model.config.image_size} pixels, not of {config.model.image_size}"
        raise UserError(f"teacher '{config.teacher}' takes images of {sizes}")
    return model.to(device).eval()


def _check_split(config: TrainConfig, card: Card) -> None:
    """Stop if a parent or teacher was trained on images that this run sets aside for validation."""
    kept = card.split.get("asked")
    if card.dataset == config.dataset and kept is not None and kept < config.validation:
        raise UserError(
            f"'{card.name}' was trained on images that this run would set aside for validation: set validation ="
            f" {kept} as there, or train that one again"
        )


def _start_from(model: DFSNet, config: TrainConfig, splits: Splits) -> str:
    """Take over weights; return what the log should say of it."""
    given = source(config.start_from)
    _check_split(config, given.card)
    learners = [model.body.classifier]  # of classes
    if isinstance(model.policy, ConfidencePolicy):
        learners += [*model.policy.answers]
    fresh = copy.deepcopy([learner.state_dict() for learner in learners])
    new = start_from(model, given.model)
    others = given.card.classes != splits.train.classes
    if others:
        for learner, state in zip(learners, fresh, strict=True):  # also where the numbers of classes agree by chance
            learner.load_state_dict(state)
        names = tuple(f"{name}." for name, module in model.named_modules() if any(module is one for one in learners))
        new += [key for key in model.state_dict() if key.startswith(names)]
    if quantisers := {key.rpartition(".")[0] for key in new if ".quantisers." in key}:
        sample = splits.train.images[: min(CALIBRATION_IMAGES, batch_of(model.config.image_size))]
        calibrate(model, normalise(sample, splits.mean, splits.std), quantisers)
    if not others:
        return ""
    return f"It starts from {given.card.name}, which has other classes: its body is kept, the classifier is new."
