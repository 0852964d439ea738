"""The laboratory behind its page: runs in the background, what is kept, and what is said of a run."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import make_card, make_network, pictures

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import LIVE_KEY, PREFIX
from dashboard.answers.networks import Network
from dashboard.answers.pictures import make_picture
from dashboard.answers.shared_predictor import MAX_ADOPTED, SharedPredictor
from dashboard.compare.rivals import default_rival
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.laboratory import chart, runs
from dashboard.laboratory.jobs import Job
from dashboard.laboratory.tuning import Laboratory, Reading, latest, steps_of
from dashboard.ui import kept
from dashboard.ui.links import State
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import accuracy_curve
from dashboard.views.points import point_rows
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.predictor import Predictor
from dfs_core.training import material
from dfs_core.training.lab_run import Settings

CONFIG = ModelConfig(depth=8, budget=20.0)
CARD = make_card("tiny", "dfs", CONFIG, weights_sha256="0" * 64, alpha=5e-6)
WISH = Settings(60.0, 1e-3, steps=20)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(Checkpoint(CARD, make_network(CONFIG), Path()))


@pytest.fixture
def shared(predictor: Predictor) -> SharedPredictor:
    shared = SharedPredictor(lambda name: predictor)
    shared.adopt(CARD, predictor)
    return shared


@pytest.fixture
def laboratory(shared: SharedPredictor) -> Laboratory:
    return Laboratory(shared)


SHOWN = [make_picture(f"k{i}", f"p{i}", "upload", pixels, "cat") for i, pixels in enumerate(pictures(5))]


def ended(job: Job) -> Job:
    deadline = time.monotonic() + 120
    while not job.ended:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return job


@pytest.fixture(scope="module")
def done(predictor: Predictor, cifar10_dir: Path) -> tuple[Laboratory, SharedPredictor, Job]:
    shared = SharedPredictor(lambda name: predictor)
    shared.adopt(CARD, predictor)
    laboratory = Laboratory(shared)
    return laboratory, shared, ended(laboratory.start("me", CARD, WISH, cifar10_dir))


def test_a_run_on_the_data_set_ends_with_a_curve_and_a_result(done):
    _, _, job = done
    assert (job.state, job.error) == ("done", "")
    assert [step.step for step in steps_of(job)] == list(range(1, 21))
    assert latest(job).doing == "after"
    assert not job.result.toy


def test_a_run_measures_on_images_that_its_own_network_was_not_trained_on(laboratory, shared, cifar10_dir, monkeypatch):
    splits, read = [], material.from_data_set

    def noted(card, data_dir, report):
        splits.append(card.split)
        return read(card, data_dir, report=report)

    monkeypatch.setattr(material, "from_data_set", noted)
    for split in (CARD.split, CARD.split, {"validation": 5, "seed": 0, "asked": 5}):
        card = replace(CARD, split=split)
        shared.adopt(card, Predictor(Checkpoint(card, make_network(CONFIG), Path())))
        assert ended(laboratory.start("me", card, WISH, cifar10_dir)).error == ""
    assert splits == [CARD.split, {"validation": 5, "seed": 0, "asked": 5}], "each split is read once"


def test_a_run_tells_of_its_reading_and_is_cancelled_in_it(laboratory, cifar10_dir, monkeypatch):
    monkeypatch.setattr("dfs_core.data.decode._CHUNK", 10)
    read = material.from_data_set
    begun = threading.Event()

    def slowly(card, data_dir, report):
        def told(done: int, total: int) -> None:
            begun.set()
            while not job.cancelling:
                time.sleep(0.001)
            report(done, total)

        return read(card, data_dir, report=told)

    monkeypatch.setattr(material, "from_data_set", slowly)
    job = laboratory.start("me", CARD, WISH, cifar10_dir)
    assert begun.wait(30)
    laboratory.jobs.cancel(job)
    assert ended(job).state == "cancelled"
    assert job.reports == [Reading(10, 100)]


def test_what_is_kept_is_served_and_is_a_point_apart_that_is_compared_with_nothing(done):
    laboratory, shared, job = done
    card = laboratory.keep(job)
    assert card.name.startswith(f"{PREFIX}b60-a1e-3-")
    assert laboratory.keep(job) == card
    assert shared.adopted([card.name, "another"]) == [card]
    (trace,) = shared.predict(SHOWN[:1], OperatingPoint(card))
    assert (trace.checkpoint, trace.budget) == (card.name, 60.0)
    catalogue = kept.with_session(Catalogue((CARD,)), [card])
    (point,) = point_rows(catalogue, Network.of(CARD), [], "cp")
    assert (point["family"], point["split"], point["loss"]) == (LIVE_KEY, "validation", None)
    figure = accuracy_curve(CurveState([point], [], "cp", "linear", card.name), LIGHT)
    assert figure.data["measured"] == [], "not among the accuracies on the test set"
    assert [drawn["checkpoint"] for drawn in figure.data["live"]] == [card.name]
    assert "tuned live: validation images" in json.dumps(figure.spec)
    hidden = accuracy_curve(CurveState([point], [], "cp", "linear", card.name, hidden=State(card.name).hidden), LIGHT)
    assert hidden.data["live"] == [], "hidden until someone asks for it"
    assert "test accuracy, %" in json.dumps(hidden.spec)
    assert default_rival(catalogue, CARD) is CARD
    assert "not a published result; measured here on 10 validation images" in point["source"]
    assert point["cp"] == pytest.approx(card.metrics["validation"]["cp"], abs=1e-3)
    assert catalogue.default is CARD


def test_a_session_checkpoint_can_be_tuned_on(done):
    laboratory, _, job = done
    card = laboratory.keep(job)
    again = ended(laboratory.start("me", card, WISH, None, SHOWN))
    assert again.state == "done"
    assert again.result.checkpoint.card.parents == (card.name, *card.parents)
    assert card.parents[0] == CARD.name


def test_without_the_data_set_the_pictures_at_hand_are_a_toy(laboratory):
    job = ended(laboratory.start("me", CARD, WISH, None, SHOWN))
    assert job.state == "done"
    assert "5 images" in job.result.toy
    assert point_rows(Catalogue((CARD, laboratory.keep(job))), Network.of(CARD), [], "cp") == []
    with pytest.raises(UserError, match="too few"):
        laboratory.start("me", CARD, WISH, None, SHOWN[:2])


def test_a_missing_data_set_is_the_runs_message(laboratory, tmp_path):
    job = ended(laboratory.start("me", CARD, WISH, tmp_path))
    assert job.state == "failed"
    assert "no cifar10" in job.error


def test_others_get_their_turn_while_a_run_goes_on(laboratory, shared):
    job = laboratory.start("me", CARD, Settings(60.0, 1e-3, steps=300), None, SHOWN)
    while not steps_of(job) and not job.ended:
        time.sleep(0.005)
    assert steps_of(job), job.error
    for number in range(5):
        shared.predict([make_picture("x", "x", "upload", pictures(1, seed=50 + number)[0])], OperatingPoint(CARD))
    assert not job.ended, "the answers came between its steps"
    laboratory.jobs.cancel(job)
    assert ended(job).state == "cancelled"
    assert job.result is None


def test_a_turn_keeps_everybody_else_from_the_model(shared):
    inside = threading.Event()

    def ask() -> None:
        shared.predict(SHOWN[:1], OperatingPoint(CARD))
        inside.set()

    with shared.turn():
        thread = threading.Thread(target=ask)
        thread.start()
        assert not inside.wait(0.05)
    assert inside.wait(30)
    thread.join()


def test_of_too_many_kept_checkpoints_the_oldest_is_forgotten(shared, predictor):
    names = [f"session-{number}" for number in range(MAX_ADOPTED + 1)]
    for name in names:
        shared.adopt(make_card(name, "session", CONFIG), predictor)
    assert [card.name for card in shared.adopted(names)] == names[1:]


def test_a_link_says_what_to_do_and_nonsense_is_the_usual():
    assert runs.settings_from({}, CARD) == Settings(40.0, 2.5e-5)
    assert runs.settings_from({}, make_card("x", "dfs", ModelConfig(depth=8, budget=40.0))).budget == 10
    wish = runs.settings_from({"target": "12.5", "pull": "3e-5", "steps": "100"}, CARD)
    assert wish == Settings(12.5, 3e-5, steps=100)
    assert runs.settings_from({"target": "-1", "pull": "x", "steps": "9999"}, CARD) == Settings(40.0, 2.5e-5)


def test_what_is_said_of_a_run_is_computed_from_it(done):
    tuned = done[2].result
    said = " ".join(runs.verdict(tuned))
    assert f"from {tuned.before.cp:.1f} to {tuned.after.cp:.1f} %" in said
    assert "10 validation images" in said
    before, after = runs.result_rows(tuned, CARD)
    assert (before["cp"], after["cp"]) == (tuned.before.cp, tuned.after.cp)


def test_gates_that_shut_are_told_from_those_that_are_on_their_way(done):
    tuned = done[2].result
    steps = [replace(tuned.steps[0], step=number, cp=max(6.25, 100 - 10 * number)) for number in range(1, 31)]
    shut = " ".join(runs.verdict(replace(tuned, steps=tuple(steps), settings=replace(tuned.settings, budget=40.0))))
    assert "first came within 2 points of the target at step 6" in shut
    assert "The gates have shut: cp stays at 6.2 %, and nothing raises it. Try a smaller alpha." in shut
    steps = [replace(step, cp=100 - step.step) for step in steps]
    slow = " ".join(runs.verdict(replace(tuned, steps=tuple(steps), settings=replace(tuned.settings, budget=40.0))))
    assert "Try a larger alpha or more steps." in slow
    assert "shut" not in slow


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_charts_hold_the_run_in_focus_and_those_before_it(done, colours):
    job = done[2]
    other = Job("zzz", "me", job.about, reports=job.reports[:5])
    rows = runs.chase_rows([other, job], job)
    figure = chart.chase(rows, 60.0, 20, colours)
    assert {row["run"] for row in figure.data["names"]} == {row["run"] for row in rows}
    assert len(figure.data["now"]) == 1
    figure = chart.accuracy(rows, 20, colours)
    assert [row["current"] for row in figure.data["steps"]] == [True] * 20
    assert "accuracy of batches, %" in json.dumps(figure.spec)
    assert "on the training batch" in json.dumps(figure.spec)
    assert chart.chase([], 60.0, 20, colours).data["steps"] == []


def test_recorded_runs_are_those_at_the_nearest_budget_and_where_most_alphas_are():
    cards = [
        make_card(f"b{budget}-{alpha}", "dfs", ModelConfig(depth=8, budget=budget), alpha=alpha)
        for budget, alpha in ((20.0, 5e-6), (20.0, 2.5e-5), (40.0, 5e-6))
    ]
    cards.append(replace(cards[0], name="again", seed=1))
    cards.append(replace(cards[0], name="mine"))
    log = [{"step": step, "epoch": step, "cp": 30.0, "target": 20} for step in (10, 20)] + [{"step": 30, "epoch": 3}]
    found = runs.recorded_rows(Catalogue(tuple(cards)), cards[0], 35.0, lambda name: log)
    assert list(found) == [40.0, 20.0]
    assert {row["checkpoint"]: row["run"] for row in found[20.0]} == {
        "b20.0-5e-06": "alpha 5e-6",
        "b20.0-2.5e-05": "alpha 2.5e-5",
        "again": "alpha 5e-6, seed 1",
        "mine": "alpha 5e-6 (mine)",
    }
    assert len(chart.recorded(found[20.0], LIGHT).data["steps"]) == 8
    assert runs.recorded_rows(Catalogue(tuple(cards)), cards[0], 35.0, lambda name: []) == {}


def test_recordings_name_the_batches_and_the_last_stage_that_their_cards_name():
    small, large = (
        make_card(f"b{size}", "dfs", CONFIG, training={"batch_size": size, "settle": settle})
        for size, settle in ((64, 0), (256, 500))
    )
    assert "with batches of 64 images;" in runs.how_recorded([small])
    assert "settle" not in runs.how_recorded([small])
    assert "with batches of 64 and 256 images;" in runs.how_recorded([large, small])
    assert "settle" in runs.how_recorded([large])
    assert "hold_budget" not in runs.how_recorded([large])
    held = replace(small, training=small.training | {"hold_budget": True})
    assert "one price on the gates' options moved cp to the budget" in runs.how_recorded([large, held])
    assert "batches" not in runs.how_recorded([CARD])
