"""Every measured operating point, collected from cards and stored traces: the rows of ``results/``. No forward pass.

Points of one family and one seed lie on one curve. What a forward pass is needed for, the dial of a checkpoint and what
is left when its decisions are shuffled, lies beside the checkpoint, where ``dial`` and ``shuffle`` put it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import read_all, read_card
from dfs_core.checkpoints.locate import CARD_FILE
from dfs_core.checkpoints.trace_files import NoTraces, read_traces, stored_budgets
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import DECIMALS, wilson_interval
from dfs_core.model.cost import cost_models

DIAL = "dial"  # the family of points that are no checkpoint's own
DIAL_FILE, SHUFFLED_FILE = "dial.csv", "shuffled.csv"
UNKNOWN: dict[str, Any] = {"macs": None, "energy": None}  # where only figures are stored, and no decisions
MINORITY = 0.05  # share of the images from which on a block's less usual options count


@dataclass(frozen=True, slots=True)
class Point:
    """One operating point on a test set. Percentages in percent; None where something does not apply.

    Attributes:
        family: method, as in the card; ``dial`` for a point that a price reached without training.
        label: what a person reads.
        checkpoint: its name.
        dataset: the data set.
        depth: of the network.
        seed: of the training.
        split: ``test``.
        n: number of images.
        budget: what was asked for.
        accuracy: share of images with the right label.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        cp: mean computation percentage.
        all_in: mean all-in cost.
        macs: mean executed MACs; of the plain network, as all costs are.
        energy: mean energy of the arithmetic.
        policies: distinct decision vectors.
        minority_blocks: share of gated blocks in which at least 5 % of images do not take the usual option.
        cp_variation: standard deviation of the images' cp over its mean.
        shuffled: accuracy when every image gets another image's decisions: a random policy of the same shares.
        made_by: the command that measures it again.
    """

    family: str
    label: str
    checkpoint: str
    dataset: str
    depth: int
    seed: int
    split: str
    n: int
    budget: float | None
    accuracy: float
    low: float
    high: float
    cp: float
    all_in: float
    macs: float | None
    energy: float | None
    policies: int
    minority_blocks: float | None
    cp_variation: float | None
    shuffled: float | None
    made_by: str


def collect(root: Path) -> list[Point]:
    """All points of the checkpoints in a folder, by family, seed and cost.

    Raises:
        CheckpointError: one of them cannot be read.
    """
    return _sorted(point for card in read_all(root) for point in _of(card, root / card.name, ""))


def collect_other_seeds(runs: Path) -> list[Point]:
    """The points of those runs in a folder whose seed is not the usual 0; commands name them by their folder.

    Raises:
        UserError: a run cannot be read, or there is none with another seed.
    """
    found = [read_card(path) for path in sorted(runs.glob(f"*/{CARD_FILE}"))]  # a run that goes on has no card yet
    cards = [card for card in found if card.seed]
    if not cards:
        raise UserError(f"{runs} holds no run with another seed than 0: train some with 'train CONFIG --seed N'")
    return _sorted(point for card in cards for point in _of(card, runs / card.name, f"{runs.as_posix()}/"))


def _sorted(points: Iterable[Point]) -> list[Point]:
    return sorted(points, key=lambda point: (point.family, point.depth, point.seed, point.cp))


def distinct_traces(folder: Path, card: Card) -> Iterator[tuple[float | None, Traces]]:
    """Budget and traces of every operating point that is stored; budgets that lead to the same decisions are one."""
    before = None
    for budget in stored_budgets(folder) if card.config.every_budget else (None,):
        try:
            traces = read_traces(folder, card, budget)
        except NoTraces:
            continue
        if before is None or not np.array_equal(traces.decisions, before):
            yield budget, traces
        before = traces.decisions


def _of(card: Card, folder: Path, prefix: str) -> Iterator[Point]:
    shuffled = {row["budget"]: float(row["accuracy"]) for row in measured_rows(folder / SHUFFLED_FILE, card)}
    stored: list[tuple[float | None, Traces | None]] = list(distinct_traces(folder, card))
    if not stored and "test" in card.metrics:
        stored = [(card.config.usual_budget if card.config.every_budget else None, None)]
    for budget, traces in stored:
        asked = "" if budget is None else f" --budget {budget:g}"
        command = f"python -m dfs_core evaluate --checkpoint {prefix}{card.name}{asked} --data-dir DIR"
        yield _point(card, budget, traces, shuffled.get("" if budget is None else f"{budget:g}"), command)
    for row in measured_rows(folder / DIAL_FILE, card):
        yield _dial(card, row, f"python -m dfs_core dial --checkpoint {prefix}{card.name} --data-dir DIR")


def _point(card: Card, budget: float | None, traces: Traces | None, shuffled: float | None, command: str) -> Point:
    head = _head(card, card.method, card.budget if budget is None else budget, command)
    if traces is None:
        test = card.metrics["test"]
        figures = {key: test[key] for key in ("n", "accuracy", "cp", "all_in", "policies")}
        figures |= dict(zip(("low", "high"), test["accuracy_ci95"], strict=True))
        return Point(**head, **figures, **UNKNOWN, minority_blocks=None, cp_variation=None, shuffled=shuffled)
    return Point(**head, **figures_of(traces, card), shuffled=shuffled)


def figures_of(traces: Traces, card: Card) -> dict[str, Any]:
    """What stored traces say of an operating point: the figures of a ``Point`` that are not in its name."""
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


def _dial(card: Card, row: dict[str, str], command: str) -> Point:
    figures: dict[str, Any] = {key: int(row[key]) for key in ("n", "policies")}
    figures |= {key: float(row[key]) for key in ("accuracy", "low", "high", "cp", "all_in")}
    head = _head(card, DIAL, None, command)
    return Point(**head, **figures, **UNKNOWN, minority_blocks=None, cp_variation=None, shuffled=None)


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


def measured_rows(path: Path, card: Card) -> list[dict[str, str]]:
    """Rows of a file beside a checkpoint, such as ``SHUFFLED_FILE``; those of other weights are out of date."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row.get("weights") == card.weights_sha256[:12]]


def to_csv(rows: Sequence[Any], kind: type) -> str:
    """Rows of a dataclass as CSV with a header; None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()
