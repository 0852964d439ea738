"""The README's choice of points, and the page that has them all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dfs_core.errors import UserError
from dfs_core.results.comparison import Comparison
from dfs_core.results.measurement import DIAL, Measurement
from dfs_core.results.tables import (
    BEGIN,
    END,
    MOST,
    comparisons_table,
    full_page,
    headlines,
    points_table,
    with_headlines,
)


def point(
    checkpoint: str, family: str, cp: float, accuracy: float, loss: float | None, backbone: str = "plain"
) -> Measurement:
    measured = {"n": 10_000, "accuracy": accuracy, "low": 89.0, "high": 91.0, "cp": cp, "all_in": 9.0}
    about = {"dataset": "cifar10", "depth": 38, "seed": 0, "split": "test", "label": checkpoint, "made_by": ""}
    about |= {"backbone": backbone, "loss": loss, "budget": None if family == DIAL else cp}
    return Measurement(family=family, checkpoint=checkpoint, policies=5, **measured, **about)


def test_each_method_shows_its_cheapest_point_near_its_backbone_or_its_best() -> None:
    points = [
        point("plain", "backbone", 100.0, 94.0, None),
        *(point("every", "every-budget", cp, 94.0 - loss, loss) for cp, loss in ((0.4, 4.0), (1.5, 0.9), (5.0, 0.2))),
        *(point("skip", "skipnet", cp, 94.0 - loss, loss) for cp, loss in ((40.0, 8.0), (70.0, 3.0), (60.0, 5.0))),
        *(point("fixed", DIAL, cp, 93.5, 0.5) for cp in (6.25, 20.0)),
        point("other", "dfs", 1.0, 99.0, 0.1, backbone="another"),
    ]
    shown = headlines(points)
    assert [(row.checkpoint, row.cp) for row in shown] == [
        ("plain", 100.0),
        ("skip", 70.0),
        ("fixed", 6.25),
        ("every", 1.5),
    ]
    assert headlines([]) == []


def test_the_table_has_no_more_rows_than_fit_on_a_screen() -> None:
    points = [point(f"c{number}", f"family{number}", 100.0 - number, 90.0, 0.0) for number in range(20)]
    assert len(headlines(points)) == MOST == 9


def test_headlines_stand_between_their_marks_and_everything_on_a_page_of_its_own() -> None:
    points = [point("skip", "skipnet", cp, 90.0, 0.5) for cp in (40.0, 60.0, 80.0)]
    text = with_headlines(f"before\n{BEGIN}\nold\n{END}\nafter\n", points)
    assert text.startswith(f"before\n{BEGIN}\n\n| method |")
    assert text.endswith(f"|\n\n{END}\nafter\n")
    assert "old" not in text
    assert "| SkipNet | skip at 40 % |" in text
    assert "60" not in text
    assert with_headlines(text, points) == text
    page = full_page(points, [], [], [])
    assert points_table(points) in page
    assert "blocks that differ" in page.partition("| checkpoint |")[0], "what the columns mean stands above them"
    with pytest.raises(UserError, match="no place for the table"):
        with_headlines("# No marks", points)


def test_no_table_has_points_of_two_data_sets() -> None:
    cifar = [point("plain", "backbone", 100.0, 93.6, None), point("fixed", "static", 1.0, 92.0, 1.6)]
    fruit = [replace(point("tiny-fruit", "backbone", 100.0, 100.0, None), dataset="fruit")]
    told = points_table([*fruit, *cifar])
    parts = dict(part.split("\n\n") for part in f"\n\n{told}".split("\n\n### ")[1:])
    assert list(parts) == ["cifar10", "fruit"]
    assert "tiny-fruit" not in parts["cifar10"]
    assert "fixed" not in parts["fruit"]
    assert points_table(cifar) == parts["cifar10"], "one data set needs no heading"
    pair = comparison("plain"), replace(comparison("tiny-fruit"), dataset="fruit")
    assert comparisons_table(pair).count("### ") == 2


def test_headlines_are_of_one_data_set_even_where_no_backbone_is_known() -> None:
    points = [replace(point(f"c{n}", f"family{n}", 10.0, 90.0, 0.0), backbone=None) for n in range(3)]
    other = replace(points[0], checkpoint="tiny-fruit", dataset="fruit", family="static", accuracy=100.0)
    assert "tiny-fruit" not in [row.checkpoint for row in headlines([other, *points])]


def comparison(static: str) -> Comparison:
    figures = {"static_cp": 1.0, "dynamic_cp": 1.0, "static_accuracy": 90.0, "dynamic_accuracy": 91.0}
    difference = {"difference": 1.0, "low": 0.5, "high": 1.5, "n": 10_000}
    return Comparison(
        dataset="cifar10", dynamic="x", budget=1.0, static=static, static_budget=None, **figures, **difference
    )
