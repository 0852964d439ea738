"""Training settings: files that build on each other, what follows from a setting, and mistakes in one clear line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from places import REPOSITORY
from tiny_runs import BACKBONE, GATED, write_config

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.training.config_files import config_text, is_run, load_config, of_seed
from dfs_core.training.sweep import read_sweep
from dfs_core.training.train_config import TrainConfig

NETWORKS = sorted(path.stem for path in (REPOSITORY / "configs/networks").glob("*.toml"))
PAPER = sorted((REPOSITORY / "configs").glob("paper-*.toml"))
CARDS = [json.loads(path.read_text()) for path in sorted((REPOSITORY / "pretrained").glob("*/card.json"))]


@pytest.fixture
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are looked up by name in the repository's configs/, wherever the tests are started."""
    monkeypatch.chdir(REPOSITORY)


def runs_of(network: str) -> list[str]:
    """The runs that ``make train NETWORK=...`` carries out, in order."""
    command = ["make", "-n", "train", f"NETWORK={network}"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    (words,) = (line.split() for line in said.splitlines() if " sweep " in line)
    assert words[words.index("--network") + 1] == network
    return [run.name for run in read_sweep(Path(words[-1]), network)]


def test_there_are_networks_and_the_papers_own_schedules() -> None:
    assert {"resnet38-cifar10", "resnet74-cifar10", "resnet38-cifar100", "resnet74-cifar100"} <= set(NETWORKS)
    for path in PAPER:
        config = load_config(path)
        assert config.name.startswith(path.stem)
        assert config.total_steps(45_000) > 0
    assert len(PAPER) == 3


@pytest.mark.parametrize("network", NETWORKS)
def test_make_train_carries_out_what_a_run_builds_on_before_the_run(network: str, in_repository: None) -> None:
    runs = runs_of(network)
    assert len(runs) >= 17
    for place, name in enumerate(runs):
        config = load_config(name)
        assert config.name == name
        shipped = {card["name"] for card in CARDS} - set(runs)
        assert {config.start_from, config.teacher} - {""} <= {*runs[:place], *shipped}, name
        assert f"resnet{config.model.depth}-{config.dataset}" in name
        assert network in name or name == network.replace("74", "38"), "ResNet-74 begins with ResNet-38"
        assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    published = {card["name"] for card in CARDS if f"resnet{card['model']['depth']}-{card['dataset']}" == network}
    assert published <= set(runs)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (
            "resnet74-cifar100",
            {"stage": "backbone", "dataset": "cifar100", "depth": 74, "start_from": "resnet38-cifar100"},
        ),
        ("static4-resnet74-cifar100", {"options": "4,full", "constant": ("4",), "teacher": "resnet74-cifar100"}),
        ("dfs-resnet38-cifar100-b20", {"budget": 20, "alpha": 5e-6, "start_from": "gates-resnet38-cifar100"}),
        ("dfs-resnet38-cifar10-b12.5-a2.5e-5", {"budget": 12.5, "alpha": 2.5e-5, "gate_lr": 750.0}),
        ("dfs-resnet38-cifar10-b20-a2.5e-5", {"budget": 20, "alpha": 2.5e-5, "gate_lr": 150.0, "settle": 0}),
        ("mixed-resnet38-cifar100", {"policy": "table", "start_from": "mixed-gates-resnet38-cifar100", "lr": 0.01}),
    ],
)
def test_the_name_of_a_run_says_what_it_is(name: str, settings: dict[str, Any], in_repository: None) -> None:
    config = load_config(name)
    found = config.to_dict() | config.to_dict()["model"]
    assert {key: found[key] for key in settings} == {
        key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("statik4-resnet74-cifar100", "static4-resnet74-cifar100"),
        ("static-resnet38-cifar10", "static4-resnet38-cifar10"),
        ("dfs-resnet38-cifar10", "dfs-resnet38-cifar10-b20"),
        ("resnet38-cifr10", "resnet38-cifar10"),
    ],
)
def test_a_name_that_is_nearly_a_runs_is_answered_with_that(name: str, meant: str, in_repository: None) -> None:
    with pytest.raises(UserError, match=rf"no run has this name: did you mean .*{meant}"):
        load_config(name)
    assert not is_run(name)
    assert is_run(meant)


@pytest.mark.parametrize("name", ["static4", "nonsense", ""])
def test_a_name_that_no_recipe_gives_is_refused_with_those_that_there_are(name: str, in_repository: None) -> None:
    with pytest.raises(UserError, match=r"no recipe and network match it \(networks: .*resnet74-cifar100") as refusal:
        load_config(name)
    assert "\n" not in str(refusal.value)


def test_where_there_are_no_recipes_a_name_is_refused_and_a_file_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no configs/ with recipes; the name of a file must end in \.toml"):
        load_config("static4-resnet38-cifar10")


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["name"])
def test_a_published_run_is_what_its_recipe_gives(card: dict[str, Any], in_repository: None) -> None:
    config = load_config(card["name"]).to_dict()
    made = card["training"]
    for key in ("precision", "traced", "log_every", "save_every", "compile"):
        config.pop(key), made.pop(key)
    for settings in (config["model"], made["model"]):
        for key in ("classes", "prices", "limits"):
            settings.pop(key, None)
    assert {key: value for key, value in made.items() if config.get(key) != value} == {}


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


def test_what_travels_with_a_checkpoint_gives_the_whole_configuration_alone(tmp_path: Path) -> None:
    write_config(tmp_path / "first.toml", {**GATED, "gate_width": 7}, lr=0.5, milestones=[0.25, 0.5], nesterov=True)
    (tmp_path / "second.toml").write_text('base = "first.toml"\nname = "second"\n[model]\nbudget = 12.5\n')
    changes = of_seed(load_config(tmp_path / "second.toml"), 7) | {"start_from": 'parent "7"'}
    config = load_config(tmp_path / "second.toml", changes)
    assert (config.name, config.seed, config.start_from, config.lr) == ("second-seed7", 7, 'parent "7"', 0.5)
    (tmp_path / "checkpoint").mkdir()
    again = tmp_path / "checkpoint" / "config.toml"
    again.write_text(config_text(config))
    assert load_config(again) == config
    assert load_config(again, of_seed(config, 8)).name == "second-seed7-seed8"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "cannot be read as TOML"),
        ("\xff\xfe", "cannot be read as TOML"),
        ('name = "a"\nbase = "gone.toml"', r"base gone.toml: no such configuration"),
        ('name = "a"\nbase = "run.toml"', r"base run.toml: base refers back to the file itself"),
        ('name = "a"\nbase = 3', "base must be the name of a file in the same folder, not 3"),
        ('name = "a"\nbase = "../b.toml"', r"base must be the name of a file in the same folder, not '../b.toml'"),
        ('name = "a"\nmodel = 3', "model must be a table, not 3"),
        ('name = "a"\nlearning_rate = 3', "unknown key learning_rate"),
        ('name = "a"\nepocs = 3', "unknown key epocs: did you mean epochs\\?"),
        ('name = "a"\n[model]\ndept = 38', "unknown key model.dept: did you mean depth\\?"),
        ('name = "a"\n[model]\nwidths = 3', "unknown key model.widths"),
        ('name = "a"\n[model]\nwidth = 3\n[optimiser]', "unknown key optimiser"),
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
        ({"milestones": [0.5, "end"]}, r"milestones\[1\] must be a number, not 'end'"),
        ({"milestones": 0.5}, "milestones must be a list"),
        ({"stage": ["joint"]}, r"stage must be a text, not \['joint'\]"),
        ({"shortened": [40]}, "shortened is \\[step, steps for the rest\\], both above 0, not \\[40\\]"),
        ({"shortened": [40, 0]}, "shortened is \\[step, steps for the rest\\], both above 0, not \\[40, 0\\]"),
        ({"shortened": [40, 20], "schedule": "constant"}, "shortened is for a cosine or step schedule without settle"),
        ({"precision": 16}, "precision must be a word, not 16"),
        ({"model": {"depth": 38.0}}, "model.depth must be a whole number of at most 2000, not 38.0"),
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
        ({"distillation": 1.5, "teacher": "x"}, "distillation is a fraction from 0 to 1, not 1.5"),
        ({"distillation": 0.5}, "needs both a teacher and a weight above 0"),
        ({"stage": "gates", "model": BACKBONE}, "stage 'gates' needs a policy that can learn, not the constant"),
        ({"stage": "joint", "model": GATED}, "stage 'joint' needs a budget to hold"),
        ({"settle": 3}, "settle works in stage 'joint' without ema alone"),
        ({"iterations": -5}, "iterations cannot be below 0, but is -5"),
        ({"validation": 0}, "validation must be positive, not 0"),
        ({"alpha": -5e-6}, "alpha cannot be below 0"),
        ({"weight_decay": -1.0}, "weight_decay cannot be below 0"),
        ({"method": " "}, "method must be a word"),
        ({"method": "a\tb"}, "method must be a word"),
        ({"method": "m" * 201}, "method must be a word"),
        ({"name": "a\nb"}, "cannot name a checkpoint"),
        ({"name": "n" * 250}, "cannot name a checkpoint"),
        ({"stage": "utilities", "model": {"options": "4", "policy": "utility"}}, "needs two or more"),
        ({"stage": "gates", "model": {"policy": "utility"}}, "holds a budget by the paper's gate"),
        ({"stage": "adapt", "batch_size": 1, "model": {"policy": "confidence"}}, "needs a batch_size of 2 or more"),
        ({"nesterov": True, "momentum": 0}, "nesterov needs momentum above 0"),
        ({"seed": 10**13}, "seed is a whole number from 0 to 4294967295"),
        ({"milestones": [0.5, 7]}, "milestones are fractions of the run"),
        ({"traced": [1.0]}, "traced needs a policy that follows a price: utility, "),
        ({"traced": [0.1234567], "model": {"policy": "table"}}, "with at most six digits, not 0.1234567"),
        ({"traced": [1.0, 0], "model": {"policy": "table"}}, "traced lists budgets in percent .*, not 0.0"),
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
    with pytest.raises(UserError, match="must be a table"):
        TrainConfig.from_dict(data)


def test_whole_numbers_do_for_numbers_and_distillation_may_be_everything() -> None:
    config = TrainConfig.from_dict({"name": "run", "lr": 1, "teacher": "big", "distillation": 1})
    assert (config.lr, config.distillation) == (1, 1)


@pytest.mark.parametrize(
    ("stage", "budget", "target"), [("backbone", None, None), ("gates", 20, 100.0), ("joint", 20, 20)]
)
def test_each_stage_holds_its_target(stage: str, budget: float | None, target: float | None) -> None:
    assert TrainConfig(name="run", stage=stage, model=ModelConfig(budget=budget)).target == target


def test_any_word_stands_in_a_runs_own_file(tmp_path: Path) -> None:
    config = TrainConfig(name="run", method="m\N{SLIGHTLY SMILING FACE}\N{LATIN SMALL LETTER E WITH ACUTE}")
    (tmp_path / "config.toml").write_text(config_text(config), encoding="utf-8")
    assert load_config(tmp_path / "config.toml") == config


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("configs/odd.toml", 'name = "odd{seed}-{network}"', "odd.toml: its name has {seed}, which is unknown"),
        ("configs/odd.toml", 'name = "{network}-{network}"', "odd.toml: a placeholder stands twice in its name"),
        ("configs/odd.toml", "name = ", "odd.toml: cannot be read as TOML"),
        ("configs/plain.toml", 'name = "{network}"\nmethod = "{bits}"', "{bits}, which the run's name does not have"),
        ("configs/networks/tiny.toml", "runs = 3", "tiny.toml: runs must be tables: [runs.tiny]"),
        ("configs/networks/tiny.toml", "[runs]\ntiny = 3", "tiny.toml: runs must be tables: [runs.tiny]"),
        ("configs/networks/tiny.toml", "runs = ", "tiny.toml: cannot be read as TOML"),
    ],
)
def test_a_fault_in_configs_is_named_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, message: str
) -> None:
    (tmp_path / "configs" / "networks").mkdir(parents=True)
    (tmp_path / "configs" / "plain.toml").write_text('name = "{network}"')
    (tmp_path / "configs" / "networks" / "tiny.toml").write_text('dataset = "cifar10"')
    monkeypatch.chdir(tmp_path)
    assert load_config("tiny").dataset == "cifar10"
    (tmp_path / file).write_text(text)
    with pytest.raises(UserError) as refusal:
        load_config("tiny")
    assert message in str(refusal.value)


def test_steps_are_whole_batches_of_every_epoch_or_the_iterations_given() -> None:
    assert TrainConfig(name="run", epochs=3, batch_size=128).total_steps(45_000) == 3 * 351
    assert TrainConfig(name="run", epochs=3, iterations=7).total_steps(45_000) == 7
    with pytest.raises(UserError, match="batch_size 128 is more than the 127 training images"):
        TrainConfig(name="run", iterations=7).total_steps(127)


def test_a_shortened_run_passes_through_the_rest_of_its_schedule_faster() -> None:
    config = TrainConfig(name="run", iterations=100, shortened=(40, 20))
    assert (config.total_steps(128), config.planned_steps(128)) == (60, 100)
    assert [config.scheduled(step, 100) for step in (0, 39, 40, 41, 59)] == [0, 39, 40, 43, 97]
    with pytest.raises(UserError, match="shortened starts at step 40, but the run has 40 steps"):
        replace(config, iterations=40).total_steps(128)


def test_an_unfinished_run_may_be_shortened_from_its_step_on() -> None:
    planned = TrainConfig(name="run", iterations=100).to_dict()
    config = TrainConfig(name="run", iterations=100, shortened=(40, 20))
    assert config.differs_from(planned, step=40) == []
    assert config.differs_from(planned, step=41) == ["shortened"], "too late"
    assert config.differs_from(planned) == ["shortened"], "it is another network when it has ended"
    later = replace(config, shortened=(50, 20))
    assert later.differs_from(config.to_dict(), step=40) == []
    assert later.differs_from(config.to_dict(), step=45) == ["shortened"], "the other run has left the schedule"


def test_the_number_of_classes_follows_the_data() -> None:
    config = TrainConfig(name="run", model=ModelConfig(depth=14, budget=20.0))
    assert config.with_classes(100).model == ModelConfig(depth=14, budget=20.0, classes=100)
