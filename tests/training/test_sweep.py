"""Sweeps: a short file names many runs, each after those that it starts from; what is done is not done again."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from console import run_wrong
from places import REPOSITORY
from tiny_sweep import CHAIN, RUNS, write_recipes, write_sweep

from dfs_core.cli import main
from dfs_core.commands.sweep import Progress, share
from dfs_core.errors import UserError
from dfs_core.training import cluster, sweep
from dfs_core.training.sweep import Ending, read_sweep
from dfs_core.training.train_config import TrainConfig


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recipes, without published checkpoints, and in force."""
    monkeypatch.delenv("DFS_RUNS_DIR")
    monkeypatch.chdir(write_recipes(tmp_path, small={}))
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    return tmp_path


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "has_ray", lambda: False)


def names(folder: Path, text: str, network: str | None = None) -> list[str]:
    return [run.name for run in read_sweep(write_sweep(folder, text), network)]


def test_runs_come_after_those_that_they_start_from_and_these_are_found(folder: Path) -> None:
    runs = read_sweep(write_sweep(folder))
    assert [run.name for run in runs] == RUNS
    assert [run.needs for run in runs] == [(), ("tiny",), ("gates-tiny", "tiny"), ("gates-tiny", "tiny"), ("tiny",)]
    assert [run.config.model.budget for run in runs] == [None, None, 20, 40, None]


def test_every_combination_of_the_lists_is_a_run_and_a_group_may_be_for_some_networks(folder: Path) -> None:
    text = 'network = ["tiny", "small"]\n[[runs]]\nmethod = ["backbone", "gates"]\n'
    text += '[[runs]]\nmethod = ["static"]\nnetwork = ["small"]\nbits = [2, 4]\n'
    assert names(folder, text) == ["tiny", "small", "gates-tiny", "gates-small", "static2-small", "static4-small"]
    assert names(folder, text, "tiny") == ["tiny", "gates-tiny"]


def test_numbers_stand_in_names_as_in_the_file(folder: Path) -> None:
    recipe = folder / "configs" / "dfs.toml"
    recipe.write_text(recipe.read_text().replace("-b{budget}", "-b{budget}-a{alpha}"))
    text = 'network = ["tiny"]\n[[runs]]\nmethod = ["dfs"]\nbudget = [12.5, 20]\nalpha = [1e-6, 2.5e-5]\n'
    assert names(folder, text)[2:] == [f"dfs-tiny-b{b}-a{a}" for b in ("12.5", "20") for a in ("1e-6", "2.5e-5")]


def test_a_run_with_a_seed_starts_from_the_same_seed_where_the_sweep_has_it(folder: Path) -> None:
    text = 'network = ["tiny"]\nseed = [0, 3]\n[[runs]]\nmethod = ["gates", "dfs"]\nbudget = [20]\n'
    runs = {run.name: run for run in read_sweep(write_sweep(folder, text))}
    assert list(runs) == ["tiny", "gates-tiny", "dfs-tiny-b20", "gates-tiny-seed3", "dfs-tiny-b20-seed3"]
    last = runs["dfs-tiny-b20-seed3"]
    assert (last.config.seed, last.config.start_from, last.config.teacher) == (3, "gates-tiny-seed3", "tiny")
    assert last.needs == ("gates-tiny-seed3", "tiny")
    assert runs["gates-tiny-seed3"].needs == ("tiny",)


def test_a_checkpoint_is_not_trained_again_for_the_runs_that_start_from_it(folder: Path) -> None:
    text = 'network = ["tiny"]\n[[runs]]\nmethod = ["static"]\nbits = [4]\n'
    assert names(folder, text) == ["tiny", "static4-tiny"]
    (folder / "pretrained" / "tiny").mkdir(parents=True)
    (folder / "pretrained" / "tiny" / "card.json").touch()
    assert names(folder, text) == ["static4-tiny"]
    assert names(folder, text.replace('["static"]', '["static", "backbone"]')) == ["tiny", "static4-tiny"]


def test_the_seeds_of_make_seeds_start_from_the_shared_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    runs = {run.name: run.config for run in read_sweep(Path("configs/sweeps/seeds.toml"))}
    assert "supernet-lowbit-resnet38-cifar10" in runs
    for seed in (1, 2):
        for method in ("lowbit", "mixed", "blockdrop"):
            gates = runs[f"{method}-gates-resnet38-cifar10-seed{seed}"]
            assert gates.start_from == "supernet-lowbit-resnet38-cifar10"
            assert runs[f"{method}-resnet38-cifar10-seed{seed}"].start_from == gates.name
        assert {f"static{bits}-resnet38-cifar10-seed{seed}" for bits in (2, 3, 4, 8)} <= set(runs)
    assert len(runs) == 1 + 2 * 10


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("network = [", "sweep .*sweep.toml: .*"),
        ('network = ["tiny"]', "missing key runs"),
        ('network = ["tiny"]\n[[runs]]\n', r"runs\[0\]: missing key method"),
        ('network = ["tiny"]\n[[runs]]\nmethod = ["dfs"]\n', r"method 'dfs' needs a list: budget = \[...\]"),
        ('network = ["tiny"]\n[[runs]]\nmethod = ["gates"]\nbits = [2]\n', "bits is given, but no run of gates has"),
        (
            'network = ["tiny"]\n[[runs]]\nmethod = ["skipnet"]\n',
            "method 'skipnet' is no recipe in configs/: use backb",
        ),
        ('network = ["large"]\n[[runs]]\nmethod = ["gates"]\n', "run gates-large: no recipe and network match it"),
        ('network = ["tiny"]\nseed = [-1]\n[[runs]]\nmethod = ["gates"]\n', "seed is a whole number from 0"),
        ('network = ["tiny"]\nseed = ["a"]\n[[runs]]\nmethod = ["gates"]\n', r"seed\[0\] must be a whole number"),
        ('network = ["tiny"]\n[[runs]]\nmethod = ["dfs"]\nbudget = [nan]\n', "run dfs-tiny-bnan: no run has this name"),
        ('network = ["tiny"]\n[[runs]]\nmethod = ["gates"]\nnetwork = ["small"]\n', "has no run"),
        ('network = ["tiny"]\nbudgets = [3]\n[[runs]]\nmethod = ["gates"]\n', "unknown key budgets"),
    ],
)
def test_a_sweep_with_a_mistake_is_refused_in_one_line(folder: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as refusal:
        read_sweep(write_sweep(folder, text))
    assert "\n" not in str(refusal.value)


def test_a_recipe_whose_name_is_no_text_is_refused(folder: Path) -> None:
    static = folder / "configs" / "static.toml"
    named = '"static{bits}-{network}"'
    static.write_text(static.read_text().replace(named, f"[{named}]"))
    with pytest.raises(UserError, match="name must be a text"):
        names(folder, 'network = ["tiny"]\n[[runs]]\nmethod = ["static"]\nbits = [4]\n')


def test_a_missing_file_a_circle_and_a_start_from_nothing_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"sweep nowhere\.toml: No such file"):
        read_sweep(Path("nowhere.toml"))
    gates = folder / "configs" / "gates.toml"
    gates.write_text(gates.read_text().replace('"{network}"', '"static4-{network}"'))
    static = folder / "configs" / "static.toml"
    static.write_text(static.read_text().replace('start_from = "{network}"', 'start_from = "gates-{network}"'))
    with pytest.raises(UserError, match="start from one another: gates-tiny <- static4-tiny <- gates-tiny"):
        names(folder, 'network = ["tiny"]\n[[runs]]\nmethod = ["gates"]\n')
    gates.write_text(gates.read_text().replace('"static4-{network}"', '"elsewhere"'))
    with pytest.raises(UserError, match="run gates-tiny needs 'elsewhere', which is neither a checkpoint nor a run"):
        names(folder, 'network = ["tiny"]\n[[runs]]\nmethod = ["gates"]\n')


def test_without_ray_the_runs_are_done_in_order_and_not_again(
    folder: Path, cifar10_dir: Path, without_ray: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", str(write_sweep(folder)), "--data-dir", str(cifar10_dir)]
    assert main(words) == 0
    first = capsys.readouterr()
    assert [line.split()[:2] for line in first.out.splitlines()[1:]] == [[name, "trained"] for name in RUNS]
    assert "pip install 'dfs-explorer[cluster]'" in first.err.splitlines()[0]
    assert [line for line in first.err.splitlines() if line.startswith("[")] == [
        f"[{done}/5] {name}: trained" for done, name in enumerate(RUNS, start=1)
    ]
    made = {name: (folder / "runs" / name / "weights.safetensors").stat().st_mtime_ns for name in RUNS}
    (folder / "configs" / "static.toml").unlink()  # one run less, nothing new
    write_sweep(folder, CHAIN.partition('[[runs]]\nmethod = ["static"]')[0])
    assert main([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["run"], row["outcome"]) for row in rows] == [(name, "published") for name in RUNS[:4]]
    assert all(0 <= row["accuracy"] <= 100 and row["seconds"] >= 0 for row in rows)
    assert all((folder / "runs" / name / "weights.safetensors").stat().st_mtime_ns == made[name] for name in made)


def test_lines_of_progress_count_steps_as_the_logs_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = read_sweep(write_sweep(folder))[:1]
    log = folder / "runs" / runs[0].name / "log.jsonl"
    log.parent.mkdir(parents=True)
    progress = Progress(runs)

    def said(*lines: str) -> str:
        log.write_text("".join(f"{line}\n" for line in lines))
        progress.look()
        return capsys.readouterr().err

    plan, note = '{"step": 0, "epoch": 0.0, "steps": 40}', '{"step": 10, "epoch": 1, "note": "of no matter"}'
    assert said(plan) == f"[0/1] {runs[0].name}: begins\n", "no step of it is done yet"
    step = '{"step": 10, "epoch": 1, "loss": 2.5}'
    assert said(plan, step) == f"[0/1] {runs[0].name}: step 10, 25 %, loss 2.500\n"
    assert said(plan, step, note, '{"step": 12, "epo') == ""


def test_what_starts_from_a_run_that_failed_is_not_begun_and_the_rest_is_done(
    folder: Path, cifar10_dir: Path, without_ray: None, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = folder / "configs" / "gates.toml"
    gates.write_text(gates.read_text().replace("batch_size = 30", "batch_size = 3000"))
    assert main(["sweep", str(write_sweep(folder)), "--data-dir", str(cifar10_dir), "--json"]) == 2
    rows = {row["run"]: (row["outcome"], row["why"]) for row in json.loads(capsys.readouterr().out)}
    assert rows == {
        "tiny": ("trained", ""),
        "gates-tiny": ("failed", "batch_size 3000 is more than the 90 training images"),
        "dfs-tiny-b20": ("not begun", "gates-tiny failed"),
        "dfs-tiny-b40": ("not begun", "gates-tiny failed"),
        "static4-tiny": ("trained", ""),
    }


@pytest.mark.parametrize("words", [["--address", "somewhere:1"], ["--cpus", "2"], ["--gpus", "0.5"]])
def test_what_needs_ray_says_how_to_install_it(
    folder: Path, without_ray: None, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    said = run_wrong(capsys, "sweep", write_sweep(folder), "--data-dir", ".", *words)
    assert said == f"error: {words[0]} needs Ray: pip install 'dfs-explorer[cluster]' installs Ray\n"


def test_ray_is_used_only_if_it_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def by(way: str) -> Callable[..., list]:
        return lambda runs, *rest: used.append(way) or [(run.name, Ending("failed", way)) for run in runs]

    used: list[str] = []
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(cluster, "has_ray", lambda: True)
    monkeypatch.setattr(cluster, "on_ray", by("on Ray"))
    monkeypatch.setattr(sweep, "one_by_one", by("here"))
    command = ["sweep", str(write_sweep(folder)), "--data-dir", str(folder)]
    assert main(command) == main([*command, "--cpus", "1"]) == 2
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert main(command) == 2
    assert used == ["here", "on Ray", "on Ray"]
    assert "--cpus 1 does several at once" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1", "127.0.0.1:99999", "a..b:1"])
def test_an_address_where_nothing_answers_is_told_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(cluster, "has_ray", lambda: True)
    said = run_wrong(capsys, "sweep", write_sweep(folder), "--data-dir", ".", "--address", address)
    assert said.startswith(f"error: no Ray cluster answers at {address} (")


@pytest.mark.parametrize(
    ("text", "wrong"), [("-1", True), ("1.5", True), ("many", True), ("nan", True), ("0.5", False)]
)
def test_a_number_of_gpus_is_a_whole_one_or_a_share_of_one(text: str, wrong: bool) -> None:
    if wrong:
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a number of GPUs"):
            share(text)
    else:
        assert share(text) == float(text)


def test_ray_is_imported_by_nothing_but_a_sweep_on_it() -> None:
    program = (
        "import sys, dfs_core.cli, dfs_core.training.cluster, dfs_core.training.sweep; print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.stdout == "False\n", done.stderr


def test_a_defect_in_one_run_leaves_the_others(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def broken(run: sweep.Run, *_: object) -> sweep.Ending:
        if run.name == "first":
            raise RuntimeError("CUDA out of memory\nand more")
        return sweep.Ending("trained")

    monkeypatch.setattr(sweep, "attempt", broken)
    runs = [sweep.Run(TrainConfig(name), ()) for name in ("first", "second")]
    found = dict(sweep.one_by_one(runs, Path()))
    assert (found["first"].state, found["second"].state) == ("failed", "trained")
    assert "CUDA out of memory" in str(found["first"])
    progress = Progress(runs)
    for name, outcome in found.items():
        progress.ended(name, outcome)
    said = capsys.readouterr().err
    assert "[1/2] first: failed: CUDA out of memory\nTraceback" in said
    assert said.endswith("[2/2] second: trained\n")
