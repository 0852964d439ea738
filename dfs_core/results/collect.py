"""Collect every measured operating point from cards and stored traces: the rows of ``results/``. No forward pass.

The points of one family and one seed form one curve. Two results need a forward pass: a checkpoint at other prices, and
with shuffled decisions. The commands ``dial`` and ``shuffle`` write them to files in the checkpoint's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dfs_core.checked import Budget, Cost, Count, Percent, Price, read_rows
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import Tell, read_all, read_card
from dfs_core.checkpoints.locate import CARD_FILE
from dfs_core.checkpoints.operating_point import OperatingPoint, usual_point
from dfs_core.checkpoints.trace_files import NoTraces, read_traces, stored_budgets
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import (
    DECIMALS,
    MINORITY,
    different,
    unusual_shares,
    variation,
    wilson_interval,
)
from dfs_core.model.cost import cost_models
from dfs_core.results.measurement import DIAL, Measurement

T = TypeVar("T")
DIAL_FILE, SHUFFLED_FILE = "dial.csv", "shuffled.csv"
UNKNOWN = dict.fromkeys(("macs", "energy", "minority_blocks", "cp_variation"))  # these need stored decisions


def collect(root: Path, tell: Tell = None) -> list[Measurement]:
    """All points of the checkpoints in a folder, sorted by family, depth, seed and cp.

    Args:
        root: the folder.
        tell: told what cannot be read, a line each; the others' points are collected all the same.

    Raises:
        UserError: something cannot be read and ``tell`` is None.
    """
    cards = read_all(root, tell)
    return _sorted(
        point for card in cards for point in points_of(card, card.backbone(cards), root / card.name, "", tell)
    )


def collect_other_seeds(runs: Path, root: Path, tell: Tell = None) -> list[Measurement]:
    """The points of the runs in a folder whose seed is not 0. Their ``made_by`` commands name the run's folder.

    Args:
        runs: the folder of the runs.
        root: the folder of the published checkpoints, which include the backbones.
        tell: as for ``collect``.

    Raises:
        UserError: no run has another seed; or a run cannot be read and ``tell`` is None.
    """
    paths = sorted(runs.glob(f"*/{CARD_FILE}"))  # unfinished runs have no card yet
    found = [or_told(tell, read_card, path) for path in paths]
    cards = [card for card in found if card is not None and card.seed]
    if not cards and None in found:
        return []
    if not cards:
        raise UserError(f"{runs} has no run with another seed than 0: train some with 'train RUN --seed N'")
    plain = [*cards, *read_all(root, tell)]  # a run may descend from a backbone of its own seed
    prefix = f"{runs.as_posix()}/"
    return _sorted(
        point for card in cards for point in points_of(card, card.backbone(plain), runs / card.name, prefix, tell)
    )


def with_runs(points: Sequence[Measurement], found: Sequence[Measurement]) -> list[Measurement]:
    """Points of runs, with those of the runs that were found in place of older ones of the same runs."""
    again = {point.checkpoint for point in found}
    return _sorted([*(point for point in points if point.checkpoint not in again), *found])


def or_told(tell: Tell, read: Callable[..., T], *args: Any) -> T | None:
    """What is read; None, after a line, where it cannot be and somebody is told."""
    try:
        return read(*args)
    except UserError as error:
        if tell is None:
            raise
        tell(str(error))
        return None


def _sorted(points: Iterable[Measurement]) -> list[Measurement]:
    return sorted(points, key=lambda point: (point.family, point.depth, point.seed, point.cp))


def distinct_traces(folder: Path, card: Card, tell: Tell = None) -> Iterator[tuple[OperatingPoint, Traces]]:
    """Every operating point with stored traces. Neighbouring budgets with the same decisions count once."""
    if not card.metrics and not any(folder.glob("traces*.parquet")):  # weights that other runs start from
        return
    before = None
    for budget in stored_budgets(folder) if card.config.every_budget else (None,):
        point = OperatingPoint(card, budget)
        try:
            traces = or_told(tell, read_traces, folder, point)
        except NoTraces:
            continue
        if traces is None:
            continue
        if before is None or not np.array_equal(traces.decisions, before):
            yield point, traces
        before = traces.decisions


def points_of(
    card: Card, backbone: Card | None, folder: Path, prefix: str = "", tell: Tell = None
) -> Iterator[Measurement]:
    """The points of a checkpoint.

    Args:
        card: its card.
        backbone: that of the plain network it was made from, if it is known.
        folder: its folder.
        prefix: what commands write before its name.
        tell: as for ``collect``.

    Raises:
        UserError: something cannot be read and ``tell`` is None.
    """
    shuffled = {row.budget: row.accuracy for row in or_told(tell, remeasured, folder / SHUFFLED_FILE, card) or ()}
    stored: list[tuple[OperatingPoint, Traces | None]] = list(distinct_traces(folder, card, tell))
    if not stored and "test" in card.metrics:
        stored = [(usual_point(card), None)]
    for point, traces in stored:
        budget = point.budget
        asked = "" if budget is None else f" --budget {budget:g}"
        command = f"python -m dfs_core evaluate --checkpoint {prefix}{card.name}{asked} --data-dir DIR"
        figures = _figures_of_card(card) if traces is None else figures_of(traces, card)
        head = _head(card, card.method, point.target, command)
        lost = against(backbone, card, figures["accuracy"])
        yield Measurement(**head, **lost, **figures, shuffled=shuffled.get(budget))
    for row in or_told(tell, remeasured, folder / DIAL_FILE, card) or ():
        head = _head(card, DIAL, None, f"python -m dfs_core dial --checkpoint {prefix}{card.name} --data-dir DIR")
        figures = _figures_of_dial(row)
        yield Measurement(**head, **against(backbone, card, figures["accuracy"]), **figures, shuffled=None)


def against(backbone: Card | None, card: Card, accuracy: float, split: str = "test") -> dict[str, Any]:
    """The name of the ``backbone`` and the ``loss``: its accuracy minus ``accuracy``, in points. None if unknown."""
    if backbone is None:
        return {"backbone": None, "loss": None}
    measured = backbone.evaluation(split)
    itself = backbone.name == card.name
    loss = None if measured is None or itself else round(measured.accuracy - accuracy, DECIMALS) + 0.0  # never -0
    return {"backbone": backbone.name, "loss": loss}


def _figures_of_card(card: Card) -> dict[str, Any]:
    test = card.metrics["test"]
    figures = {key: test[key] for key in ("n", "accuracy", "cp", "all_in", "policies")}
    return figures | dict(zip(("low", "high"), test["accuracy_ci95"], strict=True)) | UNKNOWN


def _figures_of_dial(row: Remeasured) -> dict[str, Any]:
    return {
        key: getattr(row, key) for key in ("price", "n", "policies", "accuracy", "low", "high", "cp", "all_in")
    } | UNKNOWN


def figures_of(traces: Traces, card: Card) -> dict[str, Any]:
    """The figures of a ``Measurement`` that can be computed from stored traces."""
    costs, n = cost_models(card.config), len(traces)
    low, high = wilson_interval(int(traces.correct.sum()), n)
    paid = traces.every_pass(card.config)
    own = costs["cp"].per_image(paid)
    return {
        "n": n,
        "accuracy": round(100 * float(traces.correct.mean()), DECIMALS),
        "low": round(low, DECIMALS),
        "high": round(high, DECIMALS),
        "cp": round(float(own.mean()), DECIMALS),
        "all_in": round(costs["bitops"].total(paid), DECIMALS),
        "macs": round(costs["macs"].total(paid), DECIMALS),
        "energy": round(costs["energy"].total(paid), DECIMALS),
        "policies": different(traces.decisions),
        "minority_blocks": round(100 * float((unusual_shares(traces.decisions) >= MINORITY).mean()), DECIMALS),
        "cp_variation": round(variation(own) or 0.0, DECIMALS),
    }


def _head(card: Card, family: str, budget: float | None, command: str) -> dict[str, Any]:
    return {
        "family": family,
        "label": card.title or card.name,
        "checkpoint": card.name,
        "dataset": card.dataset,
        "depth": card.config.depth,
        "network": card.config.layout.title,
        "seed": card.seed,
        "split": "test",
        "budget": budget,
        "made_by": command,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Remeasured:
    """A row of a file in a checkpoint's folder: its figures at another price, or with shuffled decisions.

    Attributes:
        price: price of a block in full; None for shuffled decisions.
        budget: cp in percent; None with a price, and for a checkpoint with one operating point.
        n: number of images.
        accuracy: in percent.
        cp: in percent.
        all_in: in percent.
        policies: number of different decision vectors.
        low: lower end of the 95 % interval of the accuracy, in percent.
        high: upper end of that interval.
        weights: first twelve digits of the weights' hash.
    """

    price: Price | None = None
    budget: Budget | None = None
    n: Count
    accuracy: Percent
    cp: Cost
    all_in: Cost
    policies: Count
    low: Percent
    high: Percent
    weights: str


def remeasured(path: Path, card: Card) -> list[Remeasured]:
    """Rows of a file in a checkpoint's folder, such as ``SHUFFLED_FILE``, without rows of other weights."""
    return [row for row in read_rows(path, Remeasured) if row.weights == weights_of(card)]


def weights_of(card: Card) -> str:
    """The weights of a card as ``Remeasured`` names them."""
    return card.weights_sha256[:12]
