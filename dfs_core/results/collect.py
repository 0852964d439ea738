"""Every measured operating point, collected from cards and stored traces: the rows of ``results/``. No forward pass.

Points of one family and one seed lie on one curve. What a forward pass is needed for, the dial of a checkpoint and what
is left when its decisions are shuffled, lies beside the checkpoint, where ``dial`` and ``shuffle`` put it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from msgspec import Meta

from dfs_core.checked import Budget, Cost, Count, Percent, read_rows
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import Tell, read_all, read_card
from dfs_core.checkpoints.locate import CARD_FILE
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import NoTraces, read_traces, stored_budgets
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import DECIMALS, wilson_interval
from dfs_core.model.cost import cost_models
from dfs_core.results.measurement import DIAL, Measurement

T = TypeVar("T")
Price = Annotated[float, Meta(ge=-1e6, le=1e6, description="a number of nats")]
DIAL_FILE, SHUFFLED_FILE = "dial.csv", "shuffled.csv"
UNKNOWN = dict.fromkeys(("macs", "energy", "minority_blocks", "cp_variation"))  # where no decisions are stored
MINORITY = 0.05  # share of the images from which on a block's less usual options count


def collect(root: Path, tell: Tell = None) -> list[Measurement]:
    """All points of the checkpoints in a folder, by family, seed and cost.

    Args:
        root: the folder.
        tell: told what cannot be read, a line each; the others' points are collected all the same.

    Raises:
        UserError: something cannot be read, and nobody is there to be told.
    """
    cards = read_all(root, tell)
    return _sorted(point for card in cards for point in _of(card, card.backbone(cards), root / card.name, "", tell))


def collect_other_seeds(runs: Path, root: Path, tell: Tell = None) -> list[Measurement]:
    """The points of those runs in a folder whose seed is not the usual 0; commands name them by their folder.

    Args:
        runs: the folder.
        root: that of the published checkpoints, with their backbones.
        tell: as for ``collect``.

    Raises:
        UserError: there is no run with another seed; or a run cannot be read, and nobody is there to be told.
    """
    paths = sorted(runs.glob(f"*/{CARD_FILE}"))  # a run that goes on has no card yet
    found = [or_told(tell, read_card, path) for path in paths]
    cards = [card for card in found if card is not None and card.seed]
    if not cards:
        raise UserError(f"{runs} holds no run with another seed than 0: train some with 'train CONFIG --seed N'")
    published = read_all(root, tell)
    prefix = f"{runs.as_posix()}/"
    return _sorted(
        point for card in cards for point in _of(card, card.backbone(published), runs / card.name, prefix, tell)
    )


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
    """Every operating point that is stored, with its traces; budgets that lead to the same decisions are one."""
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


def _of(card: Card, backbone: Card | None, folder: Path, prefix: str, tell: Tell) -> Iterator[Measurement]:
    """The points of a checkpoint in ``folder``; ``prefix`` is what commands put before its name."""
    shuffled = {row.budget: row.accuracy for row in or_told(tell, remeasured, folder / SHUFFLED_FILE, card) or ()}
    stored: list[tuple[OperatingPoint, Traces | None]] = list(distinct_traces(folder, card, tell))
    if not stored and "test" in card.metrics:
        stored = [(OperatingPoint(card, card.config.usual_budget if card.config.every_budget else None), None)]
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
    """``backbone`` by name, and ``loss``: points by which an accuracy of ``card`` is below it; None where unknown."""
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
    return {key: getattr(row, key) for key in ("n", "policies", "accuracy", "low", "high", "cp", "all_in")} | UNKNOWN


def figures_of(traces: Traces, card: Card) -> dict[str, Any]:
    """What stored traces say of an operating point: the figures of a ``Measurement`` that are not in its name."""
    costs, n = cost_models(card.config), len(traces)
    low, high = wilson_interval(int(traces.correct.sum()), n)
    own = costs["cp"].per_image(traces.decisions)
    usual = [np.bincount(column).max() / n for column in traces.decisions.T]
    return {
        "n": n,
        "accuracy": round(100 * float(traces.correct.mean()), DECIMALS),
        "low": round(low, DECIMALS),
        "high": round(high, DECIMALS),
        "cp": round(float(own.mean()), DECIMALS),
        "all_in": round(costs["bitops"].total(traces.decisions), DECIMALS),
        "macs": round(costs["macs"].total(traces.decisions), DECIMALS),
        "energy": round(costs["energy"].total(traces.decisions), DECIMALS),
        "policies": len(np.unique(traces.decisions, axis=0)),
        "minority_blocks": round(100 * float(np.mean([share <= 1 - MINORITY for share in usual])), DECIMALS),
        "cp_variation": round(float(own.std() / own.mean()) if own.mean() else 0.0, DECIMALS),
    }


def _head(card: Card, family: str, budget: float | None, command: str) -> dict[str, Any]:
    return {
        "family": family,
        "label": card.title or card.name,
        "checkpoint": card.name,
        "dataset": card.dataset,
        "depth": card.config.depth,
        "seed": card.seed,
        "split": "test",
        "budget": budget,
        "made_by": command,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Remeasured:
    """A row of a file beside a checkpoint: what was measured of it at a price, or with decisions shuffled.

    Attributes:
        price: of a block in full; None for shuffled decisions.
        budget: percent of cp; None for a price, and for a checkpoint with one operating point.
        n: number of images.
        accuracy: in percent.
        cp: in percent.
        all_in: in percent.
        policies: number of different decision vectors.
        low: lower end of the accuracy's 95 % interval.
        high: upper end.
        weights: beginning of the weights' hash.
    """

    price: Price | None = None
    budget: Budget | None = None
    n: Count
    accuracy: Percent
    cp: Percent
    all_in: Cost
    policies: Count
    low: Percent
    high: Percent
    weights: str


def remeasured(path: Path, card: Card) -> list[Remeasured]:
    """Rows of a file beside a checkpoint, such as ``SHUFFLED_FILE``; those of other weights are out of date."""
    return [row for row in read_rows(path, Remeasured) if row.weights == card.weights_sha256[:12]]
