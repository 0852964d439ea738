"""A cascade of separate networks: each checkpoint is asked only about images of which those before it were unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.errors import UserError
from dfs_core.evaluation.limits import Look, Row, Sure, follow, rows_of
from dfs_core.evaluation.metrics import DECIMALS, wilson_interval
from dfs_core.model.cost import cost_models
from dfs_core.results.comparison import paired_difference

if TYPE_CHECKING:
    from dfs_core.checkpoints.checkpoint import Checkpoint
    from dfs_core.data.sets import ImageSet

TOLERANCE = 1.05


@dataclass(frozen=True, slots=True)
class SeparateCascade:
    """What a cascade of checkpoints reached on test images at one budget, in percent.

    Attributes:
        budget: cp that was asked for.
        price: nats per block in full that leads to it.
        limits: the sureness that stops after each pass but the last; by default a lead in nats.
        n: number of images.
        accuracy: share of images with the right label.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        cp: mean computation percentage, every pass counted.
        all_in: mean all-in cost; each pass pays for its own stem, first block and classifier.
        passes: mean number of passes an image.
        shuffled: accuracy to expect if as many passes were given to as many images, but to any of them.
        gains: (difference, low, high) in points against each pass alone on the same images, with its 95 % interval.
    """

    budget: float
    price: float
    limits: tuple[float, ...]
    n: int
    accuracy: float
    low: float
    high: float
    cp: float
    all_in: float
    passes: float
    shuffled: float
    gains: tuple[tuple[float, float, float], ...]


def check_kin(checkpoints: Sequence[Checkpoint]) -> None:
    """Refuse checkpoints that cannot form a cascade.

    Raises:
        UserError: fewer than two, other classes or blocks, or costs that do not rise.
    """
    if len(checkpoints) < 2:
        raise UserError("a cascade needs two passes or more: name two checkpoints, the cheapest first")
    first, *others = (checkpoint.card for checkpoint in checkpoints)
    for card in others:
        if (card.classes, card.config.layout, card.split) != (first.classes, first.config.layout, first.split):
            raise UserError(f"'{card.name}' and '{first.name}' differ in classes, blocks or validation images")
    for cheap, dear in pairwise((first, *others)):
        if _cost(cheap) >= _cost(dear):
            costs = f"'{cheap.name}' costs {_cost(cheap):g} % of cp, '{dear.name}' {_cost(dear):g} %"
            raise UserError(f"passes come cheapest first, and {costs}")


def _cost(card: Card) -> float:
    evaluation = card.evaluation()
    if evaluation is None:
        raise UserError(f"'{card.name}' has no cost on its card")
    return evaluation.cp


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One checkpoint's answers to a set of images, and what they cost in percent (N,)."""

    look: Look
    cp: np.ndarray
    all_in: np.ndarray


def measure_pass(checkpoint: Checkpoint, images: ImageSet, sure: Sure = "lead") -> Measured:
    """Ask one checkpoint about every image, at its usual budget; ``sure`` says how doubt is measured."""
    from dfs_core.evaluation.evaluate import forward_batches  # loads torch, which the tables of results do without

    card, logits, decisions = checkpoint.card, [], []
    for output in forward_batches(checkpoint.model, images.images, card.mean, card.std):
        logits.append(output.logits.numpy())
        decisions.append(output.decisions.numpy() if output.passes is None else output.passes.decisions.numpy())
    costs, made = cost_models(card.config), np.concatenate(decisions)
    cp = costs["cp"].per_image(made)
    labels, cost = images.labels.cpu().numpy(), cp / 100 * card.config.gated_blocks
    look = Look.of(np.concatenate(logits), labels, cost, sure)
    return Measured(look, cp, costs["bitops"].per_image(made))


def rows_on(measured: Sequence[Measured], blocks: int) -> list[Row]:
    """Limits for every price, from the validation images that were measured."""
    return rows_of([one.look for one in measured], blocks)


def _rounded(values: tuple[float, float, float]) -> tuple[float, float, float]:
    first, second, third = (round(value, DECIMALS) for value in values)
    return first, second, third


def nearest(rows: Sequence[Row], budget: float) -> Row | None:
    """The row nearest to a budget in percent of cp; None if none is within 5 % of it."""
    row = min(rows, key=lambda one: abs(np.log(one.cp / budget)))
    return row if 1 / TOLERANCE < row.cp / budget < TOLERANCE else None


def at_budget(rows: Sequence[Row], measured: Sequence[Measured], budget: float) -> SeparateCascade:
    """What limits chosen elsewhere come to on these images: the row that is nearest to a budget in percent of cp.

    Raises:
        UserError: no row is within 5 % of the budget.
    """
    row = nearest(rows, budget)
    if row is None:
        served = f"from {rows[-1].cp:.3g} to {rows[0].cp:.3g} %"
        raise UserError(f"these passes serve budgets {served}, and none within 5 % of {budget:g} %")
    passes = follow([one.look for one in measured], row.limits)
    every = np.arange(len(passes))
    right = np.stack([one.look.correct for one in measured])
    correct = right[passes - 1, every]
    low, high = wilson_interval(int(correct.sum()), len(correct))

    def spent(costs: list[np.ndarray]) -> float:
        return round(float(np.cumsum(costs, axis=0)[passes - 1, every].mean()), DECIMALS)

    return SeparateCascade(
        budget=budget,
        price=row.price,
        limits=row.limits,
        n=len(correct),
        accuracy=round(100 * float(correct.mean()), DECIMALS),
        low=round(low, DECIMALS),
        high=round(high, DECIMALS),
        cp=spent([one.cp for one in measured]),
        all_in=spent([one.all_in for one in measured]),
        passes=round(float(passes.mean()), DECIMALS),
        shuffled=round(
            sum(100 * float((passes == k).mean() * each.mean()) for k, each in enumerate(right, 1)), DECIMALS
        ),
        gains=tuple(_rounded(paired_difference(correct, alone)) for alone in right),
    )
