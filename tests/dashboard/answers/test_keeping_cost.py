"""Another method or network: the cost stays as near as it can, and a note says where it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny import make_card

from dashboard.answers import nearest
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.networks import Network
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.data.known import KNOWN
from dfs_core.model.config import ModelConfig, backbone_config

C100 = KNOWN["cifar100"].classes


def on_cifar100(card: Card) -> Card:
    return replace(
        card,
        name=f"{card.name}-c100",
        dataset="cifar100",
        classes=C100,
        model=replace(card.config, classes=100).to_dict(),
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    every = ModelConfig(depth=14, options="lowbit", policy="utility", prices=((0.02, 56.0), (1.28, 0.3)))
    skipnet = ModelConfig(
        depth=14, options="skipnet", policy="utility", gate_width=6, prices=((0.01, 70.0), (1.0, 27.5))
    )
    dfs = [
        make_card(f"dfs-{b}-{a}", "dfs", ModelConfig(depth=14, budget=b), alpha=a)
        for b, a in ((10.0, 5e-6), (20.0, 5e-6), (30.0, 5e-6), (20.0, 1e-6))
    ]
    static = [
        make_card(f"static{bits}", "static", ModelConfig(depth=14, options=bits, policy="constant", constant=(bits,)))
        for bits in ("2", "4", "8")
    ]
    first = [
        make_card("every", "every-budget", every),
        *dfs,
        make_card("skip", "skipnet", skipnet),
        *static,
        make_card("backbone", "backbone", backbone_config(14)),
    ]
    return Catalogue((*first, *(on_cifar100(card) for card in (*dfs[:2], *static, first[-1]))))


def family(catalogue: Catalogue, title: str):
    return next(one for one in catalogue.families if one.title == title)


def test_what_a_static_network_spends_follows_from_its_bits_alone(catalogue):
    assert nearest.cp_of(OperatingPoint(catalogue.named("static8"))) == 6.25
    assert nearest.cp_of(OperatingPoint(catalogue.named("backbone"))) == 100
    assert nearest.cp_of(OperatingPoint(catalogue.named("every"), 3.4)) == 3.4


@pytest.mark.parametrize(
    ("title", "cp", "name", "spends"),
    [
        ("DFS every budget", 6.25, "every", 6.25),
        ("Static uniform", 3.4, "static8", 6.25),  # by ratio: 4 bits spend 1.56
        ("SkipNet", 3.4, "skip", 27.5),
        ("DFS", 3.4, "dfs-10.0-5e-06", 10),
        ("DFS", 20.0, "dfs-20.0-5e-06", 20),
        ("Backbone", 3.4, "backbone", 100),
    ],
)
def test_a_method_is_used_at_the_cost_that_is_nearest_and_says_if_it_is_another(catalogue, title, cp, name, spends):
    point, note = nearest.at_cost(family(catalogue, title), cp, catalogue.named("every"))
    assert (point.card.name, nearest.cp_of(point)) == (name, pytest.approx(spends))
    assert bool(note) == (spends != cp)
    if note:
        assert note == f"{title} has nothing here with a cp of {cp:.3g} %. The nearest is {spends:.3g} %."


def test_where_the_cost_does_not_change_a_wish_that_was_not_met_is_not_told_again(catalogue):
    dfs, every = family(catalogue, "DFS"), catalogue.named("every")
    assert (
        nearest.at_cost(dfs, 3.4, every, spent=27.5)[1]
        == "DFS has nothing here with a cp of 3.4 %. The nearest is 10 %."
    )
    assert nearest.at_cost(dfs, 3.4, every, spent=10.0)[1] == ""
    found, note = nearest.on_network(catalogue, catalogue.networks[1], catalogue.named("static8"), 3.4, spent=6.25)
    assert (found.card.name, note) == ("static8-c100", "")


def test_of_two_alphas_at_one_cost_the_one_in_use_stays(catalogue):
    point, note = nearest.at_cost(family(catalogue, "DFS"), 20.0, catalogue.named("dfs-20.0-1e-06"))
    assert (point.card.name, note) == ("dfs-20.0-1e-06", "")


def test_a_cost_that_is_on_no_card_is_not_made_up(catalogue):
    imported = make_card("imported", "dfs", ModelConfig(depth=14))
    assert nearest.cp_of(OperatingPoint(imported)) is None
    _, note = nearest.at_cost(family(catalogue, "DFS"), None, imported)
    assert note == "The cost of imported is not on its card, so it cannot be kept."
    point, note = nearest.at_cost(family(Catalogue((imported,)), "DFS"), 20.0, catalogue.default)
    assert point.card is imported
    assert "not on its card" in note


def test_methods_are_listed_for_one_network_and_networks_in_the_order_of_their_data_sets(catalogue):
    first, second = catalogue.networks
    assert (first.in_words, second.in_words) == ("ResNet-14 on CIFAR-10", "ResNet-14 on CIFAR-100")
    assert [one.title for one in catalogue.on(second).families] == ["DFS", "Static uniform", "Backbone"]
    assert {Network.of(card) for one in catalogue.on(first).families for card in one.cards} == {first}
    assert Network.of(catalogue.default) == first


def test_another_network_keeps_method_and_budget_and_says_where_it_cannot(catalogue):
    other = catalogue.networks[1]

    def leads(name: str) -> tuple[str, str]:
        point = OperatingPoint(catalogue.named(name))
        found, note = nearest.on_network(catalogue, other, point.card, nearest.cp_of(point))
        return found.card.name, note

    assert leads("dfs-20.0-5e-06") == ("dfs-20.0-5e-06-c100", "")
    assert leads("static4") == ("static4-c100", "")
    name, note = leads("dfs-30.0-5e-06")
    assert name == "dfs-20.0-5e-06-c100"
    assert note == "DFS has nothing here with a cp of 30 %. The nearest is 20 %."
    found, note = nearest.on_network(catalogue, other, catalogue.named("every"), 10.0)
    assert found.card.name == "dfs-10.0-5e-06-c100"
    assert note == "There is no DFS every budget of ResNet-14 on CIFAR-100 here. In use instead: DFS."


def test_where_the_method_is_missing_the_one_nearest_in_cost_that_decides_as_it_did_is_used(catalogue):
    mixed = ModelConfig(depth=14, options="lowbit", policy="table", prices=((0.02, 56.0), (1.28, 0.3)))
    both = Catalogue((*catalogue.cards, make_card("mix", "mixed", mixed)))
    other = both.networks[1]
    found, note = nearest.on_network(both, other, both.named("mix"), 6.25)
    assert (found.card.name, note) == (
        "static8-c100",
        "There is no Static mixed of ResNet-14 on CIFAR-100 here. In use instead: Static uniform.",
    )
    found, _ = nearest.on_network(both, other, both.named("every"), 6.25)
    assert found.card.name == "dfs-10.0-5e-06-c100", "both decide for each image"


def test_the_budget_of_gates_that_were_trained_for_time_is_no_cp():
    timed = make_card("timed", "dfs", ModelConfig(depth=14, budget=60.0), training={"cost": "time"})
    assert nearest.cp_of(OperatingPoint(timed)) is None
