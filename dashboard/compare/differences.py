"""Differences between two operating points, or between two images, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from dashboard.answers import costs
from dashboard.answers.costs import COLUMNS, Costs
from dashboard.answers.tables import Shown, stage_of
from dashboard.answers.verdicts import Verdict
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED
from dfs_core.model.options import OptionSet

SAME = 1e-9  # smaller differences in cost count as none


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: an image with its trace, and the network's configuration."""

    shown: Shown
    config: ModelConfig


Pair = tuple[Side, Side]  # left and right: A and B


def why_not(left: ModelConfig, right: ModelConfig) -> str:
    """Why two networks cannot be compared block by block; empty if they can. Their options may differ."""
    if left.layout == right.layout:
        return ""
    if left.gated_blocks == right.gated_blocks:
        return (
            "The blocks of A and B differ in width or image size, so no difference by block is shown. Predictions and"
            " costs are compared below."
        )
    return (
        f"{left.layout.title} has {left.gated_blocks} gated blocks and {right.layout.title} has {right.gated_blocks}."
        " Their blocks do not correspond, so no difference by block is shown. Predictions and costs are compared below."
    )


def options_of(left: ModelConfig, right: ModelConfig) -> OptionSet:
    """The options of both networks together, cheapest first."""
    return OptionSet(tuple(sorted({*left.option_set, *right.option_set})))


class LaneRow(TypedDict):
    """A gated block of one side of a pair.

    Attributes:
        row: of the pair, from 0.
        side: ``A`` or ``B``.
        image: name of the image.
        block: number in the network.
        stage: from 1.
        option: the taken option; of a cascade that of the last pass.
        bits: of the option.
        fraction: its cost relative to the full block, all passes together.
        made: the options of all passes in words; for other networks the option.
    """

    row: int
    side: str
    image: str
    block: int
    stage: int
    option: str
    bits: int
    fraction: float
    made: str


def lane_rows(pairs: Sequence[Pair]) -> list[LaneRow]:
    """One row for every gated block of both sides of every pair."""
    rows: list[LaneRow] = []
    for row, pair in enumerate(pairs):
        for letter, side in zip("AB", pair, strict=True):
            options = {option.name: option for option in side.config.option_set}
            for index, name in enumerate(side.shown.trace.decisions):
                rows.append(
                    {
                        "row": row,
                        "side": letter,
                        "image": side.shown.picture.name,
                        "block": index + FIRST_GATED,
                        "stage": stage_of(index, side.config),
                        "option": name,
                        "bits": options[name].bits,
                        "fraction": sum(options[one].cost for one in _made(side, index)),
                        "made": " + ".join(_made(side, index)),
                    }
                )
    return rows


def _made(side: Side, index: int) -> list[str]:
    """What a gated block ran: its option, or of a cascade its option in each pass."""
    return [decisions[index] for decisions in side.shown.trace.every_pass]


class DifferenceRow(Costs):
    """The difference of a gated block between A and B. The inherited ``Costs`` are B - A, in points.

    Attributes:
        row: of the pair, from 0.
        a_image: name of the image at A.
        b_image: name of the image at B.
        block: number in the network.
        stage: from 1.
        a: option at A; of a cascade the options of all passes.
        b: option at B, likewise.
        more: cost at B minus cost at A, relative to the full block, -1 to 1.
    """

    row: int
    a_image: str
    b_image: str
    block: int
    stage: int
    a: str
    b: str
    more: float


def difference_rows(pairs: Sequence[Pair]) -> list[DifferenceRow]:
    """One row for every gated block of every pair; none if the networks have different layouts."""
    rows: list[DifferenceRow] = []
    for row, (left, right) in enumerate(pairs):
        if why_not(left.config, right.config):
            continue
        tables = [costs.models(side.config) for side in (left, right)]
        names = [side.config.option_set.names for side in (left, right)]
        for index in range(left.config.gated_blocks):
            made = [_made(side, index) for side in (left, right)]
            chosen = [[known.index(name) for name in one] for known, one in zip(names, made, strict=True)]
            parts = [
                sum(side.config.option_set.costs[place] for place in places)
                for side, places in zip((left, right), chosen, strict=True)
            ]
            rows.append(
                {
                    "row": row,
                    "a_image": left.shown.picture.name,
                    "b_image": right.shown.picture.name,
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, left.config),
                    "a": " + ".join(made[0]),
                    "b": " + ".join(made[1]),
                    "more": parts[1] - parts[0],
                    **cast(
                        Costs,
                        {
                            column: sum(tables[1][column].table[index][place] for place in chosen[1])
                            - sum(model.table[index][place] for place in chosen[0])
                            for column, model in tables[0].items()
                        },
                    ),
                }
            )
    return rows


class ChangeRow(TypedDict):
    """What changes from A to B for one image. Figures in percent have the prefix ``a_`` or ``b_``; without: B - A.

    Attributes:
        row: of the pair, from 0.
        image: name of the image.
        truth: its true class; empty if unknown.
        a: prediction at A.
        b: prediction at B.
        change: of the prediction, in words.
    """

    row: int
    image: str
    truth: str
    a: str
    b: str
    change: str
    a_confidence: float
    b_confidence: float
    confidence: float
    a_cp: float
    b_cp: float
    cp: float
    a_all_in: float
    b_all_in: float
    all_in: float
    a_macs: float
    b_macs: float
    macs: float
    a_energy: float
    b_energy: float
    energy: float


def change_rows(pairs: Sequence[Pair]) -> list[ChangeRow]:
    """One row for each image: what changes from A to B in prediction, confidence and cost."""
    rows: list[ChangeRow] = []
    for row, (left, right) in enumerate(pairs):
        line: dict[str, Any] = {
            "row": row,
            "image": left.shown.picture.name,
            "truth": left.shown.picture.truth or right.shown.picture.truth or "",  # A may not know its class
            "a": left.shown.trace.label,
            "b": right.shown.trace.label,
            "change": _change(left.shown, right.shown),
        }
        figures = {"confidence": tuple(100 * side.shown.trace.confidence for side in (left, right))}
        spent = [costs.of_trace(side.shown.trace, side.config) for side in (left, right)]
        figures |= {column: (spent[0][column], spent[1][column]) for column in COLUMNS}
        for name, (here, there) in figures.items():
            line |= {f"a_{name}": here, f"b_{name}": there, name: there - here}
        rows.append(cast(ChangeRow, line))
    return rows


def are_two_images(pair: Pair) -> bool:
    """Whether A and B are different images."""
    return pair[0].shown.picture.key != pair[1].shown.picture.key


class SideRow(Costs):
    """One of two images.

    Attributes:
        side: ``A`` or ``B``.
        image: name of the image.
        truth: its true class; empty if unknown.
        prediction: its predicted class.
        verdict: ``right``, ``wrong`` or empty.
        confidence: in percent.
    """

    side: str
    image: str
    truth: str
    prediction: str
    verdict: Verdict
    confidence: float


def side_rows(pair: Pair) -> list[SideRow]:
    """One row for A and one for B; for different images."""
    return [
        {
            "side": letter,
            "image": side.shown.picture.name,
            "truth": side.shown.picture.truth or "",
            "prediction": side.shown.trace.label,
            "verdict": side.shown.verdict,
            "confidence": 100 * side.shown.trace.confidence,
            **costs.of_trace(side.shown.trace, side.config),
        }
        for letter, side in zip("AB", pair, strict=True)
    ]


def _change(left: Shown, right: Shown) -> str:
    """The change of the prediction, in words."""
    if left.trace.label == right.trace.label:
        return {True: "both right", False: "both wrong, alike", None: "the same"}[left.right]
    if None in (left.right, right.right):
        return "another class"
    return {
        (True, False): "becomes wrong",
        (False, True): "becomes right",
        (False, False): "both wrong, differently",
    }[bool(left.right), bool(right.right)]
