"""Explore shows every pass of a cascade, and sorts and filters the rows by their passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import control, go_to, rows_of, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import pictures

from dashboard.answers import looks
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown, decision_rows
from dashboard.drawing.palette import LIGHT
from dashboard.explore.looks_panel import ordered
from dashboard.views.strip_chart import decision_strip
from dfs_core.model.config import ModelConfig
from dfs_core.predictor import Predictor


@pytest.fixture
def shown(with_cascade: Path) -> tuple[list[Shown], ModelConfig]:
    predictor, arrays = Predictor.load(with_cascade / "tiny-cascade"), pictures(8, seed=4)
    made = [make_picture(str(index), f"{index}.png", "upload", pixels) for index, pixels in enumerate(arrays)]
    traces = predictor.predict(arrays, budget=4.0)
    return [Shown(picture, trace) for picture, trace in zip(made, traces, strict=True)], predictor.card.config


def test_a_row_has_a_lane_for_each_pass_and_says_what_it_missed(shown) -> None:
    items, config = shown
    figure = decision_strip(items, config, None, LIGHT)
    wanted = sum(len(item.trace.passes) for item in items)
    assert len(figure.data["cells"]) == wanted * config.gated_blocks > len(items) * config.gated_blocks
    said = [(row["text"], row["ink"]) for row in figure.data["passes"]]
    passes = [(item, look) for item in items for look in item.trace.passes]
    for (text, ink), (item, look) in zip(said, passes, strict=True):
        assert f"{100 * look.confidence:.0f} %" in text
        assert (look.label in text) == (look.label != item.trace.label)
        assert (ink == LIGHT.cascade) == looks.missed(look) == (" < " in text)
        assert looks.times(look.limit) in text if look.limit is not None else text.endswith("%")


def test_lanes_follow_one_another_within_their_row(shown) -> None:
    items, config = shown
    rows = {
        (c["row"], c["pass_number"]): (c["top"], c["bottom"])
        for c in decision_strip(items, config, None, LIGHT).data["cells"]
    }
    for (row, number), (top, bottom) in rows.items():
        assert 0 <= top < bottom <= 1
        assert rows.get((row, number - 1), (0, 0))[1] <= top


def test_the_table_of_decisions_costs_what_all_passes_cost(shown) -> None:
    items, config = shown
    rows = decision_rows(items, config)
    for number, item in enumerate(items):
        own = [row for row in rows if row["row"] == number]
        assert sum(row["cp"] for row in own) == pytest.approx(item.trace.cp)
        assert {row["pass_number"] for row in own} == set(range(1, len(item.trace.passes) + 1))


def test_images_are_sorted_by_their_passes(shown) -> None:
    items, _ = shown
    counts = [len(item.trace.passes) for item in items]
    assert counts != sorted(counts)
    assert [len(item.trace.passes) for item in ordered(items, "easy")] == sorted(counts)
    assert [len(item.trace.passes) for item in ordered(items, "hard")] == sorted(counts, reverse=True)
    assert ordered(items, "") == items


def test_the_page_can_show_what_was_looked_at_again(cascade_in_use: Path) -> None:
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update({"checkpoint": "tiny-cascade", "budget": "6"})
    app = go_to(app, "explore").run()
    everything = rows_of(app)
    control(app.toggle, "again").set_value(True)
    app.run()
    some = rows_of(app)
    assert 0 < len(some) < len(everything)
    assert f"Looked at again: {len(some)} of {len(everything)} images." in text_of(app)
    assert not app.exception
