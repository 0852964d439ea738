"""Forced gates, margins and stability, against a real tiny network and sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import picture

from dashboard.answers.shared_predictor import PredictorAtPoint, SharedPredictor
from dashboard.image.probes import flips, force, margin, read_gates, stability, through_jpeg, write_gates
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.model.options import OptionSet
from dfs_core.predictor import Predictor
from dfs_core.trace import DecisionTrace

OPTIONS = OptionSet.parse("paper-small")
IMAGE = picture(5)


@pytest.fixture
def predictor(tiny_checkpoint: Checkpoint) -> Predictor:
    return Predictor(tiny_checkpoint)


@pytest.fixture
def free(predictor: Predictor) -> DecisionTrace:
    (trace,) = predictor.predict([IMAGE])
    return trace


def other_than(name: str) -> str:
    return "full" if name == "skip" else "skip"


def test_a_forced_gate_alone_changes_the_cost_by_its_own_share(predictor, free):
    block = 4
    option = other_than(free.decisions[block])
    found = force(predictor, IMAGE, free, {block: option}, hold=True)
    assert found.forced.decisions == (*free.decisions[:block], option, *free.decisions[block + 1 :])
    assert found.followed == ()
    change = OPTIONS[OPTIONS.index(option)].cost - free.fractions[block]
    assert found.forced.cp - free.cp == pytest.approx(100 * change / len(free.decisions))


def test_gates_behind_a_forced_one_decide_anew_and_those_before_it_do_not(predictor):
    for seed in range(40):
        image = picture(seed)
        (free,) = predictor.predict([image])
        found = force(predictor, image, free, {3: other_than(free.decisions[3])}, hold=False)
        assert found.forced.decisions[:3] == free.decisions[:3]
        assert found.forced.decisions[3] != free.decisions[3]
        if found.followed:
            assert min(found.followed) > 3
            assert set(found.followed) | {3} == set(flips(free, found.forced))
            return
    pytest.fail("no gate of forty images noticed what came before it")


def test_several_gates_are_forced_at_once_and_none_is_the_free_decision(predictor, free):
    gates = {0: "full", 2: "skip", 4: "8"}
    found = force(predictor, IMAGE, free, gates, hold=False)
    assert {block: found.forced.decisions[block] for block in gates} == gates
    assert found.gates == gates
    nothing = force(predictor, IMAGE, free, {}, hold=True)
    assert nothing.free is nothing.forced is free


def test_force_holds_at_the_price_that_it_is_asked_at(predictor):
    (dear,) = predictor.predict([IMAGE], price=-100.0)
    assert set(dear.decisions) == {"full"}
    model = PredictorAtPoint(SharedPredictor(lambda name: predictor), OperatingPoint(predictor.card, price=-100.0))
    found = force(model, IMAGE, dear, {2: "skip"}, hold=False)
    assert found.forced.decisions.count("full") == len(dear.decisions) - 1


def test_stability_asks_for_the_mirrored_image_and_for_two_jpegs(predictor):
    variants = stability(predictor, IMAGE)
    assert [variant.name for variant in variants] == ["mirrored", "JPEG 90", "JPEG 50"]
    mirrored, fine, coarse = (variant.pixels.astype(int) for variant in variants)
    assert (mirrored == IMAGE[:, ::-1]).all()
    assert 0 < np.abs(fine - IMAGE).mean() < np.abs(coarse - IMAGE).mean()
    for variant in variants:
        (alone,) = predictor.predict([variant.pixels])
        assert variant.trace.decisions == alone.decisions
        assert variant.trace.label == alone.label


def test_jpeg_keeps_size_and_type():
    assert through_jpeg(IMAGE, 90).shape == IMAGE.shape
    assert through_jpeg(IMAGE, 90).dtype == np.uint8


def test_the_margin_is_the_distance_to_the_next_option():
    assert margin((0.1, 0.7, 0.2)) == pytest.approx(0.5)
    assert margin((1.0,)) == 1.0


def test_forced_gates_come_back_from_a_link():
    gates = {3: "skip", 7: "8", 0: "full"}
    text = write_gates(gates)
    assert text == "2:full,5:skip,9:8"
    assert read_gates(text, OPTIONS, 17) == (dict(sorted(gates.items())), "")
    assert read_gates("", OPTIONS, 17) == ({}, "")


@pytest.mark.parametrize("word", ["1:full", "19:full", "5:4", "5", "x:skip", "²:skip", "-5:skip", "5:skip:8"])
def test_a_gate_that_this_network_does_not_have_is_left_free_and_named(word):
    gates, note = read_gates(f"{word},6:16", OPTIONS, 17)
    assert gates == {4: "16"}
    assert word in note


def test_the_shared_predictor_answers_a_probe_from_memory_the_second_time(predictor, free):
    class Counting:
        calls = 0

        def predict(self, images, **wishes):
            Counting.calls += 1
            return predictor.predict(images, **wishes)

    model = PredictorAtPoint(SharedPredictor(lambda name: Counting()), OperatingPoint(predictor.card))
    for _ in range(2):
        assert force(model, IMAGE, free, {1: "full"}, hold=False).forced.decisions[1] == "full"
    assert Counting.calls == 1
    force(model, IMAGE, free, {1: "16"}, hold=False)
    assert Counting.calls == 2
    first = model.predict([IMAGE] * 3, price=[0.0, 1.0, 100.0])
    assert model.predict([IMAGE], price=[100.0]) == first[2:]
    assert Counting.calls == 3
