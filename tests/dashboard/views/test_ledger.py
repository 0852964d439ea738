"""The ledger adds up to the figure that is shown, by every measure, to the last digit that a float has."""

from __future__ import annotations

import numpy as np
import pytest
from every_budget import CONFIG, ByRule, every_budget_card
from tiny import make_card, pictures

from dashboard.answers.costs import MEASURES, models, of_card, of_trace
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.drawing.palette import LIGHT
from dashboard.views.ledger_chart import ledger_chart
from dashboard.views.ledger_entries import DECISIONS, GATES, SHORTCUTS, decision_entries, entries, ledger_rows
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import count_macs


@pytest.fixture(scope="module")
def shown() -> list[Shown]:
    made = [make_picture(f"k{i}", f"p{i}", "upload", p) for i, p in enumerate(pictures(3))]
    budgets = (0.5, 1.25, 9.0)
    traces = [ByRule().predict([one.seen], budget=b)[0] for one, b in zip(made, budgets, strict=True)]
    return [Shown(one, trace) for one, trace in zip(made, traces, strict=True)]


@pytest.mark.parametrize("cost", MEASURES)
def test_the_last_line_is_the_figure_of_the_page_and_the_sum_of_the_lines_above(shown, cost):
    column = MEASURES[cost].column
    *parts, total = ledger_rows(shown, shown[1], every_budget_card(), cost)
    costs = [of_trace(item.trace, CONFIG)[column] for item in shown]
    assert total["focus"] == pytest.approx(costs[1], abs=1e-9)
    assert total["shown"] == pytest.approx(np.mean(costs), abs=1e-9)
    assert total["test"] is None
    for subject in ("focus", "shown"):
        assert sum(row[subject] or 0 for row in parts) == pytest.approx(total[subject], abs=1e-9)


@pytest.mark.parametrize("cost", [cost for cost in MEASURES if cost != "all-in"])  # the card's own figure is made up
def test_the_test_sets_column_adds_up_to_the_figures_of_its_shares(cost):
    config = ModelConfig(depth=14, budget=20.0)
    shares = [{"skip": 25.0, "8": 25.0, "16": 50.0, "full": 0.0}] * 5
    test = {"n": 8, "accuracy": 50.0, "accuracy_ci95": [20.0, 80.0], "cp": 14.0625, "all_in": 0.0, "policies": 1}
    card = make_card("dfs-20", "dfs", config, metrics={"test": test | {"shares": shares}})
    total = ledger_rows([], None, card, cost)[-1]
    assert total["test"] == pytest.approx(of_card(card)[MEASURES[cost].column])


@pytest.mark.parametrize("cost", MEASURES)
@pytest.mark.parametrize("policy", ["recurrent", "one-shot"])
def test_the_parts_of_a_bottleneck_network_add_up_to_its_cost(cost, policy):
    config = ModelConfig(architecture="imagenet-resnet", depth=50, image_size=64, options="skip,4,full", policy=policy)
    assert config.layout.blocks[0].shortcut is not None, "even its first block has a convolution on the shortcut"
    decisions = np.random.default_rng(0).integers(0, 3, (4, config.gated_blocks))
    shares = np.stack([(decisions == index).mean(axis=0) for index in range(3)], axis=1)
    parts = entries(config, cost, shares)
    total = models(config)[MEASURES[cost].column].total(decisions)
    assert sum(row["percent"] for row in parts) == pytest.approx(total)


def test_cp_counts_decisions_alone_and_all_in_every_part(shown):
    assert {row["kind"] for row in decision_entries(shown[0], CONFIG, "cp")[:-1]} == {DECISIONS}
    rows = decision_entries(shown[0], CONFIG, "all-in")
    assert {row["kind"] for row in rows} >= {"always paid", GATES, SHORTCUTS, DECISIONS}
    assert [row["part"] for row in rows if row["block"] is None][:3] == ["stem", "pooling", "classifier"]


def test_a_skipped_strided_block_pays_its_shortcut_in_full_and_nothing_else():
    options = CONFIG.option_set
    skipped = np.eye(len(options))[[options.index("skip")] * CONFIG.gated_blocks]
    macs = count_macs(CONFIG)
    by_hand = [100 * macs.blocks[block - 1].shortcut / macs.plain for block in (3, 5)]
    rows = entries(CONFIG, "all-in", skipped)
    assert [row["percent"] for row in rows if row["kind"] == SHORTCUTS] == pytest.approx(by_hand)
    assert sum(row["percent"] for row in rows if row["kind"] == DECISIONS) == 0


def test_the_chart_shows_every_line_and_its_figures(shown):
    rows = ledger_rows(shown, shown[0], every_budget_card(), "energy")
    figure = ledger_chart(rows, "energy", LIGHT)
    assert [row["part"] for row in figure.data["parts"]] == [row["part"] for row in rows[:-1]]
    texts = [row["text"] for row in figure.data["figures"] if row["sum"]]
    assert texts == [f"{rows[-1]['focus']:.2f}", f"{rows[-1]['shown']:.2f}", ""]
