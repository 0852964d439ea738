"""From traces and cards to tables. Charts, pages and downloads show these very numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

from dashboard.answers import costs, operating
from dashboard.answers.costs import COLUMNS, Costs
from dashboard.answers.naming import family_key
from dashboard.answers.pictures import Picture
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import METHODS, SESSION
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED
from dfs_core.trace import DecisionTrace

Rows = list[dict[str, Any]]  # being made
Table = Sequence[Mapping[str, Any]]  # made: what charts, pages and downloads read
Scale = Literal["log", "linear"]
LIVE_KEY = family_key(METHODS[SESSION])  # of session checkpoints, among the keys of families
SAME_BUDGET = 0.002  # relative: a budget that was measured is that which is asked for


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the page, with what the network decided for it."""

    picture: Picture
    trace: DecisionTrace

    @property
    def right(self) -> bool | None:
        """Whether the prediction is the true class; None where nobody knows that."""
        return None if self.picture.truth is None else self.picture.truth == self.trace.label


class DecisionRow(Costs):
    """One gated block of one image. What it adds to each measure of cost stands in ``Costs``, in percent.

    Attributes:
        row: of the image, from 0.
        image: its name.
        key: its key.
        block: number in the network.
        stage: from 1.
        option: that was taken.
        fraction: its cost relative to the full block, 0 to 1.
        probability: of the choice, in percent.
        lead: of the choice over the next option, in points.
        bits: of the option; 0 for skip.
    """

    row: int
    image: str
    key: str
    block: int
    stage: int
    option: str
    fraction: float
    probability: float
    lead: float
    bits: int


def decision_rows(shown: Sequence[Shown], config: ModelConfig) -> list[DecisionRow]:
    """One row for every gated block of every image."""
    models, options = costs.models(config), tuple(config.option_set)
    index_of = {option.name: index for index, option in enumerate(options)}
    rows: list[DecisionRow] = []
    for row, item in enumerate(shown):
        trace = item.trace
        for index, name in enumerate(trace.decisions):
            chosen = index_of[name]
            probabilities = trace.probabilities[index]
            rest = probabilities[:chosen] + probabilities[chosen + 1 :]
            rows.append(
                {
                    "row": row,
                    "image": item.picture.name,
                    "key": item.picture.key,
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, config),
                    "option": name,
                    "fraction": trace.fractions[index],
                    "probability": 100 * probabilities[chosen],
                    "lead": 100 * (probabilities[chosen] - max(rest, default=0.0)),
                    "bits": options[chosen].bits,
                    **cast(Costs, {column: model.table[index][chosen] for column, model in models.items()}),
                }
            )
    return rows


def image_rows(shown: Sequence[Shown], config: ModelConfig) -> Rows:
    """One row an image: prediction, confidence, truth where it is known, cost in percent by every measure."""
    return [
        {
            "row": row,
            "image": item.picture.name,
            "key": item.picture.key,
            "prediction": item.trace.label,
            "confidence": 100 * item.trace.confidence,
            "truth": item.picture.truth or "",
            "verdict": {True: "right", False: "wrong", None: ""}[item.right],
            **costs.of_trace(item.trace, config),
        }
        for row, item in enumerate(shown)
    ]


def measured_on(card: Card) -> str:
    """The split whose figures stand for a checkpoint: a session checkpoint never saw the test set."""
    return "validation" if card.method == SESSION else "test"


class LedgerLine(TypedDict):
    """One line of figures: an operating point on the test set, or the images on a page. None where there is none.

    Attributes:
        what: in words.
        images: their number.
        accuracy: in percent.
        low: lower end of its 95 % interval.
        high: upper end.
        right: images that are right, of those whose class is known.
        known: their number.
        cp: mean, in percent.
        all_in: likewise.
        macs: likewise.
        energy: likewise.
    """

    what: str
    images: int
    accuracy: float | None
    low: float | None
    high: float | None
    right: int | None
    known: int | None
    cp: float | None
    all_in: float | None
    macs: float | None
    energy: float | None


def ledger_rows(shown: Sequence[Shown], card: Card, measured: dict[str, Any] | None = None) -> list[LedgerLine]:
    """Two lines to compare: the operating point on the test set, if it was measured, and the images on this page.

    Args:
        shown: the images on this page.
        card: of the checkpoint.
        measured: figures of the operating point on the test set, as ``test_figures`` gives them.
    """
    known = [item.right for item in shown if item.right is not None]
    count, config = len(shown), card.config
    mine = [costs.of_trace(item.trace, config) for item in shown]
    here: LedgerLine = {
        "what": "images shown",
        "images": count,
        "accuracy": 100 * sum(known) / len(known) if known else None,
        "low": None,
        "high": None,
        "right": sum(known),
        "known": len(known),
        **cast(Costs, {column: sum(cost[column] for cost in mine) / count if count else None for column in COLUMNS}),
    }
    if measured is None:
        return [here]
    return [cast(LedgerLine, here | {"right": None, "known": None} | measured), here]


def test_figures(point: OperatingPoint, measured: Rows) -> dict[str, Any] | None:
    """The line of the test set in ``ledger_rows``; None where nobody measured this operating point.

    Args:
        point: the operating point.
        measured: measured points, as ``points.read_measured`` gives them.
    """
    card, budget = point.card, point.budget
    split = measured_on(card)
    blank = {"what": "test set" if split == "test" else f"{split} images"} | dict.fromkeys(COLUMNS)
    found = card.evaluation(split) if operating.is_cards(point) else None
    if found is not None:
        low, high = found.accuracy_ci95
        line = {"images": found.n, "accuracy": found.accuracy, "low": low, "high": high}
        return blank | line | (costs.of_card(card, split) or {})
    for row in measured:
        own = row["budget"]
        if row["checkpoint"] == card.name and budget and own and math.isclose(own, budget, rel_tol=SAME_BUDGET):
            kept = {key: row[key] for key in ("accuracy", "low", "high", *COLUMNS)}
            return blank | {"images": int(row["n"])} | kept
    return None


def gated_numbers(config: ModelConfig) -> range:
    """Numbers, in the network, of the gated blocks."""
    return range(FIRST_GATED, FIRST_GATED + config.gated_blocks)


def stage_of(index: int, config: ModelConfig) -> int:
    """Stage, from 1, of the gated block with that index, from 0."""
    return config.layout.gated[index].stage


def stage_rows(config: ModelConfig) -> Rows:
    """One row a stage: ``stage``, ``first`` and ``last`` gated block (numbers in the network), ``title``."""
    rows: Rows = []
    for stage in config.layout.stages:
        gated, last = [block for block in stage if block.number >= FIRST_GATED], stage[-1]
        if gated:
            title = f"stage {last.stage} · {last.channels} ch · {last.size}²"
            rows.append({"stage": last.stage, "first": gated[0].number, "last": last.number, "title": title})
    return rows
