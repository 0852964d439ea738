"""The README's choice of points and comparisons."""

from __future__ import annotations

import pytest

from dfs_core.errors import UserError
from dfs_core.results.comparison import Comparison
from dfs_core.results.measurement import DIAL, Measurement
from dfs_core.results.tables import (
    BEGIN,
    END,
    full_page,
    headline_comparisons,
    headline_points,
    points_table,
    with_headlines,
)


def comparison(static: str, cp: float, accuracy: float, dynamic: str = "every") -> Comparison:
    budget = None if static.startswith("static") else cp
    return Comparison(dynamic, cp, static, budget, cp, cp, 90.0, accuracy, 90.0 - accuracy, -1.0, 1.0, 10_000)


def point(checkpoint: str, budget: float | None, family: str = "x") -> Measurement:
    measured = {"n": 10_000, "accuracy": 90.0, "low": 89.0, "high": 91.0, "cp": budget or 1.0, "all_in": 9.0}
    measured |= {"macs": None, "energy": None}
    about = {"dataset": "cifar10", "depth": 38, "seed": 0, "split": "test", "label": checkpoint, "made_by": ""}
    about |= {"backbone": "plain", "loss": None}
    dynamics = {"policies": 5, "minority_blocks": None, "cp_variation": None, "shuffled": None}
    return Measurement(family=family, checkpoint=checkpoint, budget=budget, **measured, **about, **dynamics)


ROWS = [
    comparison("mix", 0.65, 88.0),
    comparison("mix", 0.88, 89.0),  # at none of the costs
    comparison("mix", 1.55, 90.5),
    comparison("static4", 1.5625, 90.0),  # the weaker one at its cost
    comparison("static4", 1.5625, 90.0, "once"),
]


def test_each_method_meets_the_best_static_one_of_each_cost() -> None:
    found = headline_comparisons(ROWS)
    assert [(row.dynamic, row.static, row.static_cp) for row in found] == [
        ("every", "mix", 0.65),
        ("every", "mix", 1.55),
        ("once", "static4", 1.5625),
    ]


def test_points_are_those_compared_and_else_the_ends() -> None:
    points = [
        point("backbone", None),
        *(point("every", budget) for budget in (0.65, 0.88, 1.55, 5.0)),
        *(point("mix", budget) for budget in (0.65, 0.88, 1.55)),
        *(point("skipnet", budget) for budget in (40.0, 60.0, 80.0)),
        *(point("fixed", budget, DIAL) for budget in (6.25, 8.0, 10.0)),
        point("fixed", 20.0),
    ]
    shown = [(row.checkpoint, row.budget) for row in headline_points(points, headline_comparisons(ROWS))]
    assert shown == [
        ("backbone", None),
        *[("every", budget) for budget in (0.65, 1.55)],
        *[("mix", budget) for budget in (0.65, 1.55)],
        *[("skipnet", budget) for budget in (40.0, 80.0)],
        *[("fixed", budget) for budget in (6.25, 10.0)],
        ("fixed", 20.0),
    ]


def test_headlines_stand_between_their_marks_and_everything_on_a_page_of_its_own() -> None:
    points = [point("skipnet", budget) for budget in (40.0, 60.0, 80.0)]
    text = with_headlines(f"before\n{BEGIN}\nold\n{END}\nafter\n", points, ROWS)
    assert text.startswith(f"before\n{BEGIN}\n\n| checkpoint |")
    assert text.endswith(f"|\n\n{END}\nafter\n")
    assert "old" not in text
    assert "| 60 % |" not in text
    assert with_headlines(text, points, ROWS) == text
    assert points_table(points) in full_page(points, [], [], [])
    with pytest.raises(UserError, match="no place for the tables"):
        with_headlines("# No marks", points, ROWS)
