"""The stacked bars of a test set: segments are told from their neighbours, and none is hidden by a line."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.drawing.palette import DARK, LIGHT, Palette
from dashboard.testset.shares_chart import share_chart
from dfs_core.model.config import ModelConfig

CONFIG = ModelConfig(depth=14, options="lowbit", budget=1.0)


def bar(shares: dict[str, float]) -> list[dict[str, Any]]:
    """Rows of one block, as ``statistics.share_rows`` gives them."""
    rows, top = [], 0.0
    for option in CONFIG.option_set:
        share = shares.get(option.name, 0.0)
        place = {"block": 2, "stage": 1, "bottom": top, "top": top + share}
        rows.append(place | {"option": option.name, "bits": option.bits, "images": round(share), "share": share})
        top += share
    return rows


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_segments_are_parted_and_neither_a_low_nor_a_skipped_nor_an_asked_one_is_hidden(colours: Palette):
    rows = bar({"skip": 20.0, "2": 40.0, "3": 0.3, "4": 9.7, "8": 30.0})
    drawn = share_chart(rows, CONFIG, [(2, "8")], colours).data["segments"]
    edges = {row["option"]: row["edge"] for row in drawn}
    assert edges["2"] == edges["4"] == colours.background
    assert edges["3"] == colours.option("3")
    assert (edges["skip"], edges["8"]) == (colours.muted, colours.accent)
    order = [row["option"] for row in drawn]
    assert set(order[:2]) == {"2", "4"}, "what lines would hide is drawn after them"
    assert order[-1] == "8"
