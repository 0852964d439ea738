"""Test set shows how often a cascade looked again, and which answers that changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up import CASCADE, looked_at, traces
from pages import control, go_to, text_of
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.answers import looks
from dashboard.testset import filters
from dashboard.testset.filters import Filter
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces

COST = looked_at().confidence


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(passes=(1,)), [0, 1]),
        (Filter(passes=(2, 3)), [2, 3, 4, 5]),
        (Filter(change="righted"), [2]),
        (Filter(change="spoiled"), [4]),
        (Filter(change="spoiled", passes=(2,)), []),
    ],
)
def test_images_are_found_by_their_passes_and_by_what_they_changed(wanted: Filter, found: list[int]) -> None:
    assert filters.passing(wanted, looked_at(), COST).tolist() == found
    page = {key: value for key, value in filters.to_page(wanted, CASCADE.option_set.names, "cp").items() if value}
    assert filters.from_page(page, looked_at(), "cp") == wanted


def test_links_with_passes_say_nothing_to_other_networks_and_nonsense_is_left_out() -> None:
    assert filters.from_page({"passes": "2.3", "change": "righted"}, traces(), "cp").is_empty
    assert filters.from_page({"passes": "0.4.x.2", "change": "odd"}, looked_at(), "cp") == Filter(passes=(2,))


def test_a_toggled_decision_keeps_the_other_filters() -> None:
    assert Filter(passes=(2,), change="righted").toggled(3, "4") == Filter(
        (), "", ((3, "4"),), "", None, None, (2,), "righted"
    )


def test_the_page_counts_and_filters_what_was_looked_at_again(cascade_in_use: Path) -> None:
    card = read_card("tiny-cascade")
    found = looks.looked(read_traces(cascade_in_use / card.name, OperatingPoint(card, 5.0)), card.config)
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update({"checkpoint": card.name, "budget": "5"})
    go_to(app, "testset").run()
    text = text_of(app)
    assert f"{found.share:.1f} % of the images were looked at again" in text
    assert f"put {found.righted} right and {found.spoiled} wrong" in text
    control(app.button_group, "passes").set_value([2, 3]).run()
    assert f"of {found.again}" in text_of(app)
    assert not app.exception
    app.button(key="clear_filters").click().run()
    assert f"of {found.images}" in text_of(app)
