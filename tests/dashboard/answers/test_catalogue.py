"""Which checkpoint a wish for a budget and an alpha leads to, and what is said when it is not the wish itself."""

from __future__ import annotations

import pytest
from tiny import make_card

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import told_apart
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import format_alpha
from dfs_core.model.config import ModelConfig, backbone_config


def dfs(budget: float, alpha: float, depth: int = 14, name: str = "") -> Card:
    config = ModelConfig(depth=depth, budget=budget)
    return make_card(name or f"dfs-{budget:g}-{alpha:g}-{depth}", "dfs", config, alpha=alpha)


@pytest.fixture
def catalogue() -> Catalogue:
    skipnet = ModelConfig(depth=14, options="skipnet", budget=50.0)
    cards = [make_card("backbone", "backbone", backbone_config(14))]
    cards += [dfs(budget, 5e-6) for budget in (10, 20, 30)] + [dfs(20, 1e-6)]
    return Catalogue((*cards, make_card("skipnet", "skipnet", skipnet, alpha=5e-6)))


def test_families_group_by_method_and_begin_with_dfs(catalogue):
    assert [family.title for family in catalogue.families] == ["DFS", "SkipNet", "Backbone"]
    assert catalogue.families[0].budgets == (10, 20, 30)
    assert catalogue.families[0].alphas == (1e-6, 5e-6)
    assert catalogue.families[2].budgets == ()


def test_option_sets_of_one_method_are_told_apart_in_the_title_and_networks_are_not(catalogue):
    both = Catalogue((*catalogue.cards, dfs(20, 5e-6, depth=20)))
    assert [f.title for f in both.families] == ["DFS", "SkipNet", "Backbone", "DFS"]
    other = make_card("other", "dfs", ModelConfig(depth=14, options="skip,4,full", budget=20.0))
    titles = [f.title for f in Catalogue((*catalogue.cards, other)).families]
    assert titles == ["DFS · skip,4,full", "DFS · skip,8,16,full", "SkipNet", "Backbone"]


def test_operating_points_of_the_same_words_are_told_apart_by_name():
    cards = (make_card("first", "backbone", backbone_config(14)), make_card("strong", "backbone", backbone_config(14)))
    first, second, other = (OperatingPoint(card) for card in (*cards, dfs(20, 5e-6)))
    assert told_apart(first, second) == ["Backbone ResNet-14 (first)", "Backbone ResNet-14 (strong)"]
    assert told_apart(first, first) == ["Backbone ResNet-14"] * 2
    assert told_apart(first, other) == [first.in_words, other.in_words]


def test_the_page_opens_at_20_percent_with_the_most_trained_alpha(catalogue):
    assert (catalogue.default.budget, catalogue.default.alpha) == (20, 5e-6)


def test_a_trained_pair_is_found_without_a_note(catalogue):
    card, note = catalogue.families[0].choose(20, 1e-6)
    assert (card.budget, card.alpha, note) == (20, 1e-6, "")


def test_a_held_budget_stays_and_the_note_names_where_the_alpha_was_trained(catalogue):
    card, note = catalogue.families[0].choose(30, 1e-6, hold="budget")
    assert (card.budget, card.alpha) == (30, 5e-6)
    assert note == (
        "Alpha 1e-6 was trained at 20 % only, not at 30 %. In use instead: DFS ResNet-14, budget 30 %, alpha 5e-6."
    )


def test_a_held_alpha_stays_and_the_budget_gives_way(catalogue):
    card, note = catalogue.families[0].choose(30, 1e-6, hold="alpha")
    assert (card.budget, card.alpha) == (20, 1e-6)
    assert "Alpha 1e-6 was not trained at 30 %, only at 20 %." in note


def test_an_untrained_budget_gives_the_nearest_and_lists_the_trained_ones(catalogue):
    card, note = catalogue.families[0].choose(26, 5e-6)
    assert card.budget == 30
    assert "No DFS checkpoint was trained for 26 % (trained budgets: 10 %, 20 % and 30 %)" in note


def test_an_untrained_alpha_gives_the_nearest_by_ratio():
    family = Catalogue((dfs(20, 1e-6), dfs(20, 1e-5))).families[0]
    card, note = family.choose(20, 4e-6)  # 4 times 1e-6, but only 2.5 times less than 1e-5
    assert card.alpha == 1e-5
    assert "No DFS checkpoint was trained with alpha 4e-6 (trained: 1e-6 and 1e-5)" in note


def test_a_wish_for_a_budget_where_there_is_none_says_so(catalogue):
    card, note = catalogue.families[2].choose(20, None)
    assert card.name == "backbone"
    assert "trained budgets: none" in note


def test_runs_of_the_same_pair_are_twins_and_the_named_one_is_preferred(catalogue):
    again = dfs(20, 5e-6, name="dfs-20-again")
    family = Catalogue((*catalogue.cards, again)).families[0]
    assert [card.name for card in family.twins(again)] == ["dfs-20-5e-06-14", "dfs-20-again"]
    assert family.choose(20, 5e-6, near=again)[0] is again


def test_a_checkpoint_whose_card_names_no_budget_can_be_chosen_beside_those_of_a_budget(catalogue):
    imported = make_card("imported", "dfs", ModelConfig(depth=14))
    family = Catalogue((*catalogue.cards, imported)).family_of(imported)
    assert imported in family.twins(family.cards[0])
    assert family.twins(imported) == family.cards


@pytest.mark.parametrize(("alpha", "text"), [(5e-6, "5e-6"), (2.5e-5, "2.5e-5"), (1e-6, "1e-6"), (0.1, "1e-1")])
def test_alpha_is_written_as_people_write_it(alpha, text):
    assert format_alpha(alpha) == text


def test_a_checkpoint_in_words_leaves_out_what_it_has_not(catalogue):
    assert OperatingPoint(catalogue.cards[0]).in_words == "Backbone ResNet-14"
