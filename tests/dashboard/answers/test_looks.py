"""What came of looking again is counted from the stored traces, image by image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up import ALL, CASCADE, looked_at, traces
from tiny import make_card

from dashboard.answers import looks
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.classes import groups
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.ui.links import State
from dashboard.ui.page import Opened
from dashboard.views import looks as views
from dashboard.views.passes_chart import change_chart, passes_chart
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.trace import PassTrace


def test_passes_and_changed_answers_are_counted() -> None:
    found = looks.looked(looked_at(), CASCADE)
    assert (found.images, found.needed, found.again) == (6, (2, 2, 2), 4)
    assert (found.first, found.righted, found.spoiled) == (3, 1, 1)
    assert found.right == found.first + found.righted - found.spoiled
    assert (found.share, found.passes) == (pytest.approx(66.67, abs=0.01), 2.0)
    one = 100 * np.cumsum([(bits / 32) ** 2 for bits in (2, 4, 8)])
    assert found.costs["cp"] == pytest.approx(one.mean())


def test_outcomes_add_up_to_what_was_looked_at_again() -> None:
    rows = looks.change_rows(looks.looked(looked_at(), CASCADE))
    assert {row["outcome"]: row["images"] for row in rows} == {
        "stayed right": 1,
        "put right": 1,
        "put wrong": 1,
        "stayed wrong": 1,
    }
    assert looks.change_rows(looks.looked(looked_at(), CASCADE, np.array([0, 1]))) == []
    drawn = change_chart(rows, LIGHT).data["outcomes"]
    assert [row["name"] for row in drawn] == ["1 · 25.0 %"] * 4
    assert [row["outcome"] for row in drawn if row["ink"] == LIGHT.wrong] == ["put wrong"]


def test_only_the_chosen_images_count() -> None:
    found = looks.looked(looked_at(), CASCADE, np.array([0, 4]))
    assert (found.images, found.needed, found.righted, found.spoiled) == (2, (1, 0, 1), 0, 1)


def test_a_network_without_passes_has_changed_nothing() -> None:
    assert not looks.changed(traces(), "righted").any()
    with pytest.raises(ValueError, match="not a cascade's"):
        looks.looked(traces(), CASCADE)


def test_classes_come_by_how_often_they_are_looked_at_again() -> None:
    rows = looks.class_rows(looked_at(), CASCADE, ALL, groups("abc"))
    assert [row["group"] for row in rows if row["passes"] == 1] == ["c", "b", "a"]
    shares = {(row["group"], row["passes"]): row["share"] for row in rows}
    assert shares[("b", 1)] == shares[("b", 2)] == 50
    assert {row["group"]: row["again"] for row in rows} == {"a": 0, "b": 50, "c": 100}
    assert all(row["end"] == pytest.approx(100) for row in rows if row["passes"] == 3)


def test_bins_are_those_of_the_first_passs_confidence() -> None:
    rows = looks.confidence_rows(looked_at(), CASCADE, ALL)
    counts = {row["group"]: row["of"] for row in rows}
    assert counts == {"0 to 50 %": 2, "50 to 60 %": 1, "60 to 70 %": 1, "95 to 99 %": 2}
    assert [row["again"] for row in rows if row["passes"] == 1] == [100, 100, 100, 0]


def test_a_bar_has_a_segment_for_each_number_of_passes_in_the_colour_of_its_option() -> None:
    rows = looks.class_rows(looked_at(), CASCADE, ALL, groups("abc"))
    for colours in (LIGHT, DARK):
        figure = passes_chart(rows, CASCADE, colours, ("b", 2))
        drawn = figure.data["segments"]
        assert {(row["passes"], row["fill"]) for row in drawn} == {
            (n, colours.option(o)) for n, o in enumerate("248", 1)
        }
        assert [row["group"] for row in drawn if row["edge"] == colours.accent] == ["b"]
        assert [key.text for key in figure.legend] == [
            "1 pass, 2 bits",
            "2 passes, up to 4 bits",
            "3 passes, up to 8 bits",
        ]


def test_budgets_are_listed_lowest_first_with_their_limits() -> None:
    few = looked_at()
    assert few.looks is not None
    none = replace(few, looks=replace(few.looks, passes=np.ones(6, np.uint8)))
    rows = looks.budget_rows([(8.0, few), (0.5, none)], CASCADE)
    assert [(row["budget"], row["limit"]) for row in rows] == [(0.5, 0.0), (8.0, 9.0)]
    assert [row["again"] for row in rows] == [0, pytest.approx(66.67, abs=0.01)]


def test_a_lead_is_told_beside_its_limit_as_odds() -> None:
    look = PassTrace(("2",), "cat", 0.5, np.log(4.0), np.log(12.0))
    assert looks.missed(look)
    assert looks.against_limit(look) == "4.0 < 12\N{MULTIPLICATION SIGN}"
    assert looks.against_limit(replace(look, lead=3.0)) == "20 ≥ 12\N{MULTIPLICATION SIGN}"
    assert looks.against_limit(replace(look, limit=None)) == ""
    near = replace(look, lead=np.log(1101.0), limit=np.log(1102.0))
    assert looks.lead_and_limit(near) == ("1,101", "1,102"), "as many digits as tell them apart"
    assert looks.lead_and_limit(replace(look, limit=look.lead)) == ("4.0", "4.0")
    assert looks.against_limit(replace(look, limit=23.2375)) == "4.0 < 1.2·10¹⁰\N{MULTIPLICATION SIGN}"
    assert (looks.times(np.log(999_000)), looks.times(np.log(1e6)), looks.times(np.log(9.96e6))) == (
        "1,000,000",
        "10⁶",
        "10⁷",
    )


def test_of_many_classes_whole_bars_are_drawn_and_classes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.answers.classes.MOST", 2)
    card = make_card("cascade", "cascade", CASCADE)
    page = Opened(Catalogue((card,)), State(card.name), OperatingPoint(card), LIGHT)
    view = views.by_class(page, looked_at(), ALL)
    segments = view.draw(LIGHT).data["segments"]
    assert {row["group"] for row in segments} == {"c", "a"}, "those looked at again most and least often"
    assert all(row["share"] == 100 for row in segments if row["group"] == "a"), "a whole bar"
    assert "has 2 of 3 classes" in view.notes
    assert {row["group"] for row in view.tables["passes by class"]()} == set("abc")
