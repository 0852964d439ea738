"""Charts of 100 classes show 20 superclasses, which open to the classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_up import traces

from dashboard.answers.classes import ends, groups, has_superclasses, largest, left_out
from dashboard.drawing.palette import LIGHT
from dashboard.testset import cost_charts, statistics
from dfs_core.data.known import KNOWN

C100 = KNOWN["cifar100"].classes


def test_every_class_of_cifar100_is_in_one_superclass_of_five():
    found = groups(C100)
    assert len(found) == 20
    assert {len(group.classes) for group in found} == {5}
    assert sorted(label for group in found for label in group.labels) == list(range(100))
    assert all(C100[label] == name for group in found for name, label in zip(group.classes, group.labels, strict=True))


def test_superclasses_open_to_classes_and_other_data_sets_have_none():
    opened = groups(C100, opened=True)
    assert [group.classes for group in opened] == [(name,) for name in C100]
    assert opened[1].name == "aquarium fish", "as it is shown"
    assert [group.name for group in groups(KNOWN["cifar10"].classes)] == list(KNOWN["cifar10"].classes)
    assert not has_superclasses(C100[:99])


def test_a_superclass_has_the_images_of_its_classes_and_is_right_where_their_classes_are():
    fish = [C100.index(name) for name in ("trout", "shark", "ray")]
    labels = np.array([*fish, C100.index("rose")])
    said = np.array([fish[0], fish[0], fish[2], C100.index("rose")])
    made = replace(
        traces(),
        classes=C100,
        labels=labels,
        predictions=said,
        confidence=np.ones(4, np.float32),
        decisions=np.zeros((4, 2), np.uint8),
    )
    cost = np.array([1.0, 2.0, 3.0, 9.0])
    first, second = statistics.class_rows(made, cost, np.arange(4), groups(C100))
    assert (first["class"], first["images"], first["cost"]) == ("fish", 3, 2.0)
    assert round(first["accuracy"], 1) == 66.7, "a shark that is called a trout is wrong"
    assert second["class"] == "flowers"
    chart = cost_charts.class_chart([first, second], "cp", ["fish"], LIGHT)
    assert [row["ink"] == LIGHT.accent for row in chart.data["classes"]] == [True, False]


def test_long_names_have_room():
    rows = [{"class": "large omnivores and herbivores"} | dict.fromkeys(("cost", "low", "high", "p10"), 1.0)]
    assert cost_charts.class_chart(rows, "cp", [], LIGHT).spec["padding"]["left"] >= 195


def test_of_a_thousand_classes_a_chart_has_a_hundred_and_says_so():
    rows = list(range(1000))
    assert ends(rows) == [*range(50), *range(950, 1000)]
    assert ends(rows[:100]) == rows[:100]
    assert largest({f"{row}": row % 500 for row in rows}) == tuple(f"{row}" for row in rows if row % 500 >= 450)
    assert "100 of 1,000 classes, the least and the most; the table has all" in left_out(1000, "the least and the most")
    assert left_out(100, "the least and the most") == ""
