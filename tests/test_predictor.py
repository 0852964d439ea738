"""Predictor: pictures in, plain traces out; the same alone, in a batch and from many threads."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import CIFAR10, picture, pictures

from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.data.augment import normalise
from dfs_core.errors import UserError
from dfs_core.model.cost import cost_models
from dfs_core.model.options import Option
from dfs_core.predictor import Predictor


@pytest.fixture
def predictor(tiny_checkpoint: Checkpoint) -> Predictor:
    return Predictor(tiny_checkpoint)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return pictures(16, seed=5)


def test_traces_say_what_the_network_says(predictor: Predictor, images: np.ndarray) -> None:
    traces = predictor.predict(images)
    model = predictor.checkpoint.model
    inputs = normalise(torch.from_numpy(images).permute(0, 3, 1, 2), CIFAR10.mean, CIFAR10.std)
    with torch.inference_mode():
        output = model(inputs)
    for index, trace in enumerate(traces):
        names = [model.config.option_set.names[choice] for choice in output.decisions[index].tolist()]
        assert trace.decisions == tuple(names)
        assert trace.label == CIFAR10.classes[int(output.logits[index].argmax())]
        np.testing.assert_allclose(trace.class_probabilities, output.logits[index].softmax(0), atol=1e-5)
        np.testing.assert_allclose(trace.probabilities, output.probabilities[index], atol=1e-5)
    assert len({trace.decisions for trace in traces}) > 1


def test_costs_of_a_trace_are_those_of_its_decisions(predictor: Predictor, images: np.ndarray) -> None:
    costs = cost_models(predictor.card.config)
    for trace in predictor.predict(images):
        assert trace.fractions == tuple(Option.parse(name).cost for name in trace.decisions)
        assert trace.cp == pytest.approx(100 * sum(trace.fractions) / len(trace.fractions))
        chosen = np.array([[trace.options.index(name) for name in trace.decisions]])
        assert trace.all_in == pytest.approx(float(costs["bitops"].per_image(chosen)[0]))
        assert sum(trace.class_probabilities) == pytest.approx(1)
        assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in trace.probabilities)


def test_a_picture_gets_the_same_answer_alone_as_among_others(predictor: Predictor, images: np.ndarray) -> None:
    for image, among in zip(images, predictor.predict(images), strict=True):
        (alone,) = predictor.predict([image])
        assert alone.decisions == among.decisions
        np.testing.assert_allclose(alone.class_probabilities, among.class_probabilities, atol=1e-5)


def test_threads_share_a_predictor(predictor: Predictor, images: np.ndarray) -> None:
    everything = np.zeros((len(images), 5), np.int64)
    expected = {None: predictor.predict(images), "skip": predictor.predict(images, forced=everything)}
    with ThreadPoolExecutor(4) as pool:
        tasks = [
            (key, pool.submit(predictor.predict, images, None, None if key is None else everything))
            for key in (None, "skip") * 10
        ]
        for key, task in tasks:
            assert task.result() == expected[key]


def test_pil_images_of_any_size_are_cropped_and_reduced(predictor: Predictor) -> None:
    large = Image.fromarray(picture(1, size=100))
    (trace,) = predictor.predict([large])
    assert trace.label in CIFAR10.classes
    exact = picture(2)
    assert predictor.predict([Image.fromarray(exact)]) == predictor.predict([exact])


def test_forced_decisions_are_taken_and_the_policy_decides_the_rest(predictor: Predictor, images: np.ndarray) -> None:
    forced = np.full((len(images), 5), -1)
    forced[:, 0], forced[:, 3] = 0, 3
    free = predictor.predict(images)
    traces = predictor.predict(images, forced=forced)
    assert {trace.decisions[0] for trace in traces} == {"skip"}
    assert {trace.decisions[3] for trace in traces} == {"full"}
    # Block 1 decides before anything was forced: its gate's opinion is the same, forced or not.
    np.testing.assert_allclose(
        [trace.probabilities[0] for trace in traces], [trace.probabilities[0] for trace in free], atol=1e-6
    )


def test_the_budget_in_force_is_stated_and_an_untrained_one_refused(predictor: Predictor, images: np.ndarray) -> None:
    assert predictor.predict(images[:1])[0].budget == predictor.predict(images[:1], budget=20)[0].budget == 20
    for pictures_given in (images, []):
        with pytest.raises(UserError, match="trained for a budget of 20 %, not 40 %"):
            predictor.predict(pictures_given, budget=40)


def test_a_backbone_has_no_budget_and_runs_in_full(tiny_pretrained: Path, images: np.ndarray) -> None:
    backbone = Predictor.load("tiny-backbone")
    (trace,) = backbone.predict(images[:1])
    assert (trace.checkpoint, trace.budget, set(trace.decisions)) == ("tiny-backbone", None, {"full"})
    assert (trace.cp, trace.all_in) == pytest.approx((100, 100))
    with pytest.raises(UserError, match="one fixed cost and no budget"):
        backbone.predict(images, budget=20)


def test_no_pictures_give_no_traces(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((32, 32), np.uint8),
        np.zeros((32, 32, 4), np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((32, 32, 3), np.float32),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(predictor: Predictor, wrong: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"image 1 is .* give uint8 arrays"):
        predictor.predict([picture(0), wrong])


def test_traces_are_plain_data(predictor: Predictor, images: np.ndarray) -> None:
    traces = predictor.predict(images[:2])
    assert pickle.loads(pickle.dumps(traces)) == traces
    assert b"torch" not in pickle.dumps(traces)
    assert b"numpy" not in pickle.dumps(traces)


def test_compute_that_costs_more_is_used_less_and_each_image_can_have_its_own_price(
    predictor: Predictor, images: np.ndarray
) -> None:
    prices = [-100.0, 1.0, 100.0]
    swept = [predictor.predict(images[:4], price=price) for price in prices]
    mean = [sum(trace.cp for trace in traces) for traces in swept]
    assert mean[0] > mean[1] > mean[2]
    assert swept[2][0].price == 100.0
    (free,) = predictor.predict(images[:1], price=0.0)
    assert (free.budget, swept[2][0].budget) == (20, None), "nobody trained it for what a price leads to"
    film = predictor.predict([images[0]] * 3, price=prices)
    assert [trace.decisions for trace in film] == [traces[0].decisions for traces in swept]
    with pytest.raises(UserError, match="a budget or a price"):
        predictor.predict(images, budget=20, price=1.0)
    with pytest.raises(UserError, match="one price for each of the 2 images"):
        predictor.predict(images[:2], price=[1.0, 2.0, 3.0])


def test_a_price_may_be_any_kind_of_number(predictor: Predictor, images: np.ndarray) -> None:
    wanted = predictor.predict(images[:2], price=0.25)
    for price in (np.float32(0.25), np.array(0.25), [0.25, 0.25], np.array([0.25, 0.25])):
        assert predictor.predict(images[:2], price=price) == wanted
