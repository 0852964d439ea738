"""The shared predictor answers from memory, asks the model once and in batches, and thinks ahead in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import make_card, pictures

from dashboard.answers.pictures import Picture, make_picture
from dashboard.answers.shared_predictor import BATCH, QUIET_S, YIELD_S, Recent, SharedPredictor
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.trace import DecisionTrace


class Fake:
    """Stands for a predictor: counts what it is asked, and notices when it is asked twice at a time."""

    def __init__(self, name: str, calls: list[tuple[str, int]]) -> None:
        self.name, self.calls = name, calls
        self.wishes: list[dict[str, object]] = []
        self.busy = threading.Lock()

    def predict(self, images: Sequence[np.ndarray], **wishes: object) -> list[DecisionTrace]:
        self.wishes.append(wishes)
        assert self.busy.acquire(blocking=False), "two model calls at a time"
        time.sleep(0.002)
        self.calls.append((self.name, len(images)))
        self.busy.release()
        mean = [float(image.mean()) for image in images]
        return [DecisionTrace(self.name, 20.0, ("full",), (), (), (), ("a",), (1.0,), value, value) for value in mean]


@pytest.fixture
def calls() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def fake(calls) -> Fake:
    return Fake("tiny", calls)


@pytest.fixture
def shared(fake) -> SharedPredictor:
    return SharedPredictor(lambda name: fake)


@pytest.fixture
def card():
    return make_card("tiny", "dfs", ModelConfig(depth=14, budget=20.0), weights_sha256="0" * 64)


def some(count: int) -> list[Picture]:
    return [make_picture(f"k{i}", f"p{i}", "upload", pixels) for i, pixels in enumerate(pictures(count))]


def test_traces_come_in_the_order_of_the_pictures(shared, card):
    shown = some(5)
    traces = shared.predict(shown[::-1], OperatingPoint(card))
    assert [trace.cp for trace in traces] == [picture.seen.mean() for picture in shown[::-1]]


def test_what_was_asked_before_does_not_reach_the_model_again(shared, card, calls):
    shown = some(6)
    shared.predict(shown[:4], OperatingPoint(card))
    assert not shared.knows(shown, OperatingPoint(card))
    shared.predict(shown, OperatingPoint(card))
    shared.predict(shown[::-1], OperatingPoint(card))
    assert calls == [("tiny", 4), ("tiny", 2)]
    assert shared.knows(shown, OperatingPoint(card))


def test_the_same_pixels_twice_are_asked_once(shared, card, calls):
    one = some(1)[0]
    first, second = shared.predict([one, make_picture("other", "copy", "upload", one.seen)], OperatingPoint(card))
    assert first == second
    assert calls == [("tiny", 1)]


def test_other_weights_under_the_same_name_are_asked_anew(shared, card, calls):
    shown = some(1)
    shared.predict(shown, OperatingPoint(card))
    retrained = make_card("tiny", "dfs", ModelConfig(depth=14, budget=20.0), weights_sha256="1" * 64)
    shared.predict(shown, OperatingPoint(retrained))
    assert len(calls) == 2
    shared.predict(shown, OperatingPoint(replace(retrained, notes="its prices were measured again")))
    assert len(calls) == 3, "what a card says may change what its network decides"


def test_many_pictures_are_asked_in_batches_so_that_others_get_their_turn(shared, card, calls):
    shared.predict(some(BATCH + 3), OperatingPoint(card))
    assert calls == [("tiny", BATCH), ("tiny", 3)]


def test_another_budget_price_or_forced_option_is_another_question(shared, card, calls, fake):
    shown = some(2)
    forced = np.array([[-1, 0, -1, -1, -1], [-1, -1, -1, 2, -1]])
    asked: list[tuple[OperatingPoint, dict]] = [(OperatingPoint(card, budget), {}) for budget in (None, 1.25, 2.5)]
    asked += [(OperatingPoint(card, price=0.4), {})]
    asked += [(OperatingPoint(card), {"forced": forced}), (OperatingPoint(card), {"forced": forced * 0})]
    for _ in range(2):
        for point, wish in asked:
            shared.predict(shown, point, **wish)
    assert len(calls) == len(asked)
    assert fake.wishes[:4] == [{}, {"budget": 1.25}, {"budget": 2.5}, {"price": [0.4, 0.4]}]
    assert np.array_equal(fake.wishes[4]["forced"], forced)


def test_one_picture_at_many_prices_is_one_call_and_what_is_known_is_left_out(shared, card, calls, fake):
    one = some(1)[0]
    shared.predict([one], OperatingPoint(card, price=0.2))
    shared.predict([one] * 4, OperatingPoint(card), prices=[0.1, 0.2, 0.3, 0.1])
    assert calls == [("tiny", 1), ("tiny", 2)]
    assert fake.wishes[1] == {"price": [0.1, 0.3]}


def test_only_the_rows_of_pictures_that_are_asked_are_forced(shared, card, fake):
    shown = some(3)
    forced = np.array([[0, -1], [-1, 1], [2, -1]])
    shared.predict(shown[1:2], OperatingPoint(card), forced=forced[1:2])
    shared.predict(shown, OperatingPoint(card), forced=forced)
    assert np.array_equal(fake.wishes[1]["forced"], forced[[0, 2]])


def test_threads_never_call_the_model_at_the_same_time_and_all_get_their_own(shared, card):
    shown, wrong = some(24), []

    def ask(picture: Picture) -> None:
        if shared.predict([picture], OperatingPoint(card))[0].cp != picture.seen.mean():
            wrong.append(picture.key)

    threads = [threading.Thread(target=ask, args=(picture,)) for picture in shown]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_looking_ahead_fills_the_memory_in_the_background(shared, card, calls):
    shown = some(3)
    shared.look_ahead(shown, [OperatingPoint(card)])
    shared.look_ahead(shown, [OperatingPoint(card)])
    deadline = time.monotonic() + 5
    while not shared.knows(shown, OperatingPoint(card)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert shared.knows(shown, OperatingPoint(card))
    shared.predict(shown, OperatingPoint(card))
    assert calls == [("tiny", 3)]


def test_looking_ahead_waits_while_pages_are_under_way(shared, card, calls, monkeypatch):
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        """A page is drawn during each of the first waits."""
        if seconds == YIELD_S:
            return
        assert not calls
        slept.append(seconds)
        now[0] += QUIET_S / 2 if len(slept) < 5 else seconds
        if len(slept) < 5:
            shared.hold_back()

    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr("dashboard.answers.shared_predictor.time", clock)
    shared.hold_back()
    done = threading.Event()
    shared.look_ahead(some(3), [OperatingPoint(card)])
    shared.afterwards(done.set)
    assert done.wait(60)
    assert slept == pytest.approx([QUIET_S] * 5)
    assert calls == [("tiny", 3)]


def test_what_is_to_be_done_afterwards_waits_for_what_was_asked_ahead(shared, card):
    shown, known = some(3), []
    done = threading.Event()
    shared.look_ahead(shown, [OperatingPoint(card)])
    shared.afterwards(lambda: (known.append(shared.knows(shown, OperatingPoint(card))), done.set()))
    assert done.wait(5)
    assert known == [True]


def test_a_checkpoint_that_cannot_be_loaded_is_an_error_for_who_asks_and_silence_ahead(card):
    def broken(name: str) -> Fake:
        raise UserError("truncated")

    shared, asked = SharedPredictor(broken), some(1)
    shared._run_ahead(("", None, ""), asked, OperatingPoint(card))
    with pytest.raises(UserError, match="truncated"):
        shared.predict(asked, OperatingPoint(card))


def test_recent_forgets_what_was_not_used_for_longest():
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c"), len(recent)) == (1, None, 3, 2)
