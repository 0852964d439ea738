"""Tables made from traces and cards. Charts, pages and downloads all show these numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast

from dashboard.answers import costs, looks, operating
from dashboard.answers.costs import COLUMNS, MEASURES, Costs
from dashboard.answers.pictures import Picture
from dashboard.answers.verdicts import Verdict, verdict
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import SESSION
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED
from dfs_core.trace import DecisionTrace

Rows = list[dict[str, Any]]  # a table under construction
Table = Sequence[Mapping[str, Any]]  # a finished table, read-only
Scale = Literal["log", "linear"]
NEAR_TIE = 10  # points; a decision with a smaller margin is a near tie
SAME_BUDGET = 0.002  # relative tolerance within which a measured budget is the requested one


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the page with its trace."""

    picture: Picture
    trace: DecisionTrace

    @property
    def right(self) -> bool | None:
        """Whether the prediction is the true class; None if that is unknown."""
        return None if self.picture.truth is None else self.picture.truth == self.trace.label

    @property
    def verdict(self) -> Verdict:
        """Whether the prediction is right, as a word."""
        return verdict(self.trace, self.picture)


class DecisionRow(Costs):
    """One gated block of one image, in one pass. The inherited ``Costs`` are the block's contributions to its costs.

    Attributes:
        row: number of the image on the page, from 0.
        image: name of the image.
        key: key of the image.
        block: number in the network.
        stage: from 1.
        option: name of the chosen option.
        fraction: its cost relative to the full block, 0 to 1.
        probability: of the chosen option, in percent.
        margin: probability of the chosen option minus that of the next likely one, in points.
        bits: of the option; 0 for skip.
        pass_number: number of the pass of a cascade, from 1; missing for other networks, as are the next three.
        answer: the most probable class after that pass.
        sure: its probability, in percent.
        needed: the pass's lead beside its limit, as odds; empty for the last pass.
    """

    row: int
    image: str
    key: str
    block: int
    stage: int
    option: str
    fraction: float
    probability: float
    margin: float
    bits: int
    pass_number: NotRequired[int]
    answer: NotRequired[str]
    sure: NotRequired[float]
    needed: NotRequired[str]


def decision_rows(shown: Sequence[Shown], config: ModelConfig) -> list[DecisionRow]:
    """One row for every gated block of every image; of a cascade, for every gated block in every pass."""
    models, options = costs.models(config), tuple(config.option_set)
    index_of = {option.name: index for index, option in enumerate(options)}
    rows: list[DecisionRow] = []
    for row, item in enumerate(shown):
        for decisions, about in _passes(item.trace):
            for index, name in enumerate(decisions):
                chosen = index_of[name]
                probability, margin = (100.0, 100.0) if about else _likely(item.trace.probabilities[index], chosen)
                found: dict[str, Any] = {
                    "row": row,
                    "image": item.picture.name,
                    "key": item.picture.key,
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, config),
                    "option": name,
                    "fraction": options[chosen].cost,
                    "probability": probability,
                    "margin": margin,
                    "bits": options[chosen].bits,
                }
                added = {column: model.table[index][chosen] for column, model in models.items()}
                rows.append(cast(DecisionRow, found | about | added))
    return rows


def _passes(trace: DecisionTrace) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The decisions of each pass with what it said; of a network without passes its decisions alone."""
    if not trace.passes:
        return [(trace.decisions, {})]
    return [
        (
            look.decisions,
            {"pass_number": number, "answer": look.label, "sure": 100 * look.confidence}
            | {"needed": looks.against_limit(look)},
        )
        for number, look in enumerate(trace.passes, start=1)
    ]


def _likely(probabilities: Sequence[float], chosen: int) -> tuple[float, float]:
    """A gate's probability of the chosen option in percent, and its margin over the likeliest other one in points."""
    rest = [*probabilities[:chosen], *probabilities[chosen + 1 :]]
    return 100 * probabilities[chosen], 100 * (probabilities[chosen] - max(rest, default=0.0))


def is_near_tie(margin: float) -> bool:
    """Whether a small change may flip a decision with this margin, in points, as ``margin_in_words`` shows it."""
    return math.floor(margin) < NEAR_TIE


def margin_in_words(margin: float) -> str:
    """A margin in whole points, rounded down: 9.7 is less than ``NEAR_TIE``, so it must not read 10.

    >>> margin_in_words(9.7), is_near_tie(9.7), margin_in_words(10.0), is_near_tie(10.0)
    ('9', True, '10', False)
    """
    return f"{math.floor(margin)}"


def image_rows(shown: Sequence[Shown], config: ModelConfig) -> Rows:
    """One row for each image: prediction, confidence in percent, true class if known, costs in percent."""
    return [
        {
            "row": row,
            "image": item.picture.name,
            "key": item.picture.key,
            "prediction": item.trace.label,
            "confidence": 100 * item.trace.confidence,
            "truth": item.picture.truth or "",
            "verdict": item.verdict,
            **({"passes": len(item.trace.passes)} if item.trace.passes else {}),
            **costs.of_trace(item.trace, config),
        }
        for row, item in enumerate(shown)
    ]


def measured_on(card: Card) -> str:
    """The split of a checkpoint's figures: test, or validation for session checkpoints, which are not tested."""
    return "validation" if card.method == SESSION else "test"


SETS = {"test": "test set", "validation": "validation images"}


class LedgerLine(TypedDict):
    """Figures of an operating point on the test set, or of the images on a page. Unknown values are None.

    Attributes:
        what: what the line describes.
        images: number of images; 0 if they were not measured.
        accuracy: in percent.
        low: lower end of its 95 % interval; None of an interpolated line.
        high: upper end.
        right: number of correct predictions among the images of known class.
        known: number of images of known class.
        cp: mean cost, in percent.
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
    """The line of the test set, which may say that it was not measured, and the line of the images on this page.

    Args:
        shown: the images on this page.
        card: of the checkpoint.
        measured: figures on the test set, from ``test_figures``.
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
        here_only = {"what": f"{SETS[measured_on(card)]}: not measured here", "images": 0}
        measured = here_only | dict.fromkeys(("accuracy", "low", "high", *COLUMNS))
    return [cast(LedgerLine, here | {"right": None, "known": None} | measured), here]


def test_figures(point: OperatingPoint, measured: Rows) -> dict[str, Any] | None:
    """The test set's line for ``ledger_rows``; None if neither this operating point nor its neighbours were measured.

    Between two measured budgets the figures are interpolated, as if each image went to one of the two at random. Such a
    line has no interval, and its ``between`` holds the two budgets.

    Args:
        point: the operating point.
        measured: measured points, from ``points.read_measured``.
    """
    card, budget = point.card, point.budget
    split = measured_on(card)
    blank = {"what": SETS[split]} | dict.fromkeys(COLUMNS)
    found = card.evaluation(split) if operating.is_cards(point) else None
    if found is not None:
        low, high = found.accuracy_ci95
        line = {"images": found.n, "accuracy": found.accuracy, "low": low, "high": high}
        return blank | line | (costs.of_card(card, split) or {})
    if not budget:
        return None
    mine = sorted((r for r in measured if r["checkpoint"] == card.name and r["budget"]), key=lambda r: r["budget"])
    for row in mine:
        if math.isclose(row["budget"], budget, rel_tol=SAME_BUDGET):
            kept = {key: row[key] for key in ("accuracy", "low", "high", *COLUMNS)}
            return blank | {"images": int(row["n"])} | kept
    for below, above in itertools.pairwise(mine):
        if below["budget"] < budget < above["budget"]:
            return blank | _interpolated(below, above, budget)
    return None


def _interpolated(below: Mapping[str, Any], above: Mapping[str, Any], budget: float) -> dict[str, Any]:
    """The line of a budget between two measured ones; a cost that one of them lacks is None."""
    ends = below["budget"], above["budget"]
    share = (budget - ends[0]) / (ends[1] - ends[0])
    figures = {
        key: None if None in (below[key], above[key]) else (1 - share) * below[key] + share * above[key]
        for key in ("accuracy", *COLUMNS)
    }
    name = f"{SETS['test']}, interpolated between budgets {ends[0]:.3g} and {ends[1]:.3g} %"
    return figures | {"what": name, "images": int(below["n"]), "low": None, "high": None, "between": ends}


def gated_numbers(config: ModelConfig) -> range:
    """Block numbers of the gated blocks."""
    return range(FIRST_GATED, FIRST_GATED + config.gated_blocks)


def stage_of(index: int, config: ModelConfig) -> int:
    """Stage (from 1) of the gated block with that index (from 0)."""
    return config.layout.gated[index].stage


def stage_rows(config: ModelConfig) -> Rows:
    """One row for each stage: ``stage``, ``first`` and ``last`` (block numbers of its gated blocks), ``title``."""
    rows: Rows = []
    for stage in config.layout.stages:
        gated, last = [block for block in stage if block.number >= FIRST_GATED], stage[-1]
        if gated:
            title = f"stage {last.stage} · {last.channels} ch · {last.size}²"
            rows.append({"stage": last.stage, "first": gated[0].number, "last": last.number, "title": title})
    return rows


_TITLES: dict[str, str] = {measure.column: f"{measure.name} %" for measure in MEASURES.values()}
_PERCENT = ("accuracy", "confidence", "share", "budget", "probability", "cost", "sure", "adds", "so_far", "again")
_TITLES |= {name: f"{name.replace('_', ' ')} %" for name in _PERCENT}
_TITLES |= {"margin": "margin, points", "low": "95 % from, %", "high": "95 % to, %", "p10": "80 % from, %"}
_TITLES |= {"p90": "80 % to, %"}


def column_title(name: str, columns: Collection[str]) -> str:
    """The title of a table's column. Where a table has sides A and B, figures of no side are differences in points.

    >>> column_title("all_in", []), column_title("a_cp", ["a", "b"]), column_title("cp", ["a", "b"])
    ('all-in %', 'A: cp %', 'B − A: cp, points')
    """
    two_sides = {"a", "b"} <= set(columns)
    side, _, rest = name.partition("_")
    if two_sides and side in ("a", "b"):
        return f"{side.upper()}: {column_title(rest, ())}" if rest else side.upper()
    title = _TITLES.get(name, name.replace("_", " "))
    return f"B \N{MINUS SIGN} A: {title.removesuffix(' %')}, points" if two_sides and title.endswith(" %") else title
