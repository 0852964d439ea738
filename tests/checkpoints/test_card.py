"""Cards: they come back as they were written, and a wrong one is refused with a message that names what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_card

from dfs_core.checkpoints.card import Card, CheckpointError
from dfs_core.model.config import ModelConfig, backbone_config

CONFIG = ModelConfig(depth=8, budget=20.0)
SHARES = [{"skip": 0.0, "8": 50.0, "16": 25.0, "full": 25.0}, {"skip": 100.0, "8": 0.0, "16": 0.0, "full": 0.0}]
METRICS = {
    "n": 4,
    "accuracy": 75.0,
    "accuracy_ci95": [30.06, 95.44],
    "cp": 17.19,
    "all_in": 30.0,
    "policies": 3,
    "shares": SHARES,
}

# Whatever can stand in a JSON object: brackets and line breaks in texts are what a layout could trip over.
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("[]{}\n ab"), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def card() -> Card:
    return make_card("one", "dfs", CONFIG, alpha=5e-6, metrics={"test": METRICS}, parents=("backbone",))


@given(training=st.dictionaries(st.text(), plain, max_size=4), notes=st.text('[]{}\n "\\ab,é'))
def test_a_card_comes_back_from_json_as_it_was(training: dict, notes: str) -> None:
    card = make_card("one", "dfs", CONFIG, training=training, notes=notes, metrics={"test": METRICS})
    assert Card.from_json(card.to_json()) == card


def test_summary_has_the_keys_and_test_figures_that_scripts_rely_on(card: Card) -> None:
    assert card.summary() == {
        "name": "one",
        "dataset": "cifar10",
        "network": "ResNet-8",
        "depth": 8,
        "options": "paper-small",
        "budget": 20.0,
        "budget_range": None,
        "alpha": 5e-6,
        "accuracy": 75.0,
        "cp": 17.19,
        "all_in": 30.0,
    }


def test_figures_that_were_not_measured_are_none(card: Card) -> None:
    model = card.model | {"policy": "utility", "budget": None, "prices": [[0.1, 50.0], [10.0, 1.0]]}
    bare = replace(card, metrics={}, model=model, budget=None, budget_range=(1.0, 50.0))
    assert bare.evaluation("test") is None
    assert bare.summary()["accuracy"] is bare.summary()["cp"] is bare.summary()["all_in"] is None
    assert bare.summary()["budget_range"] == [1.0, 50.0]


def test_optional_fields_may_be_left_out(card: Card) -> None:
    data = json.loads(card.to_json())
    del data["notes"], data["machine"]
    assert Card.from_json(json.dumps(data)) == replace(card, notes="", machine={})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "card format 2 is not the 1"),
        ({"surprise": 1}, "unknown key surprise"),
        ({"name": ""}, "name must be a word"),
        ({"name": 7}, "name must be a word of at most 200 characters, not 7"),
        ({"classes": ["cat", "cat"]}, "classes must be a list of different class names"),
        ({"classes": ["cat", "dog"]}, "2 class names for a model of 10 classes"),
        ({"mean": [0.5, 0.5]}, "mean must be a list of 3, each item a number from 0 to 1"),
        ({"std": [0.2, 0.0, 0.2]}, r"std\[1\] must be a number above 0 and up to 1, not 0.0"),
        ({"budget": "20"}, "budget must be a percentage above 0 and up to 100 or null, not '20'"),
        ({"budget": 120}, "budget must be a percentage above 0 and up to 100 or null, not 120"),
        ({"budget": 10}, "the budget is 10.0, but the model's settings say 20.0"),
        ({"budget_range": 5}, "budget_range must be a list of 2"),
        ({"budget_range": [30, 10]}, "budget_range is .* but the model's prices say None"),
        ({"alpha": -1e-6}, "alpha must be a number, 0 or more or null, not -1e-06"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"split": {"validation": "abc", "seed": 0}}, "split.validation must be a whole number, 0 or more"),
        ({"split": {"asked": -7}}, "split.asked must be a whole number"),
        ({"split": {"seed": 1.5}}, "split.seed must be a whole number"),
        ({"split": {"train": True}}, "split.train must be a whole number"),
        ({"metrics": {"train": METRICS}}, "metrics must be of validation and test, not of 'train'"),
        ({"metrics": {"test": {"accuracy": 93}}}, "metrics.test: missing key n"),
        ({"metrics": {"test": METRICS | {"shares": SHARES[:1]}}}, "metrics.test.shares do not fit"),
        ({"metrics": {"test": METRICS | {"shares": [{"4": 100.0}] * 2}}}, "metrics.test.shares do not fit"),
        ({"weights_sha256": "abc"}, "weights_sha256 must be 64 hexadecimal digits"),
        ({"model": {"depth": 9}}, "model: depth 9 is not 6n[+]2"),
        ({"model": {"widths": 9}}, "unknown key model.widths"),
        ({"model": []}, "model must be a table"),
    ],
)
def test_a_wrong_value_is_refused_by_name(card: Card, change: dict, message: str) -> None:
    data = json.loads(card.to_json()) | change
    with pytest.raises(CheckpointError, match=message):
        Card.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not readable as JSON"),
        ("{", "not readable as JSON"),
        ("[]", "must be a table"),
        ('{"format": 1}', "missing key name"),
        ('{"format": NaN}', "card format nan is not the 1"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_what_is_no_card_is_refused(text: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        Card.from_json(text)


def test_a_backbone_of_another_depth_that_it_grew_from_is_not_the_backbone_of_a_network() -> None:
    small = make_card("small", "backbone", backbone_config(8))
    deep = replace(make_card("deep", "backbone", backbone_config(14)), parents=("small",))
    gated = replace(make_card("gated", "dfs", ModelConfig(depth=14)), parents=("deep", "small"))
    assert deep.backbone([small]) == deep, "it is one itself, listed or not"
    assert gated.backbone([small, deep]) == deep
    assert gated.backbone([small]) is None, "its own is missing"
