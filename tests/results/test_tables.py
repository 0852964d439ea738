"""The README's choice of points, and the page that has them all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dfs_core.errors import UserError
from dfs_core.results.comparison import Comparison
from dfs_core.results.measurement import DIAL, Measurement
from dfs_core.results.networks import side_by_side
from dfs_core.results.tables import (
    BEGIN,
    END,
    _signed,
    comparisons_table,
    full_page,
    headlines,
    networks_table,
    points_table,
    tables,
    with_headlines,
)


def point(
    checkpoint: str, family: str, cp: float, accuracy: float, loss: float | None, backbone: str = "plain"
) -> Measurement:
    measured = {"n": 10_000, "accuracy": accuracy, "low": 89.0, "high": 91.0, "cp": cp, "all_in": 9.0}
    about = {
        "dataset": "cifar10",
        "depth": 38,
        "network": "ResNet-38",
        "seed": 0,
        "split": "test",
        "label": checkpoint,
        "made_by": "",
    }
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


def test_no_table_has_points_of_two_networks() -> None:
    cifar = [point("plain", "backbone", 100.0, 93.6, None), point("fixed", "static", 1.0, 92.0, 1.6)]
    fruit = [replace(point("tiny-fruit", "backbone", 100.0, 100.0, None), dataset="fruit")]
    told = points_table([*fruit, *cifar])
    parts = dict(part.split("\n\n") for part in f"\n\n{told}".split("\n\n### ")[1:])
    ours, theirs = "ResNet-38 on CIFAR-10", "ResNet-38 on fruit"
    assert list(parts) == [ours, theirs]
    assert "tiny-fruit" not in parts[ours]
    assert "fixed" not in parts[theirs]
    assert points_table(cifar) == parts[ours], "one network needs no heading"
    three = (
        comparison("plain"),
        replace(comparison("tiny-fruit"), dataset="fruit"),
        replace(comparison("deep"), network="ResNet-74"),
    )
    assert comparisons_table(three).count("### ") == 3


def test_a_wider_network_of_the_same_depth_has_a_table_of_its_own() -> None:
    both = [point("plain", "backbone", 100.0, 90.0, None), point("wide", "backbone", 100.0, 95.0, None, "wide")]
    page = points_table([both[0], replace(both[1], network="ResNet-38 x2")])
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "### ResNet-38 on CIFAR-10",
        "### ResNet-38 x2 on CIFAR-10",
    ]


def test_where_the_backbone_is_not_here_the_most_accurate_point_stands_for_a_method() -> None:
    points = [replace(point("every", "every-budget", cp, 80.0 + cp, None), backbone=None) for cp in (0.4, 5.0)]
    assert [row.cp for row in headlines(points)] == [5.0]


def test_the_networks_stand_side_by_side_at_the_same_costs() -> None:
    def of(network: str, depth: int, dataset: str) -> list[Measurement]:
        plain = point(network, "backbone", 100.0, 90.0 + depth / 100, None, network)
        static = replace(point(f"static4-{network}", "static", 1.56, 80.0, 1.0, network), budget=None)
        cascade = [point(f"cascade-{network}", "cascade", cp, 85.0 + cp, 1.0, network) for cp in (0.5, 1.0)]
        return [
            replace(one, depth=depth, network=f"ResNet-{depth}", dataset=dataset)
            for one in (replace(plain, budget=None), static, *cascade)
        ]

    deep, small = of("deep", 74, "cifar100"), of("small", 38, "cifar100")
    first = of("first", 38, "cifar10")[:1]
    lines = networks_table([*deep, *small, *first]).splitlines()
    assert lines[0] == "| test accuracy (95 % interval), cp | first | small | deep |"
    plain, deeper, static, cascade = (
        f"{accuracy} % (89.00 to 91.00), {cp} %"
        for accuracy, cp in (("90.38", "100.00"), ("90.74", "100.00"), ("80.00", "1.56"), ("86.00", "1.00"))
    )
    assert lines[2:] == [
        f"| backbone | {plain} | {plain} | {deeper} |",
        f"| static 4 bits, 1.56 % |  | {static} | {static} |",
        f"| Cascade at 1 % |  | {cascade} | {cascade} |",
    ]
    cheap, dear = (point("skipnet-small", "skipnet", cp, 80.0 + cp, 1.0, "small") for cp in (60.0, 80.0))
    (found,) = (row for row in side_by_side([*small, cheap, dear]) if row.title == "SkipNet at 70 %")
    assert found.points == (cheap,), "at 70 % its decisions are those at 60 %, or it would have a point of its own"
    assert "SkipNet" not in [row.title for row in side_by_side([*small, cheap])], "it does not serve 70 %"
    assert "## The networks side by side" in tables([*deep, *small], [])
    assert "side by side" not in tables(small, []), "one network has nothing beside it"


def test_headlines_are_of_one_data_set_even_where_no_backbone_is_known() -> None:
    points = [replace(point(f"c{n}", f"family{n}", 10.0, 90.0, 0.0), backbone=None) for n in range(3)]
    other = replace(points[0], checkpoint="tiny-fruit", dataset="fruit", family="static", accuracy=100.0)
    assert "tiny-fruit" not in [row.checkpoint for row in headlines([other, *points])]


def comparison(static: str) -> Comparison:
    figures = {"static_cp": 1.0, "dynamic_cp": 1.0, "static_accuracy": 90.0, "dynamic_accuracy": 91.0}
    difference = {"difference": 1.0, "low": 0.5, "high": 1.5, "n": 10_000}
    return Comparison(
        dataset="cifar10",
        network="ResNet-38",
        dynamic="x",
        budget=1.0,
        static=static,
        static_budget=None,
        **figures,
        **difference,
    )


def test_a_name_with_a_bar_breaks_no_row_and_no_zero_is_negative() -> None:
    rows = [point("a|b", "skipnet", 40.0, 90.0, 0.5), point("c", "skipnet", 50.0, 90.0, 0.5)]
    bars = {line.count("|") for line in points_table(rows).splitlines()}
    assert len(bars) == 1
    assert _signed(-0.001) == "+0.00"
    assert _signed(-0.01) == "-0.01"
