"""The measures of cost that a user switches between, as pages name them; what each counts: dfs_core.model.cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypedDict, cast

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import CostModel, cost_models
from dfs_core.trace import DecisionTrace

Cost = Literal["cp", "all-in", "macs", "energy"]
Column = Literal["cp", "all_in", "macs", "energy"]  # of tables


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of cost.

    Attributes:
        model: its key in ``dfs_core.model.cost.cost_models``.
        column: its name in tables.
        name: for people, short enough for a switch and a column of the strip.
        axis: title of an axis.
        about: what it counts, in a sentence.
    """

    model: str
    column: Column
    name: str
    axis: str
    about: str


MEASURES: dict[Cost, Measure] = {
    "cp": Measure(
        "cp",
        "cp",
        "cp",
        "cp: computation of the gated blocks, % of full",
        "The paper's measure: the mean of (bits / 32)² over the gated blocks; nothing else counts.",
    ),
    "all-in": Measure(
        "bitops",
        "all_in",
        "all-in",
        "all-in cost: every bit operation, % of the plain network",
        "Every multiplication of the network, gates, stem and pooling included, times its bits.",
    ),
    "macs": Measure(
        "macs",
        "macs",
        "MACs",
        "executed MACs, % of the plain network",
        "Multiplications and additions that are executed, whatever their precision: only skipping saves any.",
    ),
    "energy": Measure(
        "energy",
        "energy",
        "energy",
        "energy of the arithmetic at 45 nm, % of the plain network",
        "Energy of every multiplication and addition by Horowitz's table (ISSCC 2014, 45 nm), memory left out.",
    ),
}


class Costs(TypedDict):
    """A cost by every measure, in percent; names are the columns of tables."""

    cp: float
    all_in: float
    macs: float
    energy: float


COLUMNS = tuple(measure.column for measure in MEASURES.values())


@lru_cache(maxsize=64)
def models(config: ModelConfig) -> dict[Column, CostModel]:
    """The cost models of a network by column of tables."""
    found = cost_models(config)
    return {measure.column: found[measure.model] for measure in MEASURES.values()}


def of_trace(trace: DecisionTrace, config: ModelConfig) -> Costs:
    """The costs of one image."""
    return cast(Costs, _counted(trace.decisions, config) | {"cp": trace.cp, "all_in": trace.all_in})


@lru_cache(maxsize=4096)  # charts, tables and words of one page all ask for the same few
def _counted(decisions: tuple[str, ...], config: ModelConfig) -> dict[Column, float]:
    names = config.option_set.names
    chosen = np.array([[names.index(name) for name in decisions]])
    return {column: float(model.per_image(chosen)[0]) for column, model in models(config).items()}


def of_card(card: Card, split: str = "test") -> Costs | None:
    """The mean costs on a split; None if it was not measured.

    A cost is a sum over blocks, so the shares of each option in each block give its mean over the images exactly.
    """
    measured = card.evaluation(split)
    if measured is None:
        return None
    names = card.config.option_set.names
    shares = np.array([[row[name] for name in names] for row in measured.shares]) / 100
    means = {
        column: model.fixed + float((shares * np.asarray(model.table)).sum())
        for column, model in models(card.config).items()
    }
    return cast(Costs, means | {"cp": measured.cp, "all_in": measured.all_in})


def known(row: Mapping[str, object], cost: Cost) -> bool:
    """Whether a point has this measure: others published cp alone."""
    return row.get(MEASURES[cost].column) is not None
