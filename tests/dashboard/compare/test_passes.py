"""Compare counts every pass of a cascade, in its strips as on the test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up import CASCADE, looked_at
from tiny import pictures

from dashboard.answers import two_points
from dashboard.answers.classes import groups
from dashboard.answers.costs import MEASURES
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.compare.differences import Side, change_rows, difference_rows, lane_rows
from dashboard.compare.lanes import lane_chart
from dashboard.drawing.palette import LIGHT
from dfs_core.predictor import Predictor

PIXELS = pictures(1, seed=4)[0]


def test_a_block_costs_what_all_its_passes_cost(with_cascade: Path) -> None:
    predictor = Predictor.load(with_cascade / "tiny-cascade")
    picture = make_picture("p", "p", "upload", PIXELS)
    sides = []
    for budget in (0.5, 8.0):
        (trace,) = predictor.predict([PIXELS], budget=budget)
        sides.append(Side(Shown(picture, trace), predictor.card.config))
    pair = sides[0], sides[1]
    assert [len(side.shown.trace.passes) for side in pair] == [1, 3]
    more = difference_rows([pair])
    assert {(row["a"], row["b"]) for row in more} == {("2", "2 + 4 + 8")}
    (change,) = change_rows([pair])
    assert sum(row["cp"] for row in more) == pytest.approx(change["cp"])
    lanes = [row for row in lane_rows([pair]) if row["side"] == "B"]
    assert {row["option"] for row in lanes} == {"8"}
    assert lanes[0]["fraction"] == pytest.approx((4 + 16 + 64) / 1024)
    texts = [row["text"] for row in lane_chart([pair], MEASURES["cp"], LIGHT).data["pairs"]]
    assert [text.rpartition(", ")[2] for text in texts[:2]] == ["1 pass", "3 passes"]


def test_blocks_of_a_class_cost_what_all_passes_cost() -> None:
    rows = two_points.class_block_rows(looked_at(), looked_at(), (CASCADE, CASCADE), groups("abc"))
    one = 100 * np.cumsum([(bits / 32) ** 2 for bits in (2, 4, 8)])
    found = {row["class"]: row["a"] for row in rows if row["block"] == 2}
    assert found == pytest.approx({"a": one[0], "b": one[:2].mean(), "c": (one[1] + 2 * one[2]) / 3})
    assert all(row["more"] == 0 for row in rows)
