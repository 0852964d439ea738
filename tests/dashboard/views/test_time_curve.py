"""The chart of accuracy against measured time: what stands where, and where each accuracy comes from."""

from __future__ import annotations

import pytest
from surveys import MACHINE, Made, survey

from dashboard.drawing.palette import DARK, LIGHT
from dashboard.views.points import PointRow
from dashboard.views.time_curve import RIVALS, in_words, time_curve, timed_rows


def point(checkpoint: str, family: str, accuracy: float, budget: float | None = None, cp: float = 6.0) -> PointRow:
    return {
        **dict.fromkeys(PointRow.__annotations__),
        "checkpoint": checkpoint,
        "family": family,
        "group": family.title(),
        "accuracy": accuracy,
        "budget": budget,
        "cp": cp,
    }  # type: ignore[typeddict-item,return-value]


POINTS = [
    point("plain", "backbone", 93.6, cp=100.0),
    point("static", "static", 93.0),
    point("any", "every-budget", 90.0, 1.0, 1.1),
    point("any", "every-budget", 92.0, 2.0, 2.1),
    point("any", "shuffled", 50.0, 2.0),
]
TIMINGS: list[Made] = [
    ("plain", None, True, 4, 10.0),
    ("plain", None, False, 4, 4.0),
    ("static", None, False, 4, 2.0),
    ("any", 2.0, False, 4, 3.0),
    ("any", 1.5, False, 4, 2.5),
    ("gone", None, False, 4, 1.0),
    ("static", None, False, 1, 1.0),
]
ROWS = timed_rows(survey("plain", MACHINE, TIMINGS), POINTS, 4)


def test_times_are_of_one_image_and_only_of_that_batch_size() -> None:
    assert [row["ms"] for row in ROWS] == [2.5, 1.0, 0.5, 0.75, 0.625]
    assert [row["images_per_second"] for row in ROWS] == [400, 1000, 2000, pytest.approx(4000 / 3), 1600]
    assert [row["speed"] for row in ROWS] == [1, 2.5, 5, pytest.approx(10 / 3), 4]
    assert [row["ms"] for row in timed_rows(survey("plain", MACHINE, TIMINGS), POINTS, 1)] == [1.0]


def test_an_accuracy_is_measured_interpolated_or_that_of_the_same_network() -> None:
    assert [(row["what"], row["accuracy"], row["accuracy_is"]) for row in ROWS] == [
        ("rival", 93.6, "that of the same network on the engine"),
        ("plain None", 93.6, "measured"),
        ("static None", 93.0, "measured"),
        ("any 2.0", 92.0, "measured"),
        ("any 1.5", 91.0, "interpolated between measured budgets"),
    ]
    (below,) = timed_rows(survey("plain", MACHINE, [("any", 0.5, False, 4, 2.0)]), POINTS, 4)
    assert (below["accuracy"], below["accuracy_is"]) == (90.0, "that of the nearest measured budget")
    assert [row["cp"] for row in ROWS] == [None, 100.0, 6.0, 2.1, pytest.approx(1.6)]
    assert [row["group"] for row in ROWS] == [RIVALS, "Backbone", "Static", "Every-Budget", "Every-Budget"]


def test_the_finding_names_the_fastest_of_the_good_ones_and_no_rival() -> None:
    assert in_words(ROWS).startswith("Fastest within half a point of the best (93.60 %): plain None, 93.60 % at 1 ms")
    assert in_words([row for row in ROWS if row["group"] == RIVALS]) == ""


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_chart_holds_every_row_and_rings_the_one_in_use(colours) -> None:
    figure = time_curve(ROWS, POINTS, "any", 1.9, colours)
    assert [row["what"] for row in figure.data["timed"] if row["in_use"]] == ["any 2.0"]
    assert [(row["what"], row["left"]) for row in figure.data["rivals"]] == [("rival", False)]
    assert [key.text for key in figure.legend] == ["Backbone", "Static", "Every-Budget", RIVALS]
    low, high = figure.spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < 0.5 < 2.5 < high
