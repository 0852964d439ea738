"""The ledger: the cost of every part of the network and of every decision, which sum to the total cost.

Cost is additive over parts, so the mean over images is the sum of the parts' means. ``dfs_core.model.cost`` defines
what counts; this module only splits its total.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict, cast, get_args

import numpy as np

from dashboard.answers import costs
from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.tables import Rows, Shown, stage_of
from dfs_core.checkpoints.card import Card
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NetworkMacs, count_macs, option_runs
from dfs_core.model.layout import FIRST_GATED

ALWAYS, GATES, SHORTCUTS, DECISIONS = "always paid", "gates", "shortcuts", "decisions"
Subject = Literal["focus", "shown", "test"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)


def entries(config: ModelConfig, cost: Cost, runs: np.ndarray) -> Rows:
    """The cost of every part, in the order of the network; the rows sum to the total cost.

    Args:
        config: of the network.
        cost: the measure.
        runs: how often an image runs each option of each block (``dfs_core.model.cost.option_runs``), (gated blocks,
            options). Without a cascade, these are shares of the images.

    Returns:
        One row for each part: ``stage`` (0 outside the stages), ``block`` (block number; None outside the blocks),
        ``kind`` (one of the four constants above), ``part`` (in words), ``percent``.
    """
    model, macs = costs.models(config)[MEASURES[cost].column], count_macs(config)
    counted = model.fixed > 0  # false for cp, which counts only the gated blocks
    rows: Rows = []

    def add(stage: int, block: int | None, kind: str, part: str, percent: float) -> None:
        rows.append({"stage": stage, "block": block, "kind": kind, "part": part, "percent": percent})

    if counted:
        add(0, None, ALWAYS, "stem", 100 * model.ungated * macs.stem / macs.plain)
        first = macs.blocks[0]
        add(1, 1, ALWAYS, "first block", 100 * model.ungated * (first.convolutions + first.shortcut) / macs.plain)
    for index, block_runs in enumerate(runs):
        stage, block = stage_of(index, config), index + FIRST_GATED
        gate = macs.blocks[block - 1]
        spent = block_runs * np.asarray(model.table[index])
        shortcut = _shortcut_part(config, macs, index) if counted else np.zeros(len(spent))
        if counted and gate.gate:
            add(
                stage,
                block,
                GATES,
                f"gate of block {block}",
                100 * (model.ungated * gate.look + gate.decide) / macs.plain,
            )
        if shortcut.any():
            add(stage, block, SHORTCUTS, f"shortcut of block {block}", float((spent * shortcut).sum()))
        add(stage, block, DECISIONS, f"block {block}", float((spent * (1 - shortcut)).sum()))
    if counted:
        add(0, None, ALWAYS, "pooling", 100 * macs.pooling / macs.plain)
        add(0, None, ALWAYS, "classifier", 100 * model.ungated * macs.classifier / macs.plain)
        if later := float(runs[0].sum()) - 1:
            add(0, None, ALWAYS, "pooling and classifier of later passes", model.again * later)
    return rows


def decision_entries(item: Shown, config: ModelConfig, cost: Cost) -> Rows:
    """Every part of one image's cost, with the option chosen (by every pass of a cascade), and their sum at the end."""
    rows = entries(config, cost, _runs([item], config))
    made = [" + ".join(options) for options in zip(*item.trace.every_pass, strict=True)]
    for row in rows:
        block = row["block"]
        row["option"] = made[block - FIRST_GATED] if row["kind"] in (DECISIONS, SHORTCUTS) else ""
    total = {"stage": None, "block": None, "kind": "sum", "part": "all of it", "option": ""}
    return [*rows, total | {"percent": sum(row["percent"] for row in rows)}]


class LedgerRow(TypedDict):
    """One stage and kind of cost; costs in percent.

    Attributes:
        part: in words.
        kind: one of the four, or ``sum``.
        focus: cost for the image in focus.
        shown: mean over the images shown.
        test: mean over the test set; None if it was not measured at this operating point.
    """

    part: str
    kind: str
    focus: float | None
    shown: float | None
    test: float | None


def ledger_rows(
    shown: list[Shown], focus: Shown | None, card: Card, cost: Cost, with_test: bool = True
) -> list[LedgerRow]:
    """One row for each stage and kind of cost, and a last one with their sum."""
    config = card.config
    by_subject = {
        "focus": None if focus is None else entries(config, cost, _runs([focus], config)),
        "shown": entries(config, cost, _runs(shown, config)) if shown else None,
        "test": _of_test(card, cost) if with_test else None,
    }
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for subject, parts in by_subject.items():
        for entry in parts or []:
            place = _group(entry)
            row = rows.setdefault(place, {"part": place[1], "kind": entry["kind"]} | dict.fromkeys(SUBJECTS))
            row[subject] = (row[subject] or 0.0) + entry["percent"]
    total = {"part": "all of it", "kind": "sum"}
    sums = {key: sum(entry["percent"] for entry in parts) if parts else None for key, parts in by_subject.items()}
    return [cast(LedgerRow, row) for row in (*(rows[place] for place in sorted(rows)), total | sums)]


def _runs(shown: list[Shown], config: ModelConfig) -> np.ndarray:
    """How often the images run each option of each block on average, all passes counted, (gated blocks, options)."""
    names = config.option_set.names
    taken = np.zeros((config.gated_blocks, len(names)))
    for item in shown:
        for decisions in item.trace.every_pass:
            for block, name in enumerate(decisions):
                taken[block, names.index(name)] += 1 / len(shown)
    return taken


def _of_test(card: Card, cost: Cost) -> Rows | None:
    test = card.evaluation("test")
    if test is None:
        return None
    names = card.config.option_set.names
    shares = np.array([[row[name] for name in names] for row in test.shares]) / 100
    return entries(card.config, cost, option_runs(card.config, shares))


def _shortcut_part(config: ModelConfig, macs: NetworkMacs, index: int) -> np.ndarray:
    """Share of the 1x1 shortcut in the cost of each option of a block; 1 for skip, if there is such a shortcut."""
    block = macs.blocks[index + FIRST_GATED - 1]
    part = block.shortcut / (block.shortcut + block.convolutions)
    return np.array([1.0 if option.is_skip and block.shortcut else part for option in config.option_set])


def _group(entry: dict[str, Any]) -> tuple[int, str]:
    """Position and name of the ledger row that an entry belongs to."""
    if entry["kind"] == ALWAYS:
        first = entry["part"] in ("stem", "first block")
        return (0, "stem and first block") if first else (9, "pooling and classifier")
    kinds = (DECISIONS, SHORTCUTS, GATES)
    names = dict(zip(kinds, ("decisions", "shortcut", "gates"), strict=True))
    return 1 + entry["stage"], f"stage {entry['stage']} · {names[entry['kind']]}"
