"""The film of one image: where its frames stand, that they are what the network says, and what is read from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import make_card, picture, pictures

from dashboard.image.film import CHUNK, FRAMES, Film, positions, shoot, stays_right
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.network import DFSNet
from dfs_core.predictor import Predictor

PRICES = ((0.02, 40.0), (0.2, 8.0), (2.0, 0.5))
EVERY = ModelConfig(depth=14, options="lowbit", policy="utility", prices=PRICES)


class Counting:
    """A predictor that notes how much it was asked at once."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor, self.sizes = predictor, []

    def predict(self, images, **wishes):
        self.sizes.append(len(images))
        return self.predictor.predict(images, **wishes)


@pytest.fixture
def predictor(tiny_checkpoint: Checkpoint) -> Predictor:
    return Predictor(tiny_checkpoint)


def test_frames_of_every_budget_have_even_ratios_over_its_range():
    where = np.array(positions(EVERY))
    assert len(where) == FRAMES
    assert (where[0], where[-1]) == (0.5, 40.0)
    ratios = where[1:] / where[:-1]
    assert np.allclose(ratios, (40 / 0.5) ** (1 / (FRAMES - 1)), rtol=0.02), "three digits, so nearly"


def test_a_dial_has_the_trained_point_in_it_and_prices_on_both_sides():
    where = positions(ModelConfig(depth=14, budget=20.0))
    assert len(where) == FRAMES
    assert list(where) == sorted(where, reverse=True), "cheapest first"
    middle = where.index(0.0)
    assert where[middle - 1] == -where[middle + 1] == 0.01


def test_a_network_of_constant_decisions_has_no_film():
    assert positions(backbone_config(14)) == ()


@pytest.mark.parametrize("policy", ["utility", "confidence", "table", "one-shot"])
def test_a_network_whose_prices_were_not_measured_has_no_film(policy: str):
    assert positions(ModelConfig(depth=14, options="lowbit", policy=policy)) == ()


def test_every_frame_is_what_the_network_says_at_its_price_alone(predictor: Predictor):
    counting, image = Counting(predictor), picture(5)
    film = shoot(counting, image, predictor.card.config)
    assert film.dial
    assert counting.sizes == [CHUNK] * (FRAMES // CHUNK), "asked in parts, so that others get their turn"
    for frame in (0, 12, 30):
        (alone,) = predictor.predict([image], price=film.positions[frame])
        assert film.traces[frame].decisions == alone.decisions
    (free,) = predictor.predict([image])
    assert film.at(0.0).decisions == free.decisions
    assert film.traces[0].cp <= free.cp <= film.traces[-1].cp
    assert film.traces[0].cp < film.traces[-1].cp == 100.0


def test_frames_of_every_budget_are_asked_at_that_budgets_price():
    model = DFSNet(EVERY).eval()
    card = make_card("every", "every-budget", EVERY, budget_range=EVERY.budget_range)
    predictor = Predictor(Checkpoint(card, model, Path()))
    image = pictures(1)[0]
    film = shoot(predictor, image, EVERY)
    assert not film.dial
    for frame in (0, 17, len(film.positions) - 1):
        (alone,) = predictor.predict([image], budget=film.positions[frame])
        assert film.traces[frame].decisions == alone.decisions
        assert film.traces[frame].price == pytest.approx(EVERY.price_for(film.positions[frame]))


@pytest.mark.parametrize(
    ("labels", "truth", "frame", "earlier"),
    [
        (["cat", "dog", "cat", "cat"], "cat", 2, 1),
        (["cat", "cat"], "cat", 0, 0),
        (["cat", "cat", "dog"], "cat", None, 2),
        (["dog", "dog"], "cat", None, 0),
        (["dog", "cat", "dog"], None, 2, 1),
    ],
)
def test_a_prediction_stays_right_from_where_it_is_right_at_every_dearer_frame(labels, truth, frame, earlier):
    found = stays_right(labels, truth)
    assert (found.frame, found.earlier) == (frame, earlier)
    assert found.label == (truth or labels[-1])
    assert found.known == (truth is not None)


def test_a_position_between_two_frames_is_found_by_its_ratio():
    film = Film((1.0, 2.0, 4.0, 8.0), ("a", "b", "c", "d"), dial=False)  # any four things will do
    assert film.nearest(2.7) == 1
    assert film.nearest(3.0) == 2
    assert film.fraction(2.0 * 2**0.5) == pytest.approx(1.5)
    assert (film.fraction(0.1), film.fraction(99.0)) == (0.0, 3.0)
    assert film.at(4.0004) == "c", "links hold four digits"
    assert film.at(4.1) is None


def test_a_dial_finds_prices_on_both_sides():
    film = Film((1.0, 0.1, 0.0, -0.1, -1.0), tuple("abcde"), dial=True)
    assert [film.nearest(price) for price in (5.0, 0.12, 0.0, -0.001, -0.9)] == [0, 1, 2, 2, 4]
    assert film.at(-0.1) == "d"
