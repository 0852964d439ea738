"""A cascade measured pass by pass: each is asked only about images of which those before it were unsure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.errors import UserError
from dfs_core.evaluation.doubt import Answer, Sure, measures, together
from dfs_core.evaluation.limits import IN_TURN, Look, Row, Way, rows_of
from dfs_core.evaluation.metrics import DECIMALS, paired_difference, wilson_interval
from dfs_core.model.cost import cost_models, every_pass
from dfs_core.results.comparison import TOLERANCE

if TYPE_CHECKING:
    from dfs_core.checkpoints.checkpoint import Checkpoint
    from dfs_core.data.sets import ImageSet


@dataclass(frozen=True, slots=True)
class SeparateCascade:
    """What a cascade reached on test images at one budget, in percent.

    Attributes:
        budget: cp that was asked for.
        price: nats per block in full that leads to it.
        limits: the sureness that stops after each pass but the last, by default a lead in nats; straight, the sureness
            of the first pass below which an image goes to the second pass or a later one, to the third or a later one,
            and so on.
        n: number of images.
        accuracy: share of images with the right label.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        cp: mean computation percentage, every pass counted.
        all_in: mean all-in cost; separate networks each pay for their own stem, first block and classifier.
        passes: mean number of passes an image.
        shuffled: accuracy to expect if as many passes were given to as many images, but to any of them.
        alone: accuracy of each pass for all images.
        gain: points above the straight line, by cp, between the two passes alone that are nearest in cost; None beyond
            the cheapest or the dearest.
        against: (difference, low, high) in points against each pass alone on the same images, with its 95 % interval.
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
    alone: tuple[float, ...]
    gain: float | None
    against: tuple[tuple[float, float, float], ...]


class Pass(NamedTuple):
    """A checkpoint at a budget in percent; None for its usual one."""

    checkpoint: Checkpoint
    budget: float | None = None

    @property
    def card(self) -> Card:
        """The checkpoint's card."""
        return self.checkpoint.card

    @property
    def cp(self) -> float:
        """What it costs in percent, as its card says.

        Raises:
            UserError: the card does not say.
        """
        evaluation = self.card.evaluation()
        if evaluation is None:
            raise UserError(f"'{self.card.name}' has no cost on its card")
        return self.budget or evaluation.cp


def check_kin(passes: Sequence[Pass]) -> None:
    """Refuse checkpoints that cannot form a cascade.

    Raises:
        UserError: fewer than two passes, other classes or blocks, or costs that do not rise.
    """
    first, *others = (one.card for one in passes)
    if not others and not first.config.passes:
        raise UserError("a cascade needs two passes or more: name two checkpoints, the cheapest first, or a cascade")
    for card in others:
        lacking = {key for key in card.split.keys() ^ first.split.keys() if not key.endswith("_images")}  # fingerprints
        same = not lacking and all(card.split[key] == first.split.get(key, card.split[key]) for key in card.split)
        if not same or (card.classes, card.config.layout) != (first.classes, first.config.layout):
            raise UserError(f"'{card.name}' and '{first.name}' differ in classes, blocks or validation images")
    if others and (named := [card.name for card in (first, *others) if card.config.passes]):
        raise UserError(f"'{named[0]}' is a cascade already: name it alone")
    for cheap, dear in pairwise(passes):
        if cheap.cp >= dear.cp:
            costs = f"'{cheap.card.name}' has a cp of {cheap.cp:g} %, '{dear.card.name}' of {dear.cp:g} %"
            raise UserError(f"passes come cheapest first, and {costs}")


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """One pass's answers to a set of images, and what the pass costs.

    Attributes:
        logits: (N, classes).
        cp: in percent (N,).
        all_in: in percent (N,).
    """

    logits: np.ndarray
    cp: np.ndarray
    all_in: np.ndarray


def ask(passes: Sequence[Pass], images: ImageSet, report: Callable[[int, int], None]) -> list[Answered]:
    """Ask every pass about every image.

    Args:
        passes: the passes; a single cascade has passes of its own.
        images: the images.
        report: called with the number of passes done and their total.
    """
    found: list[Answered] = []
    for number, one in enumerate(passes, start=1):
        found += _own_passes(one.checkpoint, images) if one.card.config.passes else [_one_pass(one, images)]
        report(number, len(passes))
    return found


def _one_pass(one: Pass, images: ImageSet) -> Answered:
    from dfs_core.evaluation.evaluate import forward_batches  # loads torch, which the tables of results do without

    card, logits, decisions = one.card, [], []
    for output in forward_batches(one.checkpoint.model, images.images, card.mean, card.std, budget=one.budget):
        logits.append(output.logits.numpy())
        decisions.append(output.decisions.numpy())
    costs, made = cost_models(card.config), np.concatenate(decisions)
    return Answered(np.concatenate(logits), costs["cp"].per_image(made), costs["bitops"].per_image(made))


def _own_passes(checkpoint: Checkpoint, images: ImageSet) -> list[Answered]:
    """The passes of a cascade. Stem and first block are paid for by the first one."""
    from dfs_core.evaluation.evaluate import pass_logits

    card = checkpoint.card
    config, answers = card.config, pass_logits(checkpoint.model, images.images, card.mean, card.std)
    chosen = np.array([config.option_set.index(name) for name in config.passes])
    so_far = np.arange(1, len(chosen) + 1)  # an image that needs one pass, one that needs two, and so on
    last = np.repeat(chosen[:, None], config.gated_blocks, axis=1)
    costs = cost_models(config)
    each = [np.diff(costs[key].per_image(every_pass(config, last, so_far)), prepend=0.0) for key in ("cp", "bitops")]
    return [
        Answered(logits, np.full(len(images), cp), np.full(len(images), all_in))
        for logits, cp, all_in in zip(answers, *each, strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One pass: what it says of a set of images, and what it costs in percent (N,)."""

    look: Look
    cp: np.ndarray
    all_in: np.ndarray


def looks_at(
    answered: Mapping[str, Sequence[Answered]],
    labels: Mapping[str, np.ndarray],
    blocks: int,
    sure: Sure = "lead",
    answer: Answer = "last",
) -> dict[str, list[Measured]]:
    """What the passes say, by how doubt is measured and whose answer counts.

    Args:
        answered: name of a set of images -> its passes; ``head`` is fitted to those of ``validation``.
        labels: of the sets of images.
        blocks: number of gated blocks, 100 % of cp.
        sure: the measure of sureness.
        answer: ``last`` for the last pass's, ``together`` for that of all passes of an image.
    """
    said = {name: [one.logits for one in passes] for name, passes in answered.items()}
    if answer == "together":
        said = {name: together(passes) for name, passes in said.items()}
    sureness = measures(sure, said["validation"], labels["validation"])
    return {
        name: [
            Measured(Look.of(logits, labels[name], one.cp / 100 * blocks, measure), one.cp, one.all_in)
            for one, logits, measure in zip(passes, said[name], sureness, strict=True)
        ]
        for name, passes in answered.items()
    }


def rows_on(measured: Sequence[Measured], blocks: int, way: Way = IN_TURN) -> list[Row]:
    """Limits for every price, from the validation images that were measured."""
    return rows_of([one.look for one in measured], blocks, way)


def _above_line(cp: float, accuracy: float, costs: Sequence[float], alone: Sequence[float]) -> float | None:
    """Points by which an accuracy is above the line through the passes alone; ``costs`` are theirs, ascending."""
    rounding = 10.0**-DECIMALS
    if not costs[0] - rounding <= cp <= costs[-1] + rounding:
        return None
    return round(accuracy - float(np.interp(cp, costs, alone)), DECIMALS)


def _rounded(values: tuple[float, float, float]) -> tuple[float, float, float]:
    first, second, third = (round(value, DECIMALS) for value in values)
    return first, second, third


def nearest(rows: Sequence[Row], budget: float) -> Row | None:
    """The row nearest to a budget in percent of cp; None if none is within 5 % of it."""
    row = min(rows, key=lambda one: abs(np.log(one.cp / budget)))
    return row if 1 / TOLERANCE < row.cp / budget < TOLERANCE else None


def at_budget(rows: Sequence[Row], measured: Sequence[Measured], budget: float, way: Way = IN_TURN) -> SeparateCascade:
    """What limits chosen elsewhere come to on these images: the row that is nearest to a budget in percent of cp.

    Raises:
        UserError: no row is within 5 % of the budget.
    """
    row = nearest(rows, budget)
    if row is None:
        served = f"from {rows[-1].cp:.3g} to {rows[0].cp:.3g} %"
        raise UserError(f"these passes serve budgets {served}, and none within 5 % of {budget:g} %")
    passes = way.follow([one.look for one in measured], row.limits)
    right = np.stack([one.look.correct for one in measured])
    correct = right[passes - 1, np.arange(len(passes))]
    low, high = wilson_interval(int(correct.sum()), len(correct))

    def spent(costs: list[np.ndarray]) -> float:
        return round(float(way.total(costs, passes).mean()), DECIMALS)

    accuracy, cp = round(100 * float(correct.mean()), DECIMALS), spent([one.cp for one in measured])
    alone = tuple(round(100 * float(each.mean()), DECIMALS) for each in right)
    return SeparateCascade(
        budget=budget,
        price=row.price,
        limits=row.limits,
        n=len(correct),
        accuracy=accuracy,
        low=round(low, DECIMALS),
        high=round(high, DECIMALS),
        cp=cp,
        all_in=spent([one.all_in for one in measured]),
        passes=round(float(way.total([np.ones(len(passes))] * len(right), passes).mean()), DECIMALS),
        shuffled=round(
            sum(100 * float((passes == k).mean() * each.mean()) for k, each in enumerate(right, 1)), DECIMALS
        ),
        alone=alone,
        gain=_above_line(cp, accuracy, [float(one.cp.mean()) for one in measured], alone),
        against=tuple(_rounded(paired_difference(correct, each)) for each in right),
    )
