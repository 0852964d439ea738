"""Training for time: what is charged for an option is its measured time, and the budget is a share of it."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import GATED, train

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.run_log import read_log
from dfs_core.data.splits import load_splits
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import run
from dfs_core.files import json_text
from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration, NetworkShape
from dfs_core.timing.kept import this_machine
from dfs_core.training.charges import time_charges, with_charges
from dfs_core.training.config_files import load_config
from dfs_core.training.sweep import Run, attempt
from dfs_core.training.train_config import TrainConfig

CONFIG = ModelConfig(**GATED, budget=60)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """In a batch of 8, a block takes 1 ms if it is skipped, 4 with few bits, 8 in full; the last takes twice that."""
    shape = NetworkShape.of(CONFIG)
    own = {"skip": 1.0, "few bits": 4.0, "real": 8.0}
    blocks = [tuple((0.1, own[kind]) for kind in shape.kinds) for _ in range(CONFIG.gated_blocks)]
    blocks[-1] = tuple((0.1, 2 * own[kind]) for kind in shape.kinds)
    none = ((0.0, 0.0),) * CONFIG.gated_blocks
    about = (this_machine(), 1, "library", "2026-11-29", (1, 8), (0.0, 0.0), (0.0, 0.0))
    return Calibration(shape, *about, none, none, tuple(blocks))


@pytest.fixture(scope="module")
def file(calibration: Calibration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("times") / "times.json"
    path.write_text(json_text(asdict(calibration)))
    return path


def test_a_charge_is_a_share_of_the_mean_block_in_full(calibration: Calibration) -> None:
    charges = time_charges(calibration, CONFIG)
    assert charges.shape == (CONFIG.gated_blocks, len(CONFIG.option_set))
    assert float(charges[:, -1].mean()) == pytest.approx(1)
    assert float(charges[0, 0] / charges[0, -1]) == pytest.approx(1 / 8, abs=1e-5)
    assert charges[-1] == pytest.approx(2 * charges[0], abs=2e-6)


def test_a_budget_below_that_of_skipping_all_is_refused(file: Path) -> None:
    config = TrainConfig("one", stage="joint", model=CONFIG, cost="time", calibration=str(file))
    assert with_charges(config).charges
    low = replace(config, model=replace(CONFIG, budget=12))
    with pytest.raises(
        UserError, match=r"to skip every block takes 12\.5 % of the time, so a budget must be above that"
    ):
        with_charges(low)


def test_a_run_cannot_go_on_with_other_times(calibration: Calibration, tmp_path: Path, cifar10_dir: Path) -> None:
    path = tmp_path / "times.json"
    settings = {"stage": "joint", "alpha": 1e-3, "iterations": 2, "cost": "time", "calibration": str(path)}
    path.write_text(json_text(asdict(calibration)))
    folder = train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 60}, **settings)
    (folder / "card.json").unlink()
    slower = tuple((*block[:-1], (0.1, 99.0)) for block in calibration.blocks)
    path.write_text(json_text(asdict(replace(calibration, blocks=slower))))
    with pytest.raises(UserError, match="charges"):
        train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 60}, resume=True, **settings)
    path.write_text(json_text(asdict(calibration)))
    assert train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 60}, resume=True, **settings) == folder


def test_a_calibration_of_another_network_is_refused(calibration: Calibration) -> None:
    with pytest.raises(UserError, match="of another shape"):
        time_charges(calibration, replace(CONFIG, depth=20))
    wrong = replace(calibration, blocks=tuple(tuple((0.0, 0.0) for _ in block) for block in calibration.blocks))
    with pytest.raises(UserError, match="measure again"):
        time_charges(wrong, CONFIG)


def test_a_run_holds_a_share_of_the_time(
    calibration: Calibration, file: Path, tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"stage": "joint", "alpha": 1e-3, "epochs": 4, "lr": 0.02, "validation": 10, "hold_budget": True}
    settings |= {"cost": "time", "calibration": str(file), "log_every": 1}
    folder = train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 60}, **settings)
    made = load_checkpoint(folder)
    charges = np.array(made.card.training["charges"])
    assert charges == pytest.approx(time_charges(calibration, CONFIG))
    splits = load_splits("cifar10", 10, cifar10_dir, CONFIG.image_size)
    decisions = run(made.model, splits.validation, splits.mean, splits.std).decisions
    spent = 100 * charges[np.arange(len(charges)), decisions].mean()
    assert spent == pytest.approx(60, abs=8), "ten images move it in steps"
    assert made.card.budget == 60
    assert OperatingPoint(made.card).in_words.endswith("budget 60 % of the time, alpha 1e-3")
    assert made.card.notes.startswith("Its budget is 60 % of the time of all gated blocks in full, by ")
    steps = [line for line in read_log(folder / "log.jsonl") if "loss" in line]
    assert {line["time_target"] for line in steps} == {60.0}
    monkeypatch.setenv("DFS_RUNS_DIR", str(tmp_path))
    again = Run(load_config(tmp_path / "run.toml"), ())
    assert attempt(again, tmp_path / "no data", ()).state == "published", "a sweep does not begin it anew"
    assert all({"cp", "time"} <= set(line) and "target" not in line for line in steps)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cost": "time"}, "needs a calibration"),
        ({"calibration": "times.json"}, "no other cost does"),
        ({"cost": "watts"}, "cost 'watts' is unknown"),
        ({"cost": "time", "calibration": "times.json", "stage": "backbone"}, "is for the paper's gates"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        TrainConfig.from_dict({"name": "one", "stage": "joint", "model": CONFIG.to_dict(), "alpha": 1e-3} | wrong)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), ("{", "not readable as JSON"), ("{}", "missing")]
)
def test_a_file_that_is_no_calibration_is_named(
    tmp_path: Path, cifar10_dir: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "times.json"
    if content is not None:
        path.write_text(content)
    settings = {"stage": "gates", "alpha": 1e-3, "cost": "time", "calibration": str(path)}
    with pytest.raises(UserError, match=f"calibration .*times.json: .*{said}"):
        train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 60}, **settings)


def test_a_run_of_before_there_was_a_choice_goes_on() -> None:
    now = TrainConfig("one")
    before = {key: value for key, value in now.to_dict().items() if key not in ("cost", "calibration", "charges")}
    assert now.differs_from(before) == []
    assert now.differs_from(before | {"lr": 9.0}) == ["lr"]


def test_a_configuration_with_its_charges_needs_the_file_no_more(file: Path, tmp_path: Path) -> None:
    own = Path(shutil.copy(file, tmp_path))
    config = with_charges(TrainConfig("one", stage="joint", model=CONFIG, cost="time", calibration=str(own)))
    own.unlink()
    assert with_charges(config) == config
    with pytest.raises(UserError, match="calibration"):
        with_charges(replace(config, charges=()))


def test_charges_are_checked() -> None:
    with pytest.raises(UserError, match="charges are for cost 'time'"):
        TrainConfig("x", charges=((1.0, 2.0),))
