"""Confusions: counted by hand, by class and by superclass, drawn, and as a filter."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import ALL, COSTS, traces

from dashboard.answers.classes import Group, groups
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.testset.confusions import confusion_chart, confusion_rows, drawn, in_words, least_width
from dashboard.testset.filters import Filter, from_page, passing, to_page
from dfs_core.data.known import KNOWN

WRONG = traces(predictions=(1, 2, 2, 2, 0, 1))  # labels 0, 1, 1, 2, 2, 2
BY_CLASS = groups(WRONG.classes)
NAMES = tuple(group.name for group in BY_CLASS)


def test_wrong_predictions_are_counted_by_what_they_are_and_what_was_said() -> None:
    rows = confusion_rows(WRONG, ALL, BY_CLASS)
    found = {(row["truth"], row["answer"]): (row["images"], row["share"]) for row in rows}
    third = pytest.approx(100 / 3)
    assert found == {("a", "b"): (1, 100.0), ("b", "c"): (2, 100.0), ("c", "a"): (1, third), ("c", "b"): (1, third)}
    assert rows[0]["images"] == 2, "the most frequent first"
    assert confusion_rows(traces(predictions=(0, 1, 1, 2, 2, 2)), ALL, BY_CLASS) == []


def test_only_the_chosen_images_count_and_their_share_is_of_all_images_of_the_class() -> None:
    rows = confusion_rows(WRONG, np.array([0, 3, 4]), BY_CLASS)
    third = pytest.approx(100 / 3)
    assert [(row["truth"], row["answer"], row["share"]) for row in rows] == [("a", "b", 100.0), ("c", "a", third)]


def test_within_a_superclass_a_prediction_can_be_wrong_too() -> None:
    two = (Group("ab", ("a", "b"), (0, 1)), Group("c", ("c",), (2,)))
    found = {(row["truth"], row["answer"]): row["images"] for row in confusion_rows(WRONG, ALL, two)}
    assert found == {("ab", "ab"): 1, ("ab", "c"): 2, ("c", "ab"): 2}
    (inside,) = (row for row in confusion_rows(WRONG, ALL, two) if row["truth"] == row["answer"])
    assert in_words(inside) == "one class of ab taken for another, 1 image"


def test_of_a_thousand_classes_the_chart_has_the_hundred_that_are_confused_most() -> None:
    many = groups([f"class {number}" for number in range(1000)])
    rows = [
        {"truth": f"class {number}", "answer": f"class {number + 1}", "images": number, "share": 1.0}
        for number in range(0, 1000, 2)
    ]
    names = drawn(rows, many)
    assert names == tuple(f"class {number}" for number in range(900, 1000))
    figure = confusion_chart(rows, names, None, LIGHT)
    assert {row["truth"] for row in figure.data["confusions"]} == set(names[::2])
    assert max(row["strength"] for row in figure.data["confusions"]) == 1
    assert drawn([], BY_CLASS) == NAMES, "of a few, also those that are never confused"


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_chart_has_a_place_for_every_class_and_marks_the_filter(colours) -> None:
    figure = confusion_chart(confusion_rows(WRONG, ALL, BY_CLASS), NAMES, ("b", "c"), colours)
    assert [row["truth"] for row in figure.data["confusions"] if row["edge"] == colours.accent] == ["b"]
    axes = figure.spec["layer"][0]["encoding"]
    assert axes["x"]["scale"]["domain"] == axes["y"]["scale"]["domain"] == ["a", "b", "c"]
    assert len(figure.spec["layer"]) == 2, "cells and their numbers"
    assert len(confusion_chart([], KNOWN["cifar100"].classes, None, colours).spec["layer"]) == 1


def test_cells_stay_wide_enough_for_their_numbers() -> None:
    few = tuple(group.name for group in groups(KNOWN["cifar100"].classes))
    assert len(few) == 20
    assert least_width(few) >= 20 * 20 + 100, "a phone scrolls"
    assert least_width(KNOWN["cifar100"].classes) >= 100 * 7
    assert least_width(NAMES) < 300, "of few classes nothing scrolls"


def test_a_confusion_is_a_filter_and_survives_a_link() -> None:
    wanted = Filter(classes=("b",), answers=("c",), verdict="wrong")
    assert passing(wanted, WRONG, COSTS["cp"]).tolist() == [1, 2]
    page = {key: value for key, value in to_page(wanted, WRONG.options, "cp").items() if value}
    assert from_page(page, WRONG, "cp") == wanted
    assert from_page({"answer": "z.c"}, WRONG, "cp") == Filter(answers=("c",))
