"""Links: short, without defaults, and the same state back from them, whatever people write into them."""

from __future__ import annotations

import time
from itertools import product
from typing import get_args

import pytest
from every_budget import NAME, every_budget_card
from tiny import make_card

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import Cost
from dashboard.answers.naming import LIVE_KEY
from dashboard.answers.pictures import GalleryOrder
from dashboard.testset.parameters import FORMS
from dashboard.ui.state import State, _is_news, from_query, link, to_query
from dfs_core.data.known import KNOWN
from dfs_core.model.config import ModelConfig, backbone_config


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    cards = [make_card("backbone", "backbone", backbone_config(14))]
    for budget, alpha in ((10, 5e-6), (20, 5e-6), (30, 5e-6), (20, 1e-6)):
        cards.append(make_card(f"dfs-{budget}-{alpha:g}", "dfs", ModelConfig(depth=14, budget=budget), alpha=alpha))
    cards.append(make_card("dfs-20-twin", "dfs", ModelConfig(depth=14, budget=20.0), alpha=5e-6))
    return Catalogue(tuple(cards))


@pytest.fixture(scope="module")
def more(catalogue) -> Catalogue:
    """With a checkpoint for every budget, which is then where the app opens."""
    return Catalogue((*catalogue.cards, every_budget_card()))


def test_where_the_app_opens_the_link_is_bare(catalogue):
    assert to_query(from_query({}, catalogue), catalogue) == {}


def test_every_state_comes_back_from_its_link(catalogue):
    names = [card.name for card in catalogue.cards]
    kinds = names, (None, "frog"), (1, 7), get_args(Cost), ("linear", "log"), get_args(GalleryOrder)
    for name, image, page, cost, scale, order in product(*kinds):
        state = State(name, image, page, cost, scale, order=order, hidden=("dfs", "published"), page={"block": "7"})
        assert from_query(to_query(state, catalogue), catalogue) == state


@pytest.mark.parametrize("budget", [0.3, 0.4567, 1.25, 1.7, 10.0])
def test_any_budget_of_a_checkpoint_for_every_budget_comes_back_from_its_link(more, budget):
    state = State(NAME, budget=budget)
    assert from_query(to_query(state, more), more) == state


def test_the_usual_budget_does_not_stand_in_a_link_and_another_does(more):
    usual = from_query({"checkpoint": NAME}, more).budget
    assert "budget" not in to_query(State(NAME, budget=usual), more)
    assert to_query(State(NAME, budget=0.4567), more)["budget"] == "0.4567"


def test_a_whole_link_names_what_is_the_default_today(more, catalogue):
    usual = from_query({"checkpoint": NAME}, more)
    assert to_query(usual, more, whole=True) == {"checkpoint": NAME, "budget": f"{usual.budget:g}"}
    first = from_query({}, catalogue)
    assert to_query(first, catalogue) == {}
    assert to_query(first, catalogue, whole=True)["checkpoint"] == catalogue.default.name
    assert from_query(to_query(first, catalogue, whole=True), catalogue) == first


def test_an_alpha_leads_to_its_budget_and_a_budget_beside_it_wins(more):
    assert from_query({"checkpoint": NAME, "alpha": "2.5e-3"}, more).budget == 1.25
    assert from_query({"checkpoint": NAME, "alpha": "2.5e-3", "budget": "4"}, more).budget == 4


def test_a_budget_that_the_checkpoint_does_not_serve_is_named(more):
    state = from_query({"checkpoint": NAME, "budget": "40"}, more)
    assert state.budget == 10
    assert "serves budgets from 0.3 to 10 %, not 40 %" in state.note


def test_a_budget_alone_that_the_first_checkpoint_does_not_serve_leads_to_one_that_was_trained_for_it(more):
    assert from_query({"budget": "2"}, more) == State(NAME, budget=2.0)
    assert from_query({"budget": "30"}, more) == State("dfs-30-5e-06")


def test_a_test_image_is_left_out_where_its_network_is_not_and_a_link_with_one_names_the_network(more):
    here = to_query(State(NAME, image="test-17"), more)
    assert here["network"] == "resnet-14-cifar10"
    assert "network" not in to_query(State(NAME, image="frog"), more)
    found = from_query({"network": "resnet-99-cifar100", "image": "test-17", "gallery": "3", "other": "test-4"}, more)
    assert (found.image, found.gallery, dict(found.page)) == (None, 1, {})
    assert "that number is another picture in another data set" in found.note
    assert from_query({"network": "resnet-99-cifar100", "image": "frog"}, more).image == "frog"


def test_families_that_do_not_exist_are_not_hidden(catalogue):
    assert from_query({"hide": "dfs.nonsense..dfs"}, catalogue).hidden == ("dfs", LIVE_KEY)


def test_points_tuned_live_are_hidden_until_a_link_shows_them(catalogue):
    assert from_query({}, catalogue).hidden == (LIVE_KEY,)
    shown = from_query({"also": LIVE_KEY, "hide": "dfs"}, catalogue)
    assert shown.hidden == ("dfs",)
    assert to_query(shown, catalogue) == {"also": LIVE_KEY, "hide": "dfs"}


def test_a_pages_own_parameters_are_kept_if_they_can_be_any(catalogue):
    query = {"block": "7", "utm-source": "x", "k" * 80: "z", "empty": ""}
    assert from_query(query, catalogue).page == {"block": "7"}
    assert not from_query(query, catalogue).note, "others append anything to links"
    many = from_query({f"p{i}": "1" for i in range(100)}, catalogue)
    assert len(many.page) <= 16
    assert "too many parameters" in many.note


def test_every_block_can_be_forced_and_every_class_chosen_and_the_link_gives_it_back(catalogue):
    blocks = range(2, 37)  # of ResNet-74, which has the most
    page = {
        "force": ",".join(f"{block}:full" for block in blocks),
        "taken": ".".join(f"{block}-full" for block in blocks),
        "policy": "7" * 35,
        "class": ".".join(KNOWN["cifar100"].classes),
        "answer": ".".join(KNOWN["cifar100"].classes),
    }
    state = State(catalogue.default.name, page=page)
    assert from_query(to_query(state, catalogue), catalogue) == state


def test_what_a_link_has_that_is_too_long_is_named(catalogue):
    state = from_query({"force": "2:full," * 1000, "block": "7"}, catalogue)
    assert state.page == {"block": "7"}
    assert state.note == "The link's force is longer than 1,000 characters, so it is left out."


def test_a_link_names_the_page_and_only_its_own_parameters(catalogue):
    state = State("dfs-30-5e-06", image="frog", page={"block": "7"}, path="/image")
    shared = "checkpoint=dfs-30-5e-06&budget=30&image=frog"
    assert link(state, catalogue) == f"/image?{shared}&block=7"
    assert link(state, catalogue, "/compare") == f"/compare?{shared}"
    assert link(state, catalogue, "/compare", {"with": "a b"}) == f"/compare?{shared}&with=a+b"
    assert link(State(catalogue.default.name), catalogue) == "/"


def test_a_link_is_short_and_says_budget_and_alpha(catalogue):
    assert to_query(State("dfs-30-5e-06"), catalogue) == {"checkpoint": "dfs-30-5e-06", "budget": "30"}
    assert to_query(State("dfs-20-1e-06"), catalogue) == {"checkpoint": "dfs-20-1e-06", "alpha": "1e-6"}


def test_of_ones_own_picture_a_link_says_only_that_there_was_one(catalogue):
    assert to_query(State(catalogue.default.name, image="upload-12ab"), catalogue) == {"image": "own"}


def test_a_name_that_begins_like_the_key_of_an_own_picture_stays_in_the_link(catalogue):
    page = {"right": "own-dfs-b20", "class": "ownership", "other": "upload-0123456789ab"}
    query = to_query(State(catalogue.default.name, page=page), catalogue)
    assert query == {"right": "own-dfs-b20", "class": "ownership"}


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


@pytest.mark.parametrize("page", ["0", "000", "-1", "x", "²", ""])
def test_an_odd_gallery_page_is_the_first(catalogue, page):
    assert from_query({"gallery": page}, catalogue).gallery == 1


@pytest.mark.parametrize("page", ["9" * 7, "9" * 30, "1" + "0" * 5_000])
def test_a_gallery_page_beyond_any_gallery_is_a_late_one(catalogue, page):
    assert from_query({"gallery": page}, catalogue).gallery == 10**6


def test_odd_axes_are_the_usual_ones(catalogue):
    state = from_query({"cost": "euros", "scale": "cubic"}, catalogue)
    assert (state.cost, state.scale) == ("cp", "log")


def test_nonsense_among_the_test_sets_parameters_is_left_out_and_named(catalogue):
    good = {"order": "easiest", "shown": "3", "sort": "class", "rows": "5-19", "verdict": "wrong", "else": "zzz"}
    assert from_query(good, catalogue, "/testset", FORMS).page == good
    for bad in ("zzz", "0", "-5", "1-", "5-19\n"):
        state = from_query(dict.fromkeys(good, bad), catalogue, "/testset", FORMS)
        assert to_query(state, catalogue) == {"else": bad}
        assert f"The link's verdict '{bad}' is none of this page's, so it is left out." in state.note


def test_a_url_that_we_wrote_is_no_news_and_another_is():
    now = time.monotonic()
    written = ({"budget": "30"}, {"budget": "20"}, now)
    assert not _is_news({"budget": "30"}, written)
    assert _is_news({"budget": "10"}, written)


def test_the_url_before_ours_is_news_only_when_the_browser_has_had_time_to_take_ours():
    now = time.monotonic()
    assert not _is_news({"budget": "20"}, ({"budget": "30"}, {"budget": "20"}, now))
    assert _is_news({"budget": "20"}, ({"budget": "30"}, {"budget": "20"}, now - 60))
