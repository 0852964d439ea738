"""The alpha laboratory: fine-tune gates for a budget and an alpha in some dozens of steps, while the user watches.

Only the gates are trained, by the objective of training: cross-entropy and the paper's signed cost (objective.py). The
body is shared with the parent network and never changes. Nothing is written to disk; ``session.keep_on_disk`` does that
on request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.data.augment import augment, normalise
from dfs_core.data.sets import ImageSet
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import run
from dfs_core.evaluation.metrics import Evaluation, Outcome, summarise
from dfs_core.model.network import DFSNet
from dfs_core.training.lab_run import Progress, Settings, Step, Tuned, can_tune
from dfs_core.training.material import Material
from dfs_core.training.objective import cost_term, learning_rate
from dfs_core.training.session import session_card

TRIED = 1.0  # try another option in every block at every step: a short run cannot average out a noisier gradient
PART = 50  # images measured at a time, which bounds how long other users of the machine wait

Slot = Callable[[], AbstractContextManager[object]]  # gives a context in which this run may use the machine


def fine_tune(
    parent: Checkpoint,
    settings: Settings,
    material: Material,
    report: Callable[[Progress], None] = lambda progress: None,
    slot: Slot = nullcontext,
    name: str = "session",
) -> Tuned:
    """Fine-tune the gates of a checkpoint and measure them before and after.

    Args:
        parent: the checkpoint to start from; it is not changed.
        settings: the settings of the run.
        material: the images.
        report: called after every step and every part of a measurement. An exception in it ends the run.
        slot: its context is entered around every piece of computation, so that a caller can share the machine. A piece
            is at most half a step or ``PART`` images.
        name: name of the resulting checkpoint.

    Raises:
        UserError: the checkpoint has no gates to tune, or the loss is no longer finite.
    """
    if not can_tune(parent.card):
        raise UserError(
            f"{parent.card.name} has no recurrent gates to fine-tune:"
            " choose a DFS checkpoint that was trained for one budget"
        )
    started = time.monotonic()
    model = with_own_gates(parent.model, settings.budget)
    before = _measure(parent.model, parent.card, material.held_out, "before", report, slot)
    steps = _descend(model, parent.card, settings, material.tune, report, slot)
    after = _measure(model, parent.card, material.held_out, "after", report, slot)
    seconds = round(time.monotonic() - started, 1)
    card = session_card(parent.card, model, material, after, name, settings, seconds)
    return Tuned(settings, steps, before, after, material.toy, Checkpoint(card, model, Path()))


def with_own_gates(model: DFSNet, budget: float) -> DFSNet:
    """A network for another budget that shares the body and has a copy of the gates."""
    twin = DFSNet(replace(model.config, budget=budget, prices=()))
    twin.body = model.body
    twin.policy.load_state_dict(model.policy.state_dict())
    return twin.eval()


def _descend(
    model: DFSNet, card: Card, settings: Settings, images: ImageSet, report: Callable[[Progress], None], slot: Slot
) -> tuple[Step, ...]:
    """Gradient descent on the gates alone."""
    gates = list(model.policy.parameters())
    optimiser = torch.optim.SGD(gates, lr=settings.rate)
    generator = torch.Generator().manual_seed(settings.seed)
    steps: list[Step] = []
    for number, indices in enumerate(_batches(len(images), settings, generator)):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(number, settings.steps, settings.rate, "cosine", 0.0, ())
        labels = images.labels[indices]
        with slot(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed * 1_000_003 + number)  # for the other options that are tried
            mirror = bool(card.training.get("mirror", True))
            pixels = normalise(augment(images.images[indices], generator, mirror=mirror), card.mean, card.std)
            output = model(pixels, tried=TRIED)
        loss = F.cross_entropy(output.logits, labels)
        term, cp = cost_term(output, model.costs, settings.budget, settings.alpha)
        loss = loss + term
        if not bool(loss.isfinite()):
            raise UserError(f"the loss of step {number + 1} is not finite: lower alpha or the rate")
        with slot():
            optimiser.zero_grad(set_to_none=True)
            loss.backward(inputs=gates)  # no gradients for the shared body
            optimiser.step()
        right = float((output.logits.argmax(dim=1) == labels).float().mean())
        steps.append(Step(number + 1, float(cp), 100 * right, float(loss.detach())))
        report(Progress("tuning", len(steps), settings.steps, steps[-1]))
    return tuple(steps)


def _batches(count: int, settings: Settings, generator: torch.Generator) -> Tensor:
    """Indices (steps, batch). Every image is used once before any is used again."""
    needed = settings.steps * settings.batch
    rounds = [torch.randperm(count, generator=generator) for _ in range(-(-needed // count))]
    return torch.cat(rounds)[:needed].reshape(settings.steps, settings.batch)


def _measure(
    model: DFSNet,
    card: Card,
    images: ImageSet,
    doing: Literal["before", "after"],
    report: Callable[[Progress], None],
    slot: Slot,
) -> Evaluation:
    parts: list[Outcome] = []
    for start in range(0, len(images), PART):
        part = images.subset(slice(start, start + PART))
        with slot():
            parts.append(run(model, part, card.mean, card.std))
        report(Progress(doing, min(start + PART, len(images)), len(images)))
    return summarise(Outcome.joined(parts), model.config)
