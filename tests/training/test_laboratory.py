"""A short run in the laboratory: cp goes where it should, the body stays as it was, nothing is written unasked."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_card, make_network, pictures

from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from dfs_core.checkpoints.words import SESSION
from dfs_core.data.sets import load_images, train_validation
from dfs_core.data.splits import VALIDATION, divide
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.predictor import Predictor
from dfs_core.training.lab_run import Progress, Settings, Tuned, can_tune
from dfs_core.training.laboratory import fine_tune, with_own_gates
from dfs_core.training.material import FEWEST, Material, from_data_set, from_pictures
from dfs_core.training.session import delete_from_disk, keep_on_disk

STRONG = 1e-3


@pytest.fixture(scope="module")
def parent() -> Checkpoint:
    config = ModelConfig(depth=8, budget=20.0)
    return Checkpoint(
        make_card("tiny", "dfs", config, weights_sha256="0" * 64, parents=("plain",)), make_network(config), Path()
    )


@pytest.fixture(scope="module")
def material(parent: Checkpoint, cifar10_dir: Path) -> Material:
    return from_data_set(parent.card, cifar10_dir)


@pytest.fixture(scope="module")
def tuned(parent: Checkpoint, material: Material) -> Tuned:
    return fine_tune(parent, Settings(60.0, STRONG, steps=20, rate=2.0), material)


def fingerprint(checkpoint: Checkpoint, part: str = "") -> str:
    state = checkpoint.model.state_dict()
    chosen = b"".join(value.numpy().tobytes() for name, value in state.items() if name.startswith(part))
    return hashlib.sha256(chosen).hexdigest()


def test_cp_moves_towards_its_target_from_either_side(parent: Checkpoint, material: Material, tuned: Tuned) -> None:
    assert tuned.before.cp < 40 < tuned.after.cp
    assert abs(np.mean([step.cp for step in tuned.steps[-5:]]) - 60) < 15
    down = fine_tune(parent, Settings(5.0, STRONG, steps=20, rate=2.0), material)
    assert down.after.cp < down.before.cp - 5


def test_a_larger_alpha_pulls_harder(parent: Checkpoint, material: Material) -> None:
    weak, strong = (fine_tune(parent, Settings(90.0, alpha, steps=20), material) for alpha in (1e-6, STRONG))
    assert strong.after.cp > weak.after.cp + 10


def test_only_the_gates_learn(parent: Checkpoint, tuned: Tuned) -> None:
    assert fingerprint(parent) == fingerprint(Checkpoint(parent.card, make_network(parent.card.config), Path()))
    assert fingerprint(tuned.checkpoint, "body") == fingerprint(parent, "body")
    assert fingerprint(tuned.checkpoint, "policy") != fingerprint(parent, "policy")
    assert tuned.checkpoint.model.body is parent.model.body
    assert all(parameter.grad is None for parameter in parent.model.parameters())


def test_the_same_settings_give_the_same_run(parent: Checkpoint, material: Material, tuned: Tuned) -> None:
    again = fine_tune(parent, Settings(60.0, STRONG, steps=20, rate=2.0), material)
    assert again.steps == tuned.steps
    assert again.checkpoint.card.weights_sha256 == tuned.checkpoint.card.weights_sha256
    other = fine_tune(parent, Settings(60.0, STRONG, steps=20, rate=2.0, seed=1), material)
    assert other.checkpoint.card.weights_sha256 != tuned.checkpoint.card.weights_sha256


def test_every_step_and_part_is_reported_and_a_callback_that_raises_ends_the_run(
    parent: Checkpoint, material: Material
) -> None:
    seen: list[Progress] = []

    def stop_at_seven(news: Progress) -> None:
        seen.append(news)
        if news.done == 7 and news.doing == "tuning":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(parent, Settings(60.0, STRONG), material, stop_at_seven)
    assert [news.doing for news in seen] == ["before"] + ["tuning"] * 7
    assert [news.step.step for news in seen if news.step] == list(range(1, 8))
    assert seen[-1].total == 60


def test_each_piece_of_computing_is_a_turn_of_its_own(parent: Checkpoint, material: Material) -> None:
    inside, turns = [False], [0]

    @contextmanager
    def turn() -> Iterator[None]:
        assert not inside[0]
        inside[0], turns[0] = True, turns[0] + 1
        yield
        inside[0] = False

    def report(news: Progress) -> None:
        assert not inside[0], "others wait while a report is made"

    fine_tune(parent, Settings(60.0, STRONG, steps=20), material, report, turn)
    assert turns[0] == 2 * 20 + 2


def test_nothing_is_written_until_somebody_asks(
    parent: Checkpoint, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    tuned = fine_tune(parent, Settings(60.0, STRONG, steps=20), material)
    assert not list(tmp_path.iterdir())
    folder = keep_on_disk(tuned.checkpoint, tmp_path / "pretrained")
    loaded = load_checkpoint(folder)
    assert loaded.card.method == SESSION
    assert fingerprint(loaded) == fingerprint(tuned.checkpoint)
    with pytest.raises(UserError, match="exists already"):
        keep_on_disk(tuned.checkpoint, tmp_path / "pretrained")


def test_a_folder_that_cannot_be_written_to_is_named(tuned: Tuned, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        keep_on_disk(tuned.checkpoint, tmp_path / "file")


def test_it_is_deleted_where_it_was_written_and_never_lies_where_git_would_commit_it(
    tuned: Tuned, parent: Checkpoint, tmp_path: Path
) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    with pytest.raises(UserError, match="git repository that does not ignore it: set DFS_RUNS_DIR"):
        keep_on_disk(tuned.checkpoint, repository / "pretrained")
    assert not (repository / "pretrained").exists()
    (repository / ".gitignore").write_text("/runs/\n")
    folder = keep_on_disk(tuned.checkpoint, repository / "runs")
    delete_from_disk(folder)
    assert not folder.exists()
    save_checkpoint(repository / "published", parent.model, parent.card)
    with pytest.raises(UserError, match="is not a session checkpoint"):
        delete_from_disk(repository / "published")
    assert (repository / "published" / "card.json").exists()


def test_the_card_says_what_it_is(tuned: Tuned, material: Material) -> None:
    card = tuned.checkpoint.card
    assert (card.method, card.budget, card.alpha) == (SESSION, 60.0, STRONG)
    assert card.parents == ("tiny", "plain"), "and what that was made of"
    assert "Not a published result" in card.notes
    assert "20 steps of 32 images" in card.notes
    assert "test" not in card.metrics
    assert card.metrics["validation"]["n"] == len(material.held_out) == 10
    assert card.metrics["validation"]["cp"] == tuned.after.cp


def test_a_predictor_can_use_what_came_out(tuned: Tuned, parent: Checkpoint) -> None:
    (trace,) = Predictor(tuned.checkpoint).predict(pictures(1))
    assert trace.checkpoint == "session"
    assert trace.budget == 60
    (before,) = Predictor(parent).predict(pictures(1))
    assert trace.probabilities != before.probabilities


def test_it_learns_from_training_images_and_is_measured_on_validation_images(
    material: Material, parent: Checkpoint
) -> None:
    assert (len(material.tune), len(material.held_out)) == (90, 10)
    assert material.held_out.split == "validation"
    assert not material.toy
    learned = {image.numpy().tobytes() for image in material.tune.images}
    assert not learned & {image.numpy().tobytes() for image in material.held_out.images}


def test_a_few_pictures_are_a_toy_and_nothing_on_the_card_hides_it(parent: Checkpoint) -> None:
    few = from_pictures(parent.card, list(pictures(6)), ["cat", "dog", "cat", "frog", "ship", "truck"])
    assert "toy" in few.toy.lower()
    tuned = fine_tune(parent, Settings(60.0, STRONG, steps=20), few)
    assert tuned.toy == few.toy
    assert tuned.checkpoint.card.metrics == {}
    assert few.toy in tuned.checkpoint.card.notes
    assert tuned.after.n == 6


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["cat"] * (FEWEST - 1), "too few"), (["cat", "dog", "frog", "teapot"], "no class 'teapot'")],
)
def test_pictures_that_cannot_be_used_are_refused(parent: Checkpoint, labels: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        from_pictures(parent.card, list(pictures(len(labels))), labels)


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0.0},
        {"budget": 101.0},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"steps": 19},
        {"steps": 301},
        {"batch": 8},
        {"rate": 0.0},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        Settings(**{"budget": 20.0, "alpha": 5e-6, **wrong})


def test_networks_without_gates_are_refused(material: Material) -> None:
    config = backbone_config(8)
    backbone = Checkpoint(make_card("tiny-backbone", "backbone", config), make_network(config), Path())
    assert not can_tune(backbone.card)
    with pytest.raises(UserError, match="no recurrent gates"):
        fine_tune(backbone, Settings(20.0, 5e-6), material)


def test_gates_of_ones_own_start_as_the_parents(parent: Checkpoint) -> None:
    twin = with_own_gates(parent.model, 33.0)
    assert twin.config.budget == 33
    images = torch.zeros(2, 3, 32, 32)
    assert torch.equal(twin(images).decisions, parent.model(images).decisions)
    assert not {id(p) for p in twin.policy.parameters()} & {id(p) for p in parent.model.policy.parameters()}


@pytest.mark.parametrize("split", [{}, {"validation": 6, "seed": 1}, {"validation": 4, "asked": 6, "seed": 1}])
def test_what_was_held_out_is_held_out_again(split: dict[str, int], cifar10_dir: Path) -> None:
    """Also of a card without the number that was asked for, and of a network that was tuned before."""
    config = ModelConfig(depth=8, budget=20.0)
    parent = Checkpoint(make_card("tiny", "dfs", config, split=split), make_network(config), Path())
    whole = load_images("cifar10", cifar10_dir, "train")
    wanted = train_validation(whole, 6 if split else VALIDATION, split.get("seed", 0))
    found = from_data_set(parent.card, cifar10_dir, held_out=4)
    card = fine_tune(parent, Settings(60.0, STRONG, steps=20), found).checkpoint.card
    for tune, held_out in ((found.tune, found.held_out), divide(whole, card.split, session=True)):
        assert torch.equal(tune.images, wanted[0].images)
        assert torch.equal(held_out.images, wanted[1].images[:4])
