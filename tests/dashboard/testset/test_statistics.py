"""Statistics of a test set: every figure against sums done by hand, filters that combine and survive a link."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from made_up import ALL, CONFIG, COSTS, CP, traces
from tiny import make_card

from dashboard.answers import two_points
from dashboard.answers.classes import groups
from dashboard.answers.costs import of_traces
from dashboard.testset import statistics
from dashboard.testset.filters import Filter, from_page, passing, to_page, vector_code
from dfs_core.evaluation.metrics import wilson_interval
from dfs_core.model.config import backbone_config


def test_per_image_costs_and_the_summary_equal_sums_done_by_hand() -> None:
    assert COSTS["cp"].tolist() == CP
    found = statistics.summary(traces(), COSTS, ALL)
    assert (found.images, found.vectors, found.blocks) == (6, 4, 2)
    assert found.accuracy == pytest.approx(500 / 6)
    assert (found.low, found.high) == wilson_interval(5, 6)
    assert found.costs["cp"] == pytest.approx(sum(CP) / 6)
    mean = sum(CP) / 6
    assert found.spread == pytest.approx((sum((cp - mean) ** 2 for cp in CP) / 6) ** 0.5 / mean)
    assert found.deciding == 2, "2 of 6 images leave the commonest option in both blocks"


def test_a_block_decides_from_five_percent_of_the_images() -> None:
    for minority, deciding in ((4, 0), (5, 1)):
        decisions = np.zeros((100, 2), np.uint8)
        decisions[:minority, 0] = 1
        many = replace(
            traces(),
            labels=np.zeros(100, int),
            predictions=np.zeros(100, int),
            confidence=np.ones(100, np.float32),
            decisions=decisions,
        )
        found = statistics.summary(many, of_traces(many, CONFIG), np.arange(100))
        assert found.deciding == deciding


def test_no_images_are_no_error() -> None:
    none = ALL[:0]
    found = statistics.summary(traces(), COSTS, none)
    assert (found.images, found.accuracy, found.costs["cp"], found.spread, found.vectors) == (
        0,
        None,
        None,
        None,
        0,
    )
    assert statistics.class_rows(traces(), COSTS["cp"], none, groups("abc")) == []
    assert statistics.confidence_rows(traces(), COSTS["cp"], none) == []
    assert statistics.cost_rows(traces(), COSTS["cp"], none) == []
    assert statistics.vector_rows(traces(), COSTS, none) == []


def test_shares_are_of_the_chosen_images_and_stack_to_a_hundred() -> None:
    rows = statistics.share_rows(traces(), CONFIG, np.array([2, 3, 4, 5]))
    block = {row["option"]: row for row in rows if row["block"] == 2}
    assert [(block[name]["share"], block[name]["images"]) for name in ("skip", "8", "full")] == [
        (50, 2),
        (25, 1),
        (25, 1),
    ]
    assert [(block[name]["bottom"], block[name]["top"]) for name in ("skip", "8", "full")] == [
        (0, 50),
        (50, 75),
        (75, 100),
    ]
    assert [row["share"] for row in rows if row["block"] == 3] == [0, 0, 100]
    assert {row["block"]: row["stage"] for row in rows} == {2: 2, 3: 3}


def test_classes_come_cheapest_first_with_the_interval_of_their_mean() -> None:
    first, second, third = statistics.class_rows(traces(), COSTS["cp"], ALL, groups("abc"))
    assert [first["class"], second["class"], third["class"]] == ["a", "b", "c"]
    assert (first["cost"], first["low"], first["high"]) == (3.125, None, None), "one image has no interval"
    assert third["cost"] == pytest.approx((50 + 53.125 + 100) / 3)
    spread = np.std([50, 53.125, 100], ddof=1)
    assert third["high"] - third["cost"] == pytest.approx(1.959964 * spread / 3**0.5, rel=1e-6)
    assert (second["accuracy"], third["accuracy"]) == (50, 100)


def test_confidence_is_binned_with_right_and_wrong_apart() -> None:
    rows = statistics.confidence_rows(traces(), COSTS["cp"], ALL)
    found = {(row["verdict"], row["confidence"]): (row["images"], row["cost"]) for row in rows}
    assert found == {
        ("right", "0 to 50 %"): (1, 3.125),
        ("right", "50 to 60 %"): (1, 50),
        ("right", "90 to 95 %"): (1, 50),
        ("right", "99 to 99.9 %"): (1, 53.125),
        ("right", "99.9 to 100 %"): (1, 100),
        ("wrong", "95 to 99 %"): (1, 3.125),
    }


def test_cost_groups_never_part_images_of_equal_cost() -> None:
    rows = statistics.cost_rows(traces(), COSTS["cp"], ALL)
    assert sum(row["images"] for row in rows) == 6
    spans = [(row["from"], row["to"]) for row in rows]
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert (rows[0]["images"], rows[0]["accuracy"]) == (2, 50)


def test_an_image_that_costs_as_much_as_an_edge_belongs_to_the_cheaper_group() -> None:
    cost = np.arange(11.0)  # of eleven images; the tenths of 0 to 10 are 1, 2, ..., 9
    one = np.zeros(11, int)
    made = replace(traces(), labels=one, predictions=one, confidence=one, decisions=np.zeros((11, 2), np.uint8))
    rows = statistics.cost_rows(made, cost, np.arange(11))
    assert [(row["from"], row["to"]) for row in rows] == [(0, 1), *((edge, edge) for edge in range(2, 11))]


def test_decision_vectors_come_commonest_first_and_add_up() -> None:
    rows = statistics.vector_rows(traces(), COSTS, ALL)
    assert [(row["vector"], row["images"]) for row in rows] == [("01", 2), ("02", 2), ("12", 1), ("22", 1)]
    assert [round(row["cumulative"], 4) for row in rows] == [33.3333, 66.6667, 83.3333, 100]
    assert [row["accuracy"] for row in rows] == [50, 100, 100, 100]
    assert [row["cp"] for row in rows] == [3.125, 50, 53.125, 100]


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("cheapest", [0, 1, 2, 3, 4, 5]),
        ("dearest", [5, 4, 2, 3, 0, 1]),
        ("hardest", [1, 0, 2, 3, 4, 5]),  # confidently wrong, then right by ever more confidence
        ("easiest", [5, 4, 3, 2, 0, 1]),
    ],
)
def test_images_are_ranked_by_cost_and_by_ease(order: str, wanted: list[int]) -> None:
    assert statistics.ranked(traces(), COSTS["cp"], ALL, order).tolist() == wanted
    assert statistics.ranked(traces(), COSTS["cp"], ALL[3:], order).tolist() == [i for i in wanted if i >= 3]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Filter(), [0, 1, 2, 3, 4, 5]),
        (Filter(classes=("b", "c")), [1, 2, 3, 4, 5]),
        (Filter(verdict="wrong"), [1]),
        (Filter(taken=((2, "skip"), (3, "full"))), [2, 3]),
        (Filter(vector="12"), [4]),
        (Filter(low=50), [2, 3, 4, 5]),
        (Filter(low=50, high=53.13), [2, 3, 4]),
        (Filter(classes=("c",), verdict="right", taken=((2, "skip"),), low=10), [3]),
        (Filter(classes=("a",), verdict="wrong"), []),
    ],
)
def test_filters_combine_and_a_link_gives_them_back(wanted: Filter, left: list[int]) -> None:
    assert passing(wanted, traces(), COSTS["cp"]).tolist() == left
    options = traces().options
    for cost in ("cp", "energy"):
        page = {key: value for key, value in to_page(wanted, options, cost).items() if value}
        assert from_page(page, traces(), cost) == wanted


def test_bounds_are_of_one_measure_and_a_decision_vector_of_one_option_set() -> None:
    wanted = Filter(classes=("b",), vector="12", low=50, high=60)
    page = to_page(wanted, traces().options, "energy")
    assert from_page(page, traces(), "cp") == Filter(classes=("b",), vector="12")
    assert from_page(page | {"of": "skip.2.full"}, traces(), "energy") == Filter(classes=("b",), low=50, high=60)


def test_a_decision_vector_of_many_options_has_one_sign_for_each_block() -> None:
    many = ("skip", *map(str, range(2, 17)), "full")
    made = replace(traces(decisions=[(number, 16) for number in range(6, 12)]), options=many)
    wanted = Filter(vector=vector_code(made.decisions[5]))
    assert wanted.vector == "bg"
    assert passing(wanted, made, np.zeros(6)).tolist() == [5]
    assert from_page(to_page(wanted, many, "cp"), made, "cp") == wanted


def test_a_bound_that_a_link_rounds_keeps_the_images_that_cost_just_as_much() -> None:
    made = traces()
    for cost, shown in ((100 / 3, "33.3333333"), (200 / 3, "66.6666667")):  # written too low, and too high
        wanted = Filter(low=cost, high=cost)
        page = {key: value for key, value in to_page(wanted, made.options, "cp").items() if value}
        assert (page["low"], page["high"]) == (shown, shown)
        assert passing(from_page(page, made, "cp"), made, np.full(6, cost)).tolist() == ALL.tolist()
        assert not len(passing(from_page(page, made, "cp"), made, np.full(6, cost + 0.01)))


def test_a_group_of_costs_above_a_hundred_percent_finds_its_own_images_again() -> None:
    one = np.zeros(6, int)
    made = replace(traces(), labels=one, predictions=one, confidence=one, decisions=np.zeros((6, 2), np.uint8))
    cost = np.array([104.83712, 104.83712, 212.49917, 212.50251, 345.67891, 1234.56789])
    for row in statistics.cost_rows(made, cost, np.arange(6)):
        page = to_page(Filter(low=row["from"], high=row["to"]), made.options, "macs")
        wanted = from_page(page, made, "macs")
        inside = (cost >= row["from"]) & (cost <= row["to"])
        assert passing(wanted, made, cost).tolist() == np.flatnonzero(inside).tolist()
    old = Filter(low=float("1234.57"), high=float("1234.57"))  # as links were written before
    assert passing(old, made, cost).tolist() == [5]


@pytest.mark.parametrize("names", [("st. bernard", "b", "c"), ("a", "a.b", "b"), ("x~1y", "x.y", "~"), ("a", "b", "c")])
def test_a_class_with_a_full_stop_in_its_name_can_be_filtered_by(names: tuple[str, str, str]) -> None:
    made = replace(traces(), classes=names)
    for chosen in ((names[0],), (names[1],), names[1:], names):
        wanted = Filter(classes=chosen, answers=chosen[:1])
        assert from_page(to_page(wanted, made.options, "cp"), made, "cp") == wanted
    assert from_page({"class": "a.c"}, traces(), "cp") == Filter(classes=("a", "c")), "links of before"


def test_what_a_link_asks_for_that_does_not_exist_is_left_out() -> None:
    page = {"class": "a.zebra", "verdict": "maybe", "taken": "9-full.2-4.x-full.3-full", "policy": "99", "low": "much"}
    assert from_page(page, traces(), "cp") == Filter(classes=("a",), taken=((3, "full"),))


def test_a_decision_is_asked_for_by_one_click_and_no_more_by_a_second() -> None:
    once = Filter(verdict="right").toggled(3, "full").toggled(2, "skip")
    assert once.taken == ((2, "skip"), (3, "full"))
    assert once.toggled(2, "8").taken == ((2, "8"), (3, "full")), "a block takes one option"
    assert once.toggled(3, "full").taken == ((2, "skip"),)
    assert vector_code(np.array([0, 2])) == "02"


def test_cost_changes_are_counted_by_image_and_by_class_and_block() -> None:
    a, b = traces(), traces(decisions=((0, 1), (0, 2), (0, 1), (0, 2), (1, 2), (2, 2)))
    found = two_points.cost_change(a, b, (CONFIG, CONFIG), "cp")
    assert (found.less, found.same, found.more) == (1, 4, 1)
    assert found.a == found.b == pytest.approx(sum(CP) / 6)
    rows = {
        (row["class"], row["block"]): row["more"]
        for row in two_points.class_block_rows(a, b, (CONFIG, CONFIG), groups("abc"))
    }
    assert set(rows.values()) == {0.0}, "in class b one image pays what the other saves"
    c = traces(decisions=((1, 1), (0, 1), (0, 2), (0, 2), (1, 2), (2, 2)))
    rows = {
        (row["class"], row["block"]): row["more"]
        for row in two_points.class_block_rows(a, c, (CONFIG, CONFIG), groups("abc"))
    }
    assert rows[("a", 2)] == 6.25
    assert rows[("a", 3)] == rows[("b", 2)] == 0


def test_where_backbones_differ_part_of_the_difference_may_be_theirs() -> None:
    plain, strong = (make_card(name, "backbone", backbone_config(8)) for name in ("plain", "strong"))
    a = make_card("a", "dfs", CONFIG, parents=("plain",))
    b, c = (make_card(name, "dfs", CONFIG, parents=("strong",)) for name in "bc")
    among = [plain, strong, a, b, c]
    words = two_points.backbones_in_words(a, b, among)
    assert (
        words
        == "A was trained from the backbone plain, B from strong: part of the difference may come from the backbones."
    )
    assert "the backbone plain, B from strong" in two_points.backbones_in_words(plain, b, among)
    assert two_points.backbones_in_words(b, c, among) == ""
    assert two_points.backbones_in_words(strong, c, among) == ""
    assert two_points.backbones_in_words(plain, strong, among) == "", "there the difference is theirs alone"
    assert two_points.backbones_in_words(a, b, [a, b]) == "", "unknown ones are not told apart"
