"""The measures of cost that a user chooses from, with their names on pages. ``dfs_core.model.cost`` computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypedDict, cast

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.traces import Traces
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NOT_RUN, CostModel, cost_models, option_runs
from dfs_core.trace import DecisionTrace

Cost = Literal["cp", "all-in", "macs", "energy"]
Column = Literal["cp", "all_in", "macs", "energy"]  # of tables


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of cost.

    Attributes:
        model: its key in ``dfs_core.model.cost.cost_models``.
        column: its column in tables.
        name: short name on pages.
        axis: axis title.
        about: what it counts, in one sentence.
    """

    model: str
    column: Column
    name: str
    axis: str
    about: str


PAPER_AND_ALL: tuple[Cost, ...] = ("cp", "all-in")
MEASURES: dict[Cost, Measure] = {
    "cp": Measure(
        "cp",
        "cp",
        "cp",
        "cp: computation of the gated blocks, % of full",
        "The paper's measure: the mean of (bits / 32)² over the gated blocks. Nothing else is counted.",
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
        "Multiply-accumulate operations that are executed, at any precision: only skipping saves any.",
    ),
    "energy": Measure(
        "energy",
        "energy",
        "energy",
        "energy of the arithmetic at 45 nm, % of the plain network",
        "Energy of every multiplication and addition by Horowitz's table (ISSCC 2014, 45 nm), without memory access.",
    ),
}


class Costs(TypedDict):
    """Costs by every measure, in percent; the keys are table columns."""

    cp: float
    all_in: float
    macs: float
    energy: float


COLUMNS = tuple(measure.column for measure in MEASURES.values())


def measures_shown(cost: Cost) -> list[Measure]:
    """The measures in tables: always cp and all-in, and the one in use."""
    return [MEASURES[one] for one in dict.fromkeys((*PAPER_AND_ALL, cost))]


@lru_cache(maxsize=64)
def models(config: ModelConfig) -> dict[Column, CostModel]:
    """The cost models of a network, by table column."""
    found = cost_models(config)
    return {measure.column: found[measure.model] for measure in MEASURES.values()}


def of_trace(trace: DecisionTrace, config: ModelConfig) -> Costs:
    """The costs of one image, in percent."""
    return cast(Costs, _counted(trace.every_pass, config) | {"cp": trace.cp, "all_in": trace.all_in})


@lru_cache(maxsize=4096)  # charts, tables and texts of a page all need the same few
def _counted(made: tuple[tuple[str, ...], ...], config: ModelConfig) -> dict[Column, float]:
    names = config.option_set.names
    chosen = np.full((1, len(config.passes) or 1, config.gated_blocks), NOT_RUN)
    for number, decisions in enumerate(made):
        chosen[0, number] = [names.index(name) for name in decisions]
    return {column: float(model.per_image(chosen)[0]) for column, model in models(config).items()}


def of_traces(traces: Traces, config: ModelConfig) -> dict[str, np.ndarray]:
    """Column of a measure -> cost of each image of a test set in percent, (N,).

    Costs are rounded to 1e-9, so that equal sums over different blocks are equal despite rounding errors.
    """
    made = traces.every_pass(config)
    return {column: model.per_image(made).round(9) for column, model in models(config).items()}


def of_card(card: Card, split: str = "test") -> Costs | None:
    """The mean costs on a split, in percent; None if the split was not measured.

    Cost is additive over blocks, so the share of each option in each block gives the exact mean over images.
    """
    measured = card.evaluation(split)
    if measured is None:
        return None
    names = card.config.option_set.names
    shares = np.array([[row[name] for name in names] for row in measured.shares]) / 100
    runs = option_runs(card.config, shares)
    means = {column: model.of_runs(runs) for column, model in models(card.config).items()}
    return cast(Costs, means | {"cp": measured.cp, "all_in": measured.all_in})


def known(row: Mapping[str, object], cost: Cost) -> bool:
    """Whether a point has this measure; published points have only cp."""
    return row.get(MEASURES[cost].column) is not None
