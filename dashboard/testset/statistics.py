"""Statistics of a test set's traces: shares, costs, decision vectors, easy and hard images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast

import numpy as np

from dashboard.answers.classes import Group
from dashboard.answers.costs import Costs
from dashboard.answers.looks import confidence_bins
from dashboard.answers.tables import Rows, stage_of
from dashboard.answers.verdicts import Verdict
from dashboard.testset.filters import vector_code
from dfs_core.checkpoints.traces import Traces
from dfs_core.evaluation.metrics import MINORITY, Z95, different, unusual_shares, variation, wilson_interval
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED

Order = Literal["cheapest", "dearest", "easiest", "hardest"]
COST_BINS = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of some images; None if there are no images.

    Attributes:
        images: number of images.
        accuracy: share of right predictions, in percent.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        costs: column of a measure -> mean cost, in percent.
        spread: coefficient of variation of per-image cp: its standard deviation divided by its mean.
        vectors: number of different decision vectors.
        blocks: number of gated blocks.
        deciding: number of blocks in which at least 5 % of the images do not take the most frequent option.
    """

    images: int
    accuracy: float | None
    low: float | None
    high: float | None
    costs: Mapping[str, float | None]
    spread: float | None
    vectors: int
    blocks: int
    deciding: int


def summary(traces: Traces, cost: Mapping[str, np.ndarray], chosen: np.ndarray) -> Summary:
    """Figures of the images with the indices ``chosen``; ``cost`` from ``costs.of_traces``."""
    n, right = len(chosen), int(traces.correct[chosen].sum())
    low, high = wilson_interval(right, n) if n else (None, None)
    means = {column: float(values[chosen].mean()) if n else None for column, values in cost.items()}
    return Summary(
        images=n,
        accuracy=100 * right / n if n else None,
        low=low,
        high=high,
        costs=means,
        spread=variation(cost["cp"][chosen]),
        vectors=different(traces.decisions[chosen]),
        blocks=traces.decisions.shape[1],
        deciding=int((unusual_shares(traces.decisions[chosen]) >= MINORITY).sum()) if n else 0,
    )


class ShareRow(TypedDict):
    """An option of a gated block.

    Attributes:
        block: number in the network.
        stage: from 1.
        option: its name.
        bits: of the option.
        images: number of images that take it.
        share: their share, in percent.
        bottom: lower end of the segment in the stacked bar, in percent.
        top: upper end.
    """

    block: int
    stage: int
    option: str
    bits: int
    images: int
    share: float
    bottom: float
    top: float


def share_rows(traces: Traces, config: ModelConfig, chosen: np.ndarray) -> list[ShareRow]:
    """One row for every option of every gated block, cheapest option first."""
    rows: list[ShareRow] = []
    for index in range(config.gated_blocks):
        shares = _shares(traces.decisions[chosen, index], len(traces.options))
        top = 0.0
        for option, share in zip(config.option_set, shares, strict=True):
            bottom, top = top, top + share
            rows.append(
                {
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, config),
                    "option": option.name,
                    "bits": option.bits,
                    "images": round(share * len(chosen) / 100),
                    "share": share,
                    "bottom": bottom,
                    "top": top,
                }
            )
    return rows


# A true class, or a superclass.
#   class: its name.
#   images: number of images.
#   cost: mean, in percent.
#   low: lower end of its 95 % interval; None for a single image.
#   high: upper end.
#   p10: 10th percentile of cost, in percent.
#   p90: 90th percentile.
#   accuracy: in percent.
ClassRow = TypedDict(
    "ClassRow",
    {
        "class": str,
        "images": int,
        "cost": float,
        "low": float | None,
        "high": float | None,
        "p10": float,
        "p90": float,
        "accuracy": float,
    },
)


def class_rows(traces: Traces, cost: np.ndarray, chosen: np.ndarray, shown: Sequence[Group]) -> list[ClassRow]:
    """One row for every group of true classes that occurs, cheapest first; ``shown`` from ``classes.groups``."""
    rows: list[ClassRow] = []
    for group in shown:
        members = chosen[group.among(traces.labels[chosen])]
        if len(members):
            p10, p90 = np.percentile(cost[members], (10, 90))
            accuracy = 100 * float(traces.correct[members].mean())
            spread = {"p10": float(p10), "p90": float(p90), "accuracy": accuracy}
            rows.append(cast(ClassRow, {"class": group.name} | _mean(cost[members]) | spread))
    return sorted(rows, key=lambda row: row["cost"])


# How often the images of a true class, or of a superclass, are right.
#   class: its name.
#   images: number of images.
#   accuracy: in percent.
#   low: lower end of its 95 % interval.
#   high: upper end.
AccuracyRow = TypedDict("AccuracyRow", {"class": str, "images": int, "accuracy": float, "low": float, "high": float})


def accuracy_rows(traces: Traces, chosen: np.ndarray, shown: Sequence[Group]) -> list[AccuracyRow]:
    """One row for every group of true classes that occurs, hardest first; ``shown`` from ``classes.groups``."""
    rows: list[AccuracyRow] = []
    for group in shown:
        correct = traces.correct[chosen[group.among(traces.labels[chosen])]]
        if n := len(correct):
            low, high = wilson_interval(int(correct.sum()), n)
            accuracy = 100 * float(correct.mean())
            rows.append({"class": group.name, "images": n, "accuracy": accuracy, "low": low, "high": high})
    return sorted(rows, key=lambda row: row["accuracy"])


class ConfidenceRow(TypedDict):
    """A bin of confidence, of right or of wrong predictions.

    Attributes:
        verdict: ``right`` or ``wrong``.
        confidence: the bin in words.
        bin: number of the bin, from 0.
        images: number of images.
        cost: mean, in percent.
        low: lower end of its 95 % interval; None for a single image.
        high: upper end.
    """

    verdict: Verdict
    confidence: str
    bin: int
    images: int
    cost: float
    low: float | None
    high: float | None


def confidence_rows(traces: Traces, cost: np.ndarray, chosen: np.ndarray) -> list[ConfidenceRow]:
    """Mean cost by confidence, separately for right and wrong predictions; empty bins are left out."""
    bins = confidence_bins(100 * traces.confidence[chosen])
    rows: list[ConfidenceRow] = []
    for verdict, wanted in (("right", True), ("wrong", False)):
        for place, (name, inside) in enumerate(bins):
            members = chosen[inside & (traces.correct[chosen] == wanted)]
            if len(members):
                head = {"verdict": verdict, "confidence": name, "bin": place}
                rows.append(cast(ConfidenceRow, head | _mean(cost[members])))
    return rows


# A group of images with similar costs.
#   from: lowest cost, in percent.
#   to: highest cost.
#   images: number of images.
#   cost: mean cost.
#   accuracy: in percent.
#   low: lower end of its 95 % interval.
#   high: upper end.
CostRow = TypedDict(
    "CostRow",
    {
        "from": float,
        "to": float,
        "images": int,
        "cost": float,
        "accuracy": float,
        "low": float,
        "high": float,
    },
)


def cost_rows(traces: Traces, cost: np.ndarray, chosen: np.ndarray) -> list[CostRow]:
    """Accuracy by cost, in at most ten groups of similar size, cheapest first; equal costs are in one group."""
    if not len(chosen):
        return []
    values = cost[chosen]
    edges = np.unique(np.quantile(values, np.arange(1, COST_BINS) / COST_BINS))
    places = np.searchsorted(edges, values)  # a cost equal to an edge belongs to the lower group
    rows: list[CostRow] = []
    for place in np.unique(places):
        members = chosen[places == place]
        right, n = int(traces.correct[members].sum()), len(members)
        low, high = wilson_interval(right, n)
        own = cost[members]
        ends = {"from": float(own.min()), "to": float(own.max()), "images": n, "cost": float(own.mean())}
        rows.append(cast(CostRow, ends | {"accuracy": 100 * right / n, "low": low, "high": high}))
    return rows


def sizes_in_words(sizes: Sequence[int]) -> str:
    """What groups of these sizes are called: images of equal cost stay together, so that sizes can differ.

    >>> sizes_in_words([98, 100, 102]), sizes_in_words([713, 4004]), sizes_in_words([10000])
    ('groups of about equal size', 'groups of 713 to 4,004 images', 'one group of 10,000 images')
    """
    if len(sizes) == 1:
        return f"one group of {sizes[0]:,} images"
    least, most = min(sizes), max(sizes)
    return "groups of about equal size" if most <= 1.5 * least else f"groups of {least:,} to {most:,} images"


class VectorRow(Costs):
    """A decision vector with its costs.

    Attributes:
        rank: from 1, most frequent first.
        vector: from ``vector_code``.
        images: number of images that have it.
        share: their share, in percent.
        cumulative: share of this and all more frequent vectors, in percent.
        accuracy: in percent; missing if images are filtered by right or wrong.
    """

    rank: int
    vector: str
    images: int
    share: float
    cumulative: float
    accuracy: NotRequired[float]


def vector_rows(
    traces: Traces, cost: Mapping[str, np.ndarray], chosen: np.ndarray, most: int | None = None
) -> list[VectorRow]:
    """One row for each decision vector, most frequent first; the first ``most``, or all if None."""
    if not len(chosen):
        return []
    _, first, inverse, counts = np.unique(
        vectors(traces, chosen), return_index=True, return_inverse=True, return_counts=True
    )
    right = np.bincount(inverse, weights=traces.correct[chosen])
    order = np.argsort(-counts, kind="stable")
    cumulative = 100 * counts[order].cumsum() / len(chosen)
    return [
        {
            "rank": rank,
            "vector": vector_code(traces.decisions[chosen[first[place]]]),
            "images": int(counts[place]),
            "share": 100 * float(counts[place]) / len(chosen),
            "cumulative": float(cumulative[rank - 1]),
            "accuracy": 100 * float(right[place] / counts[place]),
            **cast(Costs, {column: float(values[chosen[first[place]]]) for column, values in cost.items()}),
        }
        for rank, place in enumerate(order[:most].tolist(), start=1)
    ]


def ranked(traces: Traces, cost: np.ndarray, chosen: np.ndarray, order: Order) -> np.ndarray:
    """The chosen images in an order; ties keep the order of the test set.

    An easy image is right with high confidence, a hard one wrong with high confidence; uncertain ones are in between.
    """
    ease = np.where(traces.correct, traces.confidence, -traces.confidence)
    keys = {"cheapest": cost, "dearest": -cost, "easiest": -ease, "hardest": ease}
    return chosen[np.argsort(keys[order][chosen], kind="stable")]


def image_rows(traces: Traces, cost: Mapping[str, np.ndarray], chosen: np.ndarray) -> Rows:
    """One row for each chosen image, in this order: index, true class, prediction, costs and decision vector."""
    return [
        {
            "index": index,
            "truth": traces.classes[traces.labels[index]],
            "prediction": traces.classes[traces.predictions[index]],
            "verdict": "right" if traces.correct[index] else "wrong",
            "confidence": 100 * float(traces.confidence[index]),
            **{column: float(values[index]) for column, values in cost.items()},
            "vector": vector_code(traces.decisions[index]),
            **_passes(traces, index),
        }
        for index in chosen.tolist()
    ]


def _passes(traces: Traces, index: int) -> dict[str, Any]:
    """Of a cascade: how many passes it made for an image, and what the first one said."""
    if traces.looks is None:
        return {}
    return {"passes": int(traces.looks.passes[index]), "first": traces.classes[traces.looks.answers[index, 0]]}


def vectors(traces: Traces, chosen: np.ndarray) -> np.ndarray:
    """Each image's decision vector as one value, (n,), which sorts much faster than rows."""
    rows = np.ascontiguousarray(traces.decisions[chosen])
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()


def _shares(decisions: np.ndarray, options: int) -> list[float]:
    """Percentage of the images that took each option."""
    counts = np.bincount(decisions, minlength=options)
    return (100 * counts / max(len(decisions), 1)).tolist()


def _mean(values: np.ndarray) -> dict[str, Any]:
    """Number of values, mean and its 95 % interval; no interval for a single value."""
    n, mean = len(values), float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / n**0.5 if n > 1 else None
    bounds = {"low": None, "high": None} if half is None else {"low": max(0.0, mean - half), "high": mean + half}
    return {"images": n, "cost": mean} | bounds
