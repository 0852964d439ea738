"""What differs between two operating points, or two images, block by block. Traces in, tables out; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.answers import costs
from dashboard.answers.tables import Rows, Shown, stage_of
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED
from dfs_core.model.options import OptionSet

SAME = 1e-9  # costs that are as near are equal


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: what was decided there, and by what network."""

    shown: Shown
    config: ModelConfig


Pair = tuple[Side, Side]  # left and right: A and B


def why_not(left: ModelConfig, right: ModelConfig) -> str:
    """Why two networks cannot be compared block by block; empty if they can, whatever their options are."""
    if left.layout == right.layout:
        return ""
    return (
        f"{left.layout.title} has {left.gated_blocks} gated blocks and {right.layout.title} has {right.gated_blocks}:"
        " a block of one is no block of the other, so there is no difference block by block. Predictions and costs"
        " are compared below."
    )


def options_of(left: ModelConfig, right: ModelConfig) -> OptionSet:
    """All options that either of two networks has, cheapest first."""
    return OptionSet(tuple(sorted({*left.option_set, *right.option_set})))


def lane_rows(pairs: Sequence[Pair]) -> Rows:
    """One row for every gated block of both sides of every pair.

    Keys: ``row`` (of the pair, from 0), ``side`` (``A`` or ``B``), ``image``, ``block``, ``stage``, ``option``,
    ``bits``, ``fraction`` (cost relative to the full block).
    """
    rows: Rows = []
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
                        "fraction": options[name].cost,
                    }
                )
    return rows


def difference_rows(pairs: Sequence[Pair]) -> Rows:
    """One row for every gated block of every pair; none where the networks differ.

    Keys: ``row``, ``a_image`` and ``b_image``, ``block``, ``stage``, ``a`` and ``b`` (options), ``more``
    (cost on side B less that on side A, relative to the full block, -1 to 1), and the same in percent of the
    whole network by every measure of cost.
    """
    rows: Rows = []
    for row, (left, right) in enumerate(pairs):
        if why_not(left.config, right.config):
            continue
        tables = [costs.models(side.config) for side in (left, right)]
        names = [side.config.option_set.names for side in (left, right)]
        taken = zip(left.shown.trace.decisions, right.shown.trace.decisions, strict=True)
        for index, (here, there) in enumerate(taken):
            chosen = names[0].index(here), names[1].index(there)
            parts = [side.config.option_set.costs[place] for side, place in zip((left, right), chosen, strict=True)]
            rows.append(
                {
                    "row": row,
                    "a_image": left.shown.picture.name,
                    "b_image": right.shown.picture.name,
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, left.config),
                    "a": here,
                    "b": there,
                    "more": parts[1] - parts[0],
                    **{
                        column: tables[1][column].table[index][chosen[1]] - model.table[index][chosen[0]]
                        for column, model in tables[0].items()
                    },
                }
            )
    return rows


def change_rows(pairs: Sequence[Pair]) -> Rows:
    """One row a pair of one image: what changes from A to B in prediction, confidence and cost.

    Keys: ``row``, ``image``, ``truth``, ``a`` and ``b`` (predictions), ``change`` (in
    words), ``a_confidence``, ``b_confidence``, ``confidence`` (difference), and for every measure of cost
    ``a_cp``, ``b_cp``, ``cp`` (difference), ...; all in percent.
    """
    rows: Rows = []
    for row, (left, right) in enumerate(pairs):
        line: dict[str, Any] = {
            "row": row,
            "image": left.shown.picture.name,
            "truth": left.shown.picture.truth or "",
            "a": left.shown.trace.label,
            "b": right.shown.trace.label,
            "change": _change(left.shown, right.shown),
        }
        figures = {"confidence": tuple(100 * side.shown.trace.confidence for side in (left, right))}
        spent = [costs.of_trace(side.shown.trace, side.config) for side in (left, right)]
        figures |= {column: (spent[0][column], spent[1][column]) for column in spent[0]}
        for name, (here, there) in figures.items():
            line |= {f"a_{name}": here, f"b_{name}": there, name: there - here}
        rows.append(line)
    return rows


def are_two_images(pair: Pair) -> bool:
    """Whether A and B are two images, so that nothing changes from one to the other."""
    return pair[0].shown.picture.key != pair[1].shown.picture.key


def side_rows(pair: Pair) -> Rows:
    """One row for A and one for B, where they are two images.

    Keys: ``side``, ``image``, ``truth``, ``prediction``, ``verdict``, ``confidence`` and every measure of cost, in
    percent.
    """
    return [
        {
            "side": letter,
            "image": side.shown.picture.name,
            "truth": side.shown.picture.truth or "",
            "prediction": side.shown.trace.label,
            "verdict": {True: "right", False: "wrong", None: ""}[side.shown.right],
            "confidence": 100 * side.shown.trace.confidence,
            **costs.of_trace(side.shown.trace, side.config),
        }
        for letter, side in zip("AB", pair, strict=True)
    ]


def _change(left: Shown, right: Shown) -> str:
    """What becomes of the prediction, in words."""
    if left.trace.label == right.trace.label:
        return {True: "both right", False: "both wrong, alike", None: "the same"}[left.right]
    if left.right is None:
        return "another"
    return {
        (True, False): "becomes wrong",
        (False, True): "becomes right",
        (False, False): "both wrong, each its own way",
    }[bool(left.right), bool(right.right)]
