"""The rows of the map of all decision vectors: their order, and the labels beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypedDict, cast

import numpy as np

from dashboard.answers.classes import Group, group_numbers, groups, word
from dashboard.answers.costs import Costs, Measure
from dashboard.answers.naming import class_name, counted, shortened
from dashboard.answers.tables import Rows
from dashboard.answers.verdicts import GLYPHS
from dashboard.testset.statistics import vectors
from dfs_core.checkpoints.traces import Traces
from dfs_core.checkpoints.words import option_label
from dfs_core.evaluation.metrics import MINORITY, unusual_shares
from dfs_core.model.layout import FIRST_GATED

Sorting = Literal["policy", "cost", "class", "confidence"]  # as in links, where "policy" is the decision vector
TITLES: dict[Sorting, str] = {
    "policy": "most frequent decision vector first",
    "cost": "cheapest first",
    "class": "by class, cheapest first",
    "confidence": "most certain first",
}
# Most rows with a full description. If there are more, rows are too thin to point at, and the texts would be slow.
TOLD = 1000
LONGEST = 30  # characters of a class's name beside the rows
TICKS = 10  # number of steps between labels of cost or confidence
_NAMED_FROM = 0.03  # share of the rows from which a group has room for its name


@dataclass(frozen=True, slots=True, eq=False)
class DecisionMap:
    """The map of n images, row by row from the top.

    Attributes:
        images: indices into the test set, int64 (n,).
        decisions: decision vectors as option indices, uint8 (n, gated blocks).
        wrong: whether the prediction is wrong, bool (n,).
        groups: the classes, or the superclasses of a data set that has them.
        group: each image's place in ``groups``, int64 (n,).
        about: description of each row; only the image's number if there are more than ``TOLD`` rows. All differ.
        marks: labels beside the rows: ``row`` (from 0, may be fractional) and ``text``.
        edges: boundaries between groups of rows; 2.5 is between rows 2 and 3.
        title: the order in words.
    """

    images: np.ndarray
    decisions: np.ndarray
    wrong: np.ndarray
    groups: tuple[Group, ...]
    group: np.ndarray
    about: list[str]
    marks: Rows
    edges: list[float]
    title: str

    @property
    def longest(self) -> int:
        """Characters of the longest label."""
        return max((len(mark["text"]) for mark in self.marks), default=0)


def arrange(
    traces: Traces, costs: Mapping[str, np.ndarray], measure: Measure, chosen: np.ndarray, by: Sorting
) -> DecisionMap:
    """The map of the chosen images.

    Args:
        traces: of the test set.
        costs: from ``costs.of_traces``.
        measure: of cost, shown beside cp.
        chosen: the images in the order of ``in_order``, or a range of them.
        by: that order, on which the labels depend.
    """
    shown = groups(traces.classes)
    marks, edges = _beside(traces, costs[measure.column], chosen, by)
    return DecisionMap(
        images=chosen,
        decisions=traces.decisions[chosen],
        wrong=~traces.correct[chosen],
        groups=shown,
        group=group_numbers(traces.labels[chosen], shown),
        about=_about(traces, costs, measure, chosen),
        marks=marks,
        edges=edges,
        title=TITLES[by].replace("class", word(shown)),
    )


def in_order(traces: Traces, cost: np.ndarray, chosen: np.ndarray, by: Sorting) -> np.ndarray:
    """The chosen images in the order of the rows, (n,). Ties are broken by the frequency of the decision vector.

    Args:
        traces: of the test set.
        cost: of each image in percent, (N,).
        chosen: indices of the images.
        by: the order. By class is by superclass where the data set has them.
    """
    rank, own = vector_ranks(traces, chosen), cost[chosen]
    labels, wrong = group_numbers(traces.labels[chosen], groups(traces.classes)), ~traces.correct[chosen]
    first: dict[Sorting, tuple[np.ndarray, ...]] = {  # the last key counts most
        "policy": (wrong, labels, rank),
        "cost": (rank, own),
        "class": (rank, own, labels),
        "confidence": (rank, -traces.confidence[chosen]),
    }
    return chosen[np.lexsort((chosen, *first[by]))]


def vector_ranks(traces: Traces, chosen: np.ndarray) -> np.ndarray:
    """Rank of each chosen image's decision vector, (n,): 0 for the most frequent, as in ``statistics.vector_rows``."""
    _, inverse, counts = np.unique(vectors(traces, chosen), return_inverse=True, return_counts=True)
    ranks = np.empty(len(counts), np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return ranks[inverse]


# An image of the map with its costs.
#   image: index in the test set.
#   class: true class.
#   prediction: predicted class.
#   correct: whether the prediction is right.
#   confidence: in percent.
#   cp: in percent.
#   all_in: likewise.
#   macs: likewise.
#   energy: likewise.
#   decisions: the option of each gated block, from the first.
MapRow = TypedDict(
    "MapRow",
    {
        "image": int,
        "class": str,
        "prediction": str,
        "correct": bool,
        "confidence": float,
        "cp": float,
        "all_in": float,
        "macs": float,
        "energy": float,
        "decisions": str,
    },
)


def map_rows(traces: Traces, costs: Mapping[str, np.ndarray], chosen: np.ndarray) -> list[MapRow]:
    """One row for each image of the map, from the top."""
    return [
        {
            "image": index,
            "class": traces.classes[traces.labels[index]],
            "prediction": traces.classes[traces.predictions[index]],
            "correct": bool(traces.correct[index]),
            "confidence": 100 * float(traces.confidence[index]),
            **cast(Costs, {column: float(values[index]) for column, values in costs.items()}),
            "decisions": " ".join(traces.options[option] for option in traces.decisions[index]),
        }
        for index in chosen.tolist()
    ]


def in_words(traces: Traces, chosen: np.ndarray) -> str:
    """What the map shows, in sentences for readers who do not see it."""
    decisions = traces.decisions[chosen]
    images, blocks = decisions.shape
    counts = np.stack([(decisions == option).sum(axis=0) for option in range(len(traces.options))])  # options x blocks
    shares = 100 * counts.sum(axis=1) / decisions.size
    names = [option_label(name) for name in traces.options]
    of_all = ", ".join(f"{name} {share:.1f} %" for name, share in zip(names, shares, strict=True) if share)
    usual, left = counts.argmax(axis=0), unusual_shares(decisions)
    deciding, most = np.flatnonzero(left >= MINORITY), int(left.argmax())
    ranks = vector_ranks(traces, chosen)
    count, share = int(ranks.max()) + 1, 100 * float((ranks == 0).mean())
    said = [f"{counted(images, 'test image')} by {blocks} gated blocks: {of_all} of all decisions."]
    if len(deciding):
        said.append(
            f"Images differ most in block {most + FIRST_GATED}: {left[most]:.1f} % do not take its most frequent"
            f" option, {names[usual[most]]}. "
            + ("No other block" if len(deciding) == 1 else f"{len(deciding)} of {blocks} blocks")
            + f" {'has' if len(deciding) == 1 else 'have'} at least {MINORITY:g} % of such images."
        )
    else:
        said.append(f"In every block at least {100 - MINORITY:g} % of the images take the same option.")
    said.append(
        f"There are {count:,} different decision vectors; the most frequent one has {share:.1f} % of the images."
        if count > 1
        else "All images have the same decision vector."
    )
    return " ".join(said)


def _about(traces: Traces, costs: Mapping[str, np.ndarray], measure: Measure, chosen: np.ndarray) -> list[str]:
    """Description of each row; only the image's number if there are many rows."""
    if len(chosen) > TOLD:
        return [f"image {index}" for index in chosen.tolist()]
    shown = {"cp": costs["cp"]} | {measure.name: costs[measure.column]}
    figures = zip(*(values[chosen].tolist() for values in shown.values()), strict=True)
    each = zip(
        chosen.tolist(),
        traces.labels[chosen].tolist(),
        traces.predictions[chosen].tolist(),
        (100 * traces.confidence[chosen]).tolist(),
        figures,
        strict=True,
    )
    names = [class_name(name) for name in traces.classes]
    return [
        f"image {index}: {names[label]}<br>predicted {names[prediction]}"
        f" {GLYPHS['right' if label == prediction else 'wrong']}, {sure:.1f} % sure<br>"
        + ", ".join(f"{name} {value:.2f} %" for name, value in zip(shown, values, strict=True))
        for index, label, prediction, sure, values in each
    ]


def _beside(traces: Traces, cost: np.ndarray, chosen: np.ndarray, by: Sorting) -> tuple[Rows, list[float]]:
    """Labels and edges beside the rows: names of groups at their centre, or values at even steps."""
    if by in ("class", "policy"):
        shown = groups(traces.classes)
        keys = group_numbers(traces.labels[chosen], shown) if by == "class" else vector_ranks(traces, chosen)
        starts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
        runs = [(a, b) for a, b in pairwise(starts) if b - a >= _NAMED_FROM * len(keys)]
        names = {
            a: shortened(shown[keys[a]].name, LONGEST) if by == "class" else f"vector {keys[a] + 1}" for a, _ in runs
        }
        marks = [{"row": (a + b - 1) / 2, "text": names[a]} for a, b in runs]
        return marks, sorted({b - 0.5 for _, b in runs if b < len(keys)})
    values = cost if by == "cost" else 100 * traces.confidence
    rows = np.unique(np.linspace(0, len(chosen) - 1, TICKS + 1).round().astype(int))
    texts = [f"{value:.2f} %" for value in values[chosen[rows]]]
    ticks = zip(rows.tolist(), texts, ["", *texts], strict=False)
    return [{"row": float(row), "text": text} for row, text, before in ticks if text != before], []
