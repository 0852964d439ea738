"""Training settings: files that build on each other, what follows from a setting, and mistakes in one clear line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from places import REPOSITORY
from tiny_runs import BACKBONE, GATED, write_config

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.training.config_files import config_texts, load_config, of_seed
from dfs_core.training.train_config import TrainConfig

PUBLISHED = sorted((REPOSITORY / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_every_published_run_can_be_read_and_is_named_as_its_file(path: Path) -> None:
    config = load_config(path)
    assert config.name.startswith(path.stem)
    assert config.total_steps(45_000) > 0
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_there_are_published_runs() -> None:
    assert len(PUBLISHED) > 5


def test_make_train_carries_out_what_a_run_builds_on_before_the_run() -> None:
    said = subprocess.run(["make", "-n", "train"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    runs = said.partition("for run in ")[2].partition(";")[0].split()
    assert runs
    for place, name in enumerate(runs):
        config = load_config(REPOSITORY / "configs" / f"{name}.toml")
        assert {config.start_from, config.teacher} - {""} <= set(runs[:place]), name
    assert set(runs) >= {card.parent.name for card in (REPOSITORY / "pretrained").glob("*/card.json")}


def test_a_file_builds_on_its_base_and_the_model_tables_are_merged(tmp_path: Path) -> None:
    write_config(tmp_path / "first.toml", {**GATED, "gate_width": 7}, lr=0.5, epochs=9)
    (tmp_path / "second.toml").write_text('base = "first.toml"\nname = "second"\nepochs = 4\n')
    (tmp_path / "third.toml").write_text(
        'base = "second.toml"\nname = "third"\nlr = 0.25\n[model]\nbudget = 20\ndepth = 14\n'
    )
    second, third = (load_config(tmp_path / f"{name}.toml") for name in ("second", "third"))
    assert (second.name, second.lr, second.epochs, second.model.depth) == ("second", 0.5, 4, 8)
    assert (third.name, third.lr, third.epochs) == ("third", 0.25, 4)
    assert third.model == ModelConfig(depth=14, options="skip,4,full", gate_width=7, budget=20)


def test_a_file_and_its_bases_travel_together_and_are_read_again(tmp_path: Path) -> None:
    write_config(tmp_path / "first.toml", GATED, lr=0.5)
    (tmp_path / "second.toml").write_text('base = "first.toml"\nepochs = 4\n')
    (tmp_path / "third.toml").write_text('base = "second.toml"\nname = "third"\n')
    texts = config_texts(tmp_path / "third.toml")
    assert set(texts) == {"config.toml", "second.toml", "first.toml"}
    (tmp_path / "checkpoint").mkdir()
    for name, text in texts.items():
        (tmp_path / "checkpoint" / name).write_text(text)
    again = tmp_path / "checkpoint" / "config.toml"
    assert load_config(again) == load_config(tmp_path / "third.toml")
    assert config_texts(again) == texts


def test_a_run_of_another_seed_has_a_name_of_its_own_and_its_file_says_what_was_changed(tmp_path: Path) -> None:
    write_config(tmp_path / "first.toml", GATED, lr=0.5)
    path = tmp_path / "second.toml"
    path.write_text('base = "first.toml"\nname = "second"\n')
    changes = of_seed(path, 7) | {"start_from": "parent-seed7"}
    config = load_config(path, changes)
    assert (config.name, config.seed, config.start_from, config.lr) == ("second-seed7", 7, "parent-seed7", 0.5)
    (tmp_path / "checkpoint").mkdir()
    for name, text in config_texts(path, changes).items():
        (tmp_path / "checkpoint" / name).write_text(text)
    again = tmp_path / "checkpoint" / "config.toml"
    assert load_config(again) == config
    assert again.read_text().splitlines()[0] == 'base = "second.toml"'
    assert load_config(again, of_seed(again, 8)).name == "second-seed7-seed8"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "cannot be read as TOML"),
        ("\xff\xfe", "cannot be read as TOML"),
        ('name = "a"\nbase = "gone.toml"', r"base gone.toml: no such configuration"),
        ('name = "a"\nbase = "run.toml"', r"base run.toml: it is its own base"),
        ('name = "a"\nbase = 3', "base must be the name of a file beside it, other than config.toml, not 3"),
        ('name = "a"\nbase = "../b.toml"', r"base must be the name of a file beside it, .* not '../b.toml'"),
        ('name = "a"\nbase = "config.toml"', r"base must be the name of a file beside it, .* not 'config.toml'"),
        ('name = "a"\nmodel = 3', "model must be a table, not 3"),
        ('name = "a"\nlearning_rate = 3', "unknown setting learning_rate"),
        ('name = "a"\n[model]\nwidths = 3', "unknown model setting widths"),
        ('name = "a"\n[model]\nwidth = 3\n[optimiser]', "unknown setting optimiser"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_its_name_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=reason) as refusal:
        load_config(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.toml: no such configuration"):
        load_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"epochs": "many"}, "epochs must be a whole number, not 'many'"),
        ({"epochs": 1.5}, "epochs must be a whole number, not 1.5"),
        ({"batch_size": True}, "batch_size must be a whole number, not True"),
        ({"lr": "0.1"}, "lr must be a number, not '0.1'"),
        ({"lr": float("inf")}, "lr must be a number, not inf"),
        ({"alpha": float("nan")}, "alpha must be a number, not nan"),
        ({"compile": 1}, "compile must be true or false, not 1"),
        ({"start_from": None}, "start_from must be a text, not None"),
        ({"milestones": [0.5, "end"]}, "milestones must be a list, each item a number"),
        ({"milestones": 0.5}, "milestones must be a list"),
        ({"stage": ["joint"]}, r"stage must be a text, not \['joint'\]"),
        ({"precision": 16}, "precision must be a word, not 16"),
        ({"model": {"depth": 38.0}}, "depth must be a whole number, not 38.0"),
        ({"model": [1]}, r"model must be a table, not \[1\]"),
        ({"name": ""}, "'' cannot name a checkpoint"),
        ({"name": "a/b"}, "'a/b' cannot name a checkpoint"),
        ({"name": ".."}, "'..' cannot name a checkpoint"),
        ({"name": "."}, "'.' cannot name a checkpoint"),
        ({"stage": "all"}, "stage 'all' is unknown: use backbone, gates, joint"),
        ({"schedule": "linear"}, "schedule 'linear' is unknown: use cosine or step"),
        ({"precision": "fp16"}, "precision 'fp16' is unknown: use auto or bf16 or fp32"),
        ({"batch_size": 0}, "batch_size must be positive, not 0"),
        ({"lr": -0.1}, "lr must be positive, not -0.1"),
        ({"save_every": 0}, "save_every must be positive"),
        ({"warmup": 1.0}, "warmup is a fraction from 0 to 1, not 1.0"),
        ({"ema": -0.1}, "ema is a fraction from 0 to 1, not -0.1"),
        ({"epochs": 0}, "needs epochs or iterations"),
        ({"teacher": "x"}, "needs both a teacher and a weight above 0"),
        ({"distillation": 0.5}, "needs both a teacher and a weight above 0"),
        ({"stage": "gates", "model": BACKBONE}, "stage 'gates' is for a policy that decides, and a constant"),
        ({"stage": "joint", "model": GATED}, "stage 'joint' needs the budget"),
        ({"settle": 3}, "settle counts steps at the end of a run of stage 'joint' without ema"),
        ({"iterations": -5}, "iterations cannot be below 0, and is -5"),
        ({"validation": 0}, "validation must be positive, not 0"),
        ({"alpha": -5e-6}, "alpha cannot be below 0"),
        ({"weight_decay": -1.0}, "weight_decay cannot be below 0"),
        ({"method": " "}, "method names the family"),
        ({"nesterov": True, "momentum": 0}, "give momentum above 0"),
        ({"seed": 10**13}, "seed is a whole number from 0 to 4294967295"),
        ({"milestones": [0.5, 7]}, "milestones are fractions of the run"),
        ({"traced": [1.0]}, "traced lists budgets for a policy of utilities to be asked for: utility, "),
        ({"traced": [0.1234567], "model": {"policy": "table"}}, "of six digits at most, and 0.1234567 is none"),
        ({"traced": [1.0, 0], "model": {"policy": "table"}}, "traced lists budgets in percent, .* and 0 is none"),
        ({"hold_budget": True, "model": GATED}, "hold_budget needs the paper's gate and a budget"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_clear_line(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as refusal:
        TrainConfig.from_dict({"name": "run", **settings})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("settings", [{}, {"lr": 0.1}])
def test_a_run_needs_a_name(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="a run needs a name"):
        TrainConfig.from_dict(settings)


@pytest.mark.parametrize("data", [None, [], "name"])
def test_what_is_no_table_is_refused(data: Any) -> None:
    with pytest.raises(UserError, match="settings must be a table"):
        TrainConfig.from_dict(data)


def test_whole_numbers_do_for_numbers_and_distillation_may_be_everything() -> None:
    config = TrainConfig.from_dict({"name": "run", "lr": 1, "teacher": "big", "distillation": 1})
    assert (config.lr, config.distillation) == (1, 1)


@pytest.mark.parametrize(
    ("stage", "budget", "target"), [("backbone", None, None), ("gates", 20, 100.0), ("joint", 20, 20)]
)
def test_each_stage_holds_its_target(stage: str, budget: float | None, target: float | None) -> None:
    assert TrainConfig(name="run", stage=stage, model=ModelConfig(budget=budget)).target == target


def test_steps_are_whole_batches_of_every_epoch_or_the_iterations_given() -> None:
    assert TrainConfig(name="run", epochs=3, batch_size=128).total_steps(45_000) == 3 * 351
    assert TrainConfig(name="run", epochs=3, iterations=7).total_steps(45_000) == 7
    with pytest.raises(UserError, match="batch_size 128 is more than the 127 training images"):
        TrainConfig(name="run", iterations=7).total_steps(127)


def test_the_number_of_classes_follows_the_data() -> None:
    config = TrainConfig(name="run", model=ModelConfig(depth=14, budget=20.0))
    assert config.with_classes(100).model == ModelConfig(depth=14, budget=20.0, classes=100)
