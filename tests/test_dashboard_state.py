"""Links: short, without defaults, and the same state back from them, whatever people write into them."""

from __future__ import annotations

import time
from itertools import product

import pytest
from tiny import make_card

from dashboard.catalogue import Catalogue
from dashboard.state import State, _is_news, from_query, to_query
from dfs_core.config import ModelConfig, backbone_config


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    cards = [make_card("backbone", "backbone", backbone_config(14))]
    for budget, alpha in ((10, 5e-6), (20, 5e-6), (30, 5e-6), (20, 1e-6)):
        cards.append(make_card(f"dfs-{budget}-{alpha:g}", "dfs", ModelConfig(depth=14, budget=budget), alpha=alpha))
    cards.append(make_card("dfs-20-twin", "dfs", ModelConfig(depth=14, budget=20.0), alpha=5e-6))
    return Catalogue(tuple(cards))


def test_where_the_app_opens_the_link_is_bare(catalogue):
    assert to_query(from_query({}, catalogue), catalogue) == {}


def test_every_state_comes_back_from_its_link(catalogue):
    names = [card.name for card in catalogue.cards]
    for name, image, page, cost, scale in product(names, (None, "frog"), (1, 7), ("cp", "all-in"), ("linear", "log")):
        state = State(name, image, page, cost, scale)
        assert from_query(to_query(state, catalogue), catalogue) == state


def test_a_link_is_short_and_says_budget_and_alpha(catalogue):
    assert to_query(State("dfs-30-5e-06"), catalogue) == {"checkpoint": "dfs-30-5e-06", "budget": "30"}
    assert to_query(State("dfs-20-1e-06"), catalogue) == {"checkpoint": "dfs-20-1e-06", "alpha": "1e-6"}


def test_ones_own_picture_does_not_stand_in_a_link(catalogue):
    assert to_query(State(catalogue.default.name, image="upload-12ab"), catalogue) == {}


def test_a_budget_alone_leads_to_its_checkpoint(catalogue):
    state = from_query({"budget": "30"}, catalogue)
    assert (state.checkpoint, state.note) == ("dfs-30-5e-06", "")


def test_an_edited_budget_wins_over_the_checkpoint_of_the_link(catalogue):
    assert from_query({"checkpoint": "dfs-30-5e-06", "budget": "10"}, catalogue).checkpoint == "dfs-10-5e-06"


def test_an_untrained_budget_gives_the_nearest_and_a_note(catalogue):
    state = from_query({"budget": "13"}, catalogue)
    assert state.checkpoint == "dfs-10-5e-06"
    assert "No DFS checkpoint was trained for 13 %" in state.note


@pytest.mark.parametrize("budget", ["", "much", "nan", "-5", "0", "inf"])
def test_a_budget_that_is_no_number_is_named_and_left_out(catalogue, budget):
    state = from_query({"budget": budget}, catalogue)
    assert state.checkpoint == catalogue.default.name
    assert f"budget '{budget}' is not a positive number" in state.note


def test_an_unknown_checkpoint_is_named_and_the_default_is_used(catalogue):
    state = from_query({"checkpoint": "gone"}, catalogue)
    assert state.checkpoint == catalogue.default.name
    assert "no checkpoint 'gone'" in state.note


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 30, ""])
def test_an_odd_gallery_page_is_the_first(catalogue, page):
    assert from_query({"gallery": page}, catalogue).gallery == 1


def test_odd_axes_are_the_usual_ones(catalogue):
    state = from_query({"cost": "euros", "scale": "cubic"}, catalogue)
    assert (state.cost, state.scale) == ("cp", "linear")


def test_a_url_that_we_wrote_is_no_news_and_another_is():
    now = time.monotonic()
    written = ({"budget": "30"}, {"budget": "20"}, now)
    assert not _is_news({"budget": "30"}, written)
    assert _is_news({"budget": "10"}, written)


def test_the_url_before_ours_is_news_only_when_the_browser_has_had_time_to_take_ours():
    now = time.monotonic()
    assert not _is_news({"budget": "20"}, ({"budget": "30"}, {"budget": "20"}, now))
    assert _is_news({"budget": "20"}, ({"budget": "30"}, {"budget": "20"}, now - 60))
