"""The front of the curve: what it joins, what it hides, and points that would be cut off or lie on each other."""

from __future__ import annotations

import re
from typing import Any

import pytest
import vl_convert

from dashboard.drawing.palette import LIGHT
from dashboard.views.build import point_table
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import HEIGHT, accuracy_curve
from dashboard.views.front import front
from dashboard.views.points import _BLANK


def point(name: str, cp: float, accuracy: float, family: str = "dfs", **more: Any) -> dict[str, Any]:
    return (
        _BLANK
        | {"family": family, "group": family, "checkpoint": name, "label": name, "network": "one"}
        | {
            "cp": cp,
            "accuracy": accuracy,
            "line": family,
            "source": "made up",
            **more,
        }
    )


POINTS = [
    point("a", 1, 90),
    point("b", 2, 89),
    point("c", 3, 93),
    point("d", 3, 92),
    point("shuffled", 1, 95, "shuffled"),
]
BESIDE = [point("e", 1, 91, network="two"), point("f", 2, 90, network="two")]


def names(points: Any) -> list[str]:
    return [one["checkpoint"] for one in points]


def test_no_point_beats_one_of_the_front_and_equals_are_on_it_together():
    pairs = [(2.0, 89.0), (1.0, 90.0), (3.0, 93.0), (1.0, 90.0), (3.0, 92.0)]
    assert front(pairs, lambda one: one[0], lambda one: one[1]) == [(1.0, 90.0), (1.0, 90.0), (3.0, 93.0)]


def test_the_front_is_of_checkpoints_own_points_in_view_and_each_networks_own():
    state = CurveState(POINTS, [], "cp", "log", beside=BESIDE)
    assert names(state.front) == ["a", "c"], "shuffled decisions are no network's"
    assert names(state.front_beside) == ["e"], "percent of another network are other percent"
    assert names(CurveState([*POINTS, point("g", 1, 94, "skipnet")], [], "cp", "log").front) == ["g"]
    assert names(CurveState([*POINTS, point("g", 1, 94, "skipnet")], [], "cp", "log", hidden=["skipnet"]).front) == [
        "a",
        "c",
    ]


def test_only_the_front_hides_the_others_but_the_point_in_use():
    state = CurveState(POINTS, [], "cp", "log", checkpoint="d", beside=BESIDE, only_front=True)
    assert (names(state.shown), names(state.shown_beside)) == (["a", "c", "d"], ["e"])
    figure = accuracy_curve(state, LIGHT)
    assert (names(figure.data["measured"]), names(figure.data["beside"])) == (["a", "c", "d"], ["e"])
    assert state.accuracies[1] < 95, "the axes are those of what is drawn"


def test_the_table_of_points_begins_with_what_is_compared_and_names_the_front():
    rows = point_table(CurveState(POINTS, [], "cp", "log", beside=BESIDE))
    assert list(rows[0])[:4] == ["label", "accuracy", "cp", "front"]
    assert [row["checkpoint"] for row in rows if row["front"]] == ["a", "c", "e"]


def test_a_point_at_100_percent_is_drawn_whole_and_no_figure_above_it_is_named():
    figure = accuracy_curve(CurveState([point("a", 1, 100), point("b", 2, 99)], [], "cp", "log", "a"), LIGHT)
    (top,) = {
        layer["encoding"]["y"]["scale"]["domain"][1]
        for layer in figure.spec["layer"]
        if "scale" in layer["encoding"].get("y", {})
    }
    low = 99 - 0.14
    assert HEIGHT * (top - 100) / (top - low) > 26, "room for the ring and for its number"
    svg = vl_convert.vegalite_to_svg(figure.spec | {"width": 480, "datasets": dict(figure.data)})
    assert ">100.0<" in svg
    assert ">100.2<" not in svg


def test_clicks_on_points_that_lie_on_each_other_take_one_after_the_other():
    same, chosen, seen = [point(name, 1, 90) for name in "abc"], "b", []
    for _ in range(4):
        rows = accuracy_curve(CurveState(same, [], "cp", "log", chosen), LIGHT).data["measured"]
        chosen = max(rows, key=lambda row: row["turn"])["checkpoint"]
        seen.append(chosen)
    assert seen == ["c", "a", "b", "c"]


@pytest.mark.parametrize("families", [("dfs", "static"), ("static",)])
def test_a_network_beside_has_hollow_marks_in_the_colours_of_its_families(families: tuple[str, ...]):
    own = [point(name, 1, 90, name) for name in ("dfs", "skipnet", "static")]
    state = CurveState(own, [], "cp", "log", beside=[point(name, 2, 91, name, network="two") for name in families])
    figure = accuracy_curve(state, LIGHT)
    ink = {row["family"]: row["ink"] for row in figure.data["measured"]}
    assert {row["family"]: row["ink"] for row in figure.data["beside"]} == {name: ink[name] for name in families}
    assert [key.text for key in figure.legend][-1] == "hollow: two"
    marks = [layer["mark"] for layer in figure.spec["layer"] if layer["data"]["name"] == "beside"]
    assert {mark.get("fill", LIGHT.background) for mark in marks} == {LIGHT.background}


def test_the_passes_of_a_cascade_may_cost_more_than_the_whole_network_and_are_drawn_all_the_same():
    dear = [*POINTS, point("again", 323, 92)]
    for scale in ("log", "linear"):
        low, high = CurveState(dear, [], "cp", scale).costs
        assert low < 1 <= 323 < high < 600
        assert CurveState(POINTS, [], "cp", scale).costs[1] in (105.0, 150.0), "otherwise the axis ends where it did"


def test_near_the_top_the_number_of_the_point_in_use_stands_below_it():
    state = CurveState([point("a", 1, 100), point("b", 2, 80)], [], "cp", "log", "a")
    figure = accuracy_curve(state, LIGHT)
    (aside,) = {layer["mark"]["dy"]["expr"] for layer in figure.spec["layer"] if layer["mark"].get("fontWeight") == 600}
    bound = float(re.fullmatch(r"datum\.accuracy > ([\d.]+) \? 22 : -20", aside)[1])
    assert 80 < bound < 100
