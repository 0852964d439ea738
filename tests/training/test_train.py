"""Training: it learns, its checkpoint says what was measured, and every stage changes what it should and no more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from fake_data import write_tree
from safetensors.torch import load_file
from tiny_runs import BACKBONE, GATED, log_of, start, train, weights

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.data.known import KNOWN
from dfs_core.data.sets import channel_statistics, load_images, train_validation
from dfs_core.data.splits import VALIDATION
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import evaluate
from dfs_core.training.config_files import load_config
from dfs_core.training.train import Trainer
from dfs_core.training.train_state import STATE_FILE

CIFAR10 = KNOWN["cifar10"]
EPOCHS = 12  # of three steps each: 90 training images in batches of 30


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory, cifar10_dir: Path) -> Path:
    """A backbone trained for 36 steps; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "backbone"
    return train(out, cifar10_dir, BACKBONE, epochs=EPOCHS, lr=0.1, seed=3, validate_every=6)


def test_a_run_reduces_its_loss_and_gets_better(backbone: Path) -> None:
    loss, accuracy = log_of(backbone, "loss"), log_of(backbone, "accuracy")
    assert sum(loss[-3:]) < 0.8 * sum(loss[:3])
    assert sum(accuracy[-3:]) > 2 * sum(accuracy[:3])


def test_the_log_has_a_line_a_step_with_its_epoch_and_rate_and_one_a_validation(backbone: Path) -> None:
    lines = [json.loads(line) for line in (backbone / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 3 * EPOCHS + 1))
    assert [line["epoch"] for line in steps[:3]] == pytest.approx([1 / 3, 2 / 3, 1], abs=1e-6)
    assert steps[0]["lr"] == 0.1
    assert "cp" not in steps[0], "a backbone has no cost to hold"
    assert [line["step"] for line in lines if "validation_accuracy" in line] == [18, 36]


def test_the_cards_figures_are_those_of_the_published_weights(backbone: Path, cifar10_dir: Path) -> None:
    checkpoint = load_checkpoint(backbone)
    _, validation = train_validation(load_images("cifar10", cifar10_dir, "train"), VALIDATION)
    splits = {"validation": validation, "test": load_images("cifar10", cifar10_dir, "test")}
    for split, images in splits.items():
        found = evaluate(checkpoint.model, images, CIFAR10.mean, CIFAR10.std)
        assert checkpoint.card.evaluation(split) == found
    assert log_of(backbone, "validation_accuracy")[-1] == checkpoint.card.metrics["validation"]["accuracy"]


def test_the_card_says_how_the_weights_were_made(backbone: Path) -> None:
    card = load_checkpoint(backbone).card
    config = load_config(backbone.with_suffix(".toml"))
    assert card.training == config.to_dict()
    assert (card.name, card.method, card.dataset, card.seed) == ("backbone", "backbone", "cifar10", 3)
    assert card.classes == CIFAR10.classes
    assert (card.mean, card.std) == (CIFAR10.mean, CIFAR10.std)
    sizes = {"train": 90, "validation": 10, "test": 40}
    prints = {f"{part}_images": card.split.get(f"{part}_images") for part in sizes}
    assert card.split == sizes | {"asked": 5000, "seed": 0} | prints
    assert len(set(prints.values())) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in prints.values())
    assert card.config == config.model
    assert (card.budget, card.alpha, card.parents) == (None, None, ())
    assert card.wall_time_s > 0
    assert card.created.endswith("+00:00")
    assert card.versions["torch"] == torch.__version__
    kept = load_config(backbone / "config.toml")
    assert kept == config


def test_the_same_run_gives_the_same_weights_and_another_seed_others(tmp_path: Path, cifar10_dir: Path) -> None:
    first, again, other = (
        weights(train(tmp_path / str(turn), cifar10_dir, {**GATED, "budget": 20}, stage="joint", seed=seed, alpha=1e-3))
        for turn, seed in enumerate((5, 5, 6))
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["body.stem.0.weight"], other["body.stem.0.weight"])


def test_the_stage_of_the_gates_leaves_the_body_as_it_was(backbone: Path, tmp_path: Path, cifar10_dir: Path) -> None:
    before = start(tmp_path / "untrained", cifar10_dir, GATED, stage="gates", start_from=str(backbone))
    body = {f"body.{key}": value for key, value in before.state.model.body.state_dict().items()}
    settings = {"stage": "gates", "method": "dfs", "start_from": str(backbone), "validate_every": 1}
    folder = train(tmp_path / "gates", cifar10_dir, GATED, **settings, alpha=0.1, epochs=2, weight_decay=0.1)
    after = weights(folder)
    assert all(torch.equal(after[key], value) for key, value in body.items())
    given = weights(backbone)["body.stem.1.running_mean"]
    assert torch.equal(after["body.stem.1.running_mean"], given), "batch norms do not go on averaging either"
    policy = {f"policy.{key}": value for key, value in before.state.model.policy.state_dict().items()}
    assert all(not torch.equal(after[key], value) for key, value in policy.items())
    assert log_of(folder, "target") == [100.0] * 6
    card = load_checkpoint(folder).card
    assert (card.method, card.alpha, card.budget) == ("dfs", 0.1, None)


@pytest.mark.parametrize("target", [30, 10])
def test_the_joint_stage_pulls_cp_to_its_target(backbone: Path, tmp_path: Path, cifar10_dir: Path, target: int) -> None:
    settings = {"stage": "joint", "start_from": str(backbone), "lr": 0.05, "gate_lr": 0.1, "alpha": 0.03}
    model = {**GATED, "budget": target}
    cp = log_of(train(tmp_path / "joint", cifar10_dir, model, **settings, epochs=13), "cp")
    assert cp[0] == 100, "gates start open"
    assert sum(cp[-10:]) / 10 == pytest.approx(target, abs=8)


def test_without_a_price_nothing_pulls_cp_to_its_target(backbone: Path, tmp_path: Path, cifar10_dir: Path) -> None:
    settings = {"stage": "joint", "start_from": str(backbone), "lr": 0.05, "gate_lr": 0.1, "alpha": 0.0}
    cp = log_of(train(tmp_path / "free", cifar10_dir, {**GATED, "budget": 10}, **settings, epochs=5), "cp")
    assert cp[-1] > 90


def test_a_run_that_settles_puts_its_gates_on_the_budget_and_then_lets_them_stand(
    backbone: Path, tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"stage": "joint", "method": "dfs", "start_from": str(backbone), "iterations": 36, "lr": 0.05}
    settings |= {"gate_lr": 0.1, "alpha": 0.03, "weight_decay": 0.1}
    begin, found = Trainer._begin_to_settle, []

    def watched(trainer: Trainer) -> None:
        begin(trainer)
        held = {key: value.clone() for key, value in trainer.state.model.state_dict().items()}
        found.append((trainer.state.step, held))

    monkeypatch.setattr(Trainer, "_begin_to_settle", watched)
    folder = train(tmp_path / "settled", cifar10_dir, {**GATED, "budget": 30}, settle=4, **settings)
    ((step, held),) = found
    after = weights(folder)
    assert step == 36
    assert all(torch.equal(after[key], value) for key, value in held.items() if key.startswith("policy."))
    assert not torch.equal(after["body.stem.0.weight"], held["body.stem.0.weight"])
    rates = log_of(folder, "lr")
    assert len(rates) == 40
    assert rates[35] < 0.01 < rates[36] == 0.05, "the rate rises and falls anew"
    assert log_of(folder, "target") == [30] * 40
    assert sum(log_of(folder, "cp")[36:]) / 4 == pytest.approx(30, abs=8)
    card = load_checkpoint(folder).card
    assert (card.alpha, card.budget, card.training["settle"]) == (0.03, 30, 4)


def test_the_joint_stage_changes_body_and_gates_and_names_its_parents(
    backbone: Path, tmp_path: Path, cifar10_dir: Path
) -> None:
    before = start(
        tmp_path / "untrained", cifar10_dir, {**GATED, "budget": 20}, stage="joint", start_from=str(backbone)
    )
    settings = {"stage": "joint", "start_from": str(backbone), "teacher": str(backbone), "distillation": 0.5}
    folder = train(tmp_path / "joint", cifar10_dir, {**GATED, "budget": 20}, **settings, alpha=1e-3)
    after = weights(folder)
    for key, value in before.state.model.named_parameters():
        learns = ".4." not in key and ".skip." not in key  # in three steps no image need have run so
        assert not learns or not torch.equal(after[key], value), key
    card = load_checkpoint(folder).card
    assert card.parents == ("backbone",), "by name, and once"
    assert (card.budget, card.alpha) == (20, 1e-3)


def test_a_run_names_all_that_it_was_made_of_the_nearest_first(
    backbone: Path, tmp_path: Path, cifar10_dir: Path
) -> None:
    model = {**GATED, "budget": 20}
    gates = train(tmp_path / "gates", cifar10_dir, model, stage="gates", start_from=str(backbone))
    taught = {"start_from": str(gates), "teacher": str(backbone), "distillation": 0.5}
    joint = train(tmp_path / "joint", cifar10_dir, model, stage="joint", **taught)
    again = train(tmp_path / "again", cifar10_dir, model, stage="joint", start_from=str(joint))
    assert load_checkpoint(joint).card.parents == ("gates", "backbone")
    assert load_checkpoint(again).card.parents == ("joint", "gates", "backbone")


def test_a_teacher_changes_what_is_learned(backbone: Path, tmp_path: Path, cifar10_dir: Path) -> None:
    alone = train(tmp_path / "alone", cifar10_dir, BACKBONE, seed=1)
    taught = train(tmp_path / "taught", cifar10_dir, BACKBONE, seed=1, teacher=str(backbone), distillation=0.9)
    assert log_of(alone, "loss")[0] != log_of(taught, "loss")[0]
    assert not torch.equal(weights(alone)["body.stem.0.weight"], weights(taught)["body.stem.0.weight"])


def test_only_convolutions_and_linear_layers_decay(tmp_path: Path, cifar10_dir: Path) -> None:
    settings = {"stage": "joint", "weight_decay": 0.5, "gate_lr": 7.0}
    trainer = start(tmp_path / "run", cifar10_dir, {**GATED, "budget": 20}, **settings)
    names = {id(parameter): name for name, parameter in trainer.state.model.named_parameters()}
    groups = trainer.state.optimiser.param_groups
    decayed = {names[id(p)] for group in groups if group["weight_decay"] for p in group["params"]}
    assert {"body.stem.0.weight", "body.blocks.1.conv2.weight", "body.classifier.weight"} <= decayed
    assert not [name for name in decayed if "bn" in name or "step" in name or "bias" in name or "policy" in name]
    assert {id(p) for group in groups for p in group["params"]} == set(names), "every parameter is in a group"
    quick = {names[id(p)].split(".")[0] for group in groups if group["factor"] == 7 for p in group["params"]}
    assert quick == {"policy"}


def test_the_average_of_the_weights_is_published_in_half_precision(tmp_path: Path, cifar10_dir: Path) -> None:
    folder = train(tmp_path / "average", cifar10_dir, BACKBONE, ema=0.9)
    state = load_file(folder / STATE_FILE)
    published, kept = weights(folder), load_file(folder / "weights.safetensors")
    for key, value in published.items():
        average = state[f"average.{key}"]
        matrix = key.endswith("weight") and value.ndim > 1
        assert torch.equal(value, average.half().float() if matrix else average), key
        assert not matrix or kept[key].dtype == torch.float16
    assert kept["body.blocks.1.bn1.full.running_var"].dtype == torch.float32, "half precision does not hold it exactly"
    found = load_checkpoint(folder).model.state_dict()
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in published.items())
    before = start(tmp_path / "untrained", cifar10_dir, BACKBONE, ema=0.9).state.model.state_dict()
    for other in (state["model.body.stem.0.weight"], before["body.stem.0.weight"]):
        assert not torch.equal(published["body.stem.0.weight"], other)


def test_a_folder_of_the_users_own_gets_its_own_classes_and_statistics(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("test", 4)):
        write_tree(tmp_path / "shapes", split, {"circle": count, "square": count, "star": count})
    folder = train(tmp_path / "run", tmp_path, {**BACKBONE, "classes": 10}, dataset="shapes", batch_size=27)
    card = load_checkpoint(folder).card
    assert card.classes == ("circle", "square", "star")
    assert card.config.classes == 3
    images, _ = train_validation(load_images("shapes", tmp_path, "train"), VALIDATION)
    assert (card.mean, card.std) == channel_statistics(images)


def test_a_gated_network_trains_under_bf16(backbone: Path, tmp_path: Path, cifar10_dir: Path) -> None:
    settings = {"stage": "joint", "start_from": str(backbone), "precision": "bf16", "alpha": 1e-3}
    folder = train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 20}, **settings)
    assert all(value.isfinite().all() for value in weights(folder).values())
    found = load_checkpoint(folder)
    assert found.card.training["precision"] == "bf16"
    assert {value.dtype for value in found.model.parameters()} == {torch.float32}


def test_a_stage_that_trains_no_gates_refuses_a_network_that_has_some(tmp_path: Path, cifar10_dir: Path) -> None:
    with pytest.raises(UserError, match="stage 'backbone' trains no gates"):
        train(tmp_path / "run", cifar10_dir, GATED, iterations=1)
    assert not (tmp_path / "run").exists(), "it is refused before anything is written"
