"""Two operating points compared on one test set, from stored traces: backbones and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np

from dashboard.answers.classes import Group
from dashboard.answers.costs import MEASURES, Cost, models
from dashboard.answers.tables import stage_of
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.traces import Traces
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NOT_RUN
from dfs_core.model.layout import FIRST_GATED


def backbones_in_words(left: Card, right: Card, among: Sequence[Card]) -> str:
    """A warning if the two checkpoints were trained from different backbones; else empty.

    Args:
        left: card of A.
        right: card of B.
        among: the cards among which to look for the backbones.
    """
    origins = [card.backbone(among) for card in (left, right)]
    if None in origins or origins[0] == origins[1] or origins == [left, right]:
        return ""
    a, b = (origin.name for origin in origins if origin)
    return f"A was trained from the backbone {a}, B from {b}: part of the difference may come from the backbones."


class CostChange(NamedTuple):
    """The costs of A and B by one measure.

    Attributes:
        a: mean cost of A in percent.
        b: mean cost of B in percent.
        less: number of images that cost less at B.
        same: number that cost the same.
        more: number that cost more at B.
    """

    a: float
    b: float
    less: int
    same: int
    more: int


def cost_change(left: Traces, right: Traces, configs: tuple[ModelConfig, ModelConfig], cost: Cost) -> CostChange:
    """Compare the costs of A and B on the same images; ``configs`` are those of A and B."""
    column = MEASURES[cost].column
    here, there = (
        models(config)[column].per_image(traces.every_pass(config))
        for traces, config in zip((left, right), configs, strict=True)
    )
    change = (there - here).round(9)
    less, same, more = (int(found.sum()) for found in (change < 0, change == 0, change > 0))
    return CostChange(float(here.mean()), float(there.mean()), less, same, more)


# Mean cost of one block for the images of one class or superclass.
#   class: name of the class or superclass.
#   block: number in the network.
#   stage: from 1.
#   a: mean cost at A, in percent of the full block.
#   b: the same at B.
#   more: b - a, in points.
ClassBlockRow = TypedDict(
    "ClassBlockRow", {"class": str, "block": int, "stage": int, "a": float, "b": float, "more": float}
)


def _spent(traces: Traces, config: ModelConfig) -> np.ndarray:
    """The cost of each block of each image in percent of the full block (N, gated blocks), all passes together."""
    made = traces.every_pass(config)
    spent = 100 * np.append(config.option_set.costs, 0.0)[np.where(made == NOT_RUN, len(config.option_set), made)]
    return spent.sum(axis=1) if made.ndim == 3 else spent


def class_block_rows(
    left: Traces, right: Traces, configs: tuple[ModelConfig, ModelConfig], shown: Sequence[Group]
) -> list[ClassBlockRow]:
    """The mean cost of each block for each class at A and at B, all passes counted. Their layout must be the same.

    ``shown`` are the groups of classes, from ``classes.groups``.
    """
    spent = [_spent(traces, config) for traces, config in zip((left, right), configs, strict=True)]
    rows: list[ClassBlockRow] = []
    for group in shown:
        members = group.among(left.labels)
        if not members.any():
            continue
        here, there = (part[members].mean(axis=0) for part in spent)
        for index in range(configs[0].gated_blocks):
            rows.append(
                {
                    "class": group.name,
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, configs[0]),
                    "a": float(here[index]),
                    "b": float(there[index]),
                    "more": float(there[index] - here[index]),
                }
            )
    return rows
