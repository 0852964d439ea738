"""An ImageNet ResNet on 64-pixel images in folders: every stage of training, from memory and from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from places import made_once
from shapes import BACKBONE, CLASSES, GATED, NETWORK, PRICED, SIZE, run, shape, write_runs, write_shapes
from tiny_runs import log_of, stopped_after, weights

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.cli import main
from dfs_core.data import stored
from dfs_core.data.sets import load_images
from dfs_core.data.splits import load_splits
from dfs_core.evaluation.evaluate import evaluate
from dfs_core.predictor import Predictor
from dfs_core.training.laboratory import Settings, fine_tune
from dfs_core.training.material import from_data_set
from dfs_core.training.train_config import STAGES


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    return made_once(tmp_path_factory, "shapes/pretrained", lambda folder: write_runs(folder, data_dir))


def test_a_backbone_learns_to_tell_shapes_apart(runs: Path) -> None:
    loss = log_of(runs / "shapes-backbone", "loss")
    assert len(loss) == 36
    assert sum(loss[-6:]) < 0.8 * sum(loss[:6])


@pytest.mark.parametrize("name", ["shapes-backbone", "shapes-dfs", "shapes-skipnet", "shapes-lowbit"])
def test_a_card_says_which_network_it_is_and_what_was_measured(runs: Path, data_dir: Path, name: str) -> None:
    checkpoint = load_checkpoint(runs / name)
    card = checkpoint.card
    assert card.classes == CLASSES
    assert card.model.items() >= NETWORK.items()
    assert card.config.layout.title == "ImageNet ResNet-18 x0.125, 64 px"
    assert len(card.evaluation("test").shares) == card.config.gated_blocks == 7
    images = load_images("shapes", data_dir, "test", size=SIZE)
    assert images.images.shape == (18, 3, SIZE, SIZE)
    assert card.evaluation("test") == evaluate(checkpoint.model, images, card.mean, card.std)
    traces = read_traces(runs / name, OperatingPoint(card))
    assert traces.decisions.shape == (18, 7)
    assert 100 * traces.correct.mean() == pytest.approx(card.evaluation("test").accuracy, abs=1e-3)


def test_every_budget_has_its_traces(runs: Path) -> None:
    card = load_checkpoint(runs / "shapes-lowbit").card
    assert card.budget_range
    assert card.config.usual_budget in stored_budgets(runs / "shapes-lowbit")


def test_a_picture_of_any_size_is_brought_to_the_networks(runs: Path, tmp_path: Path, capsys) -> None:
    predictor = Predictor.load(runs / "shapes-dfs")
    picture = shape(0, 5, (200, 150))
    (trace,) = predictor.predict([picture])
    assert len(trace.decisions) == 7
    with pytest.raises(ValueError, match=r"uint8 arrays of shape \(64, 64, 3\)"):
        predictor.predict([np.zeros((32, 32, 3), np.uint8)])
    picture.save(tmp_path / "circle.png")
    assert main(["predict", str(tmp_path / "circle.png"), "--checkpoint", str(runs / "shapes-dfs")]) == 0
    assert trace.label in capsys.readouterr().out


def test_commands_measure_it_again(runs: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--checkpoint", str(runs / "shapes-dfs"), "--data-dir", str(data_dir)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[-7:]] == [*"2345678"]
    assert main(["traces", "--checkpoint", str(runs / "shapes-dfs"), "--data-dir", str(data_dir)]) == 0


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (GATED, {"stage": "gates", "alpha": 1e-3}),
        ({**GATED, "budget": 30, "quantiser": "minmax"}, {"stage": "joint", "alpha": 1e-3, "settle": 2}),
        (PRICED | {"policy": "confidence"}, {"stage": "utilities"}),
        (PRICED | {"policy": "one-shot"}, {"stage": "utilities"}),
        (PRICED | {"policy": "table"}, {"stage": "utilities"}),
        (PRICED, {"stage": "adapt"}),
        ({**BACKBONE, "options": "4", "constant": ["4"]}, {"stage": "backbone", "erase": 8}),
    ],
    ids=["gates", "joint, settling", "confidence", "one-shot", "table", "adapt", "static"],
)
def test_every_stage_and_policy_trains(
    runs: Path, data_dir: Path, tmp_path: Path, model: dict[str, Any], settings: dict[str, Any]
) -> None:
    start = {"start_from": str(runs / "shapes-backbone"), "iterations": 2, "lr": 0.01}
    folder = run(tmp_path / "run", data_dir, model, **start, **settings)
    assert all(value.isfinite().all() for value in weights(folder).values())
    measured = load_checkpoint(folder).card.evaluation("test") is not None
    assert measured == STAGES[settings["stage"]].measured


def test_the_laboratory_tunes_its_gates(runs: Path, data_dir: Path) -> None:
    parent = load_checkpoint(runs / "shapes-dfs")
    tuned = fine_tune(parent, Settings(budget=50, alpha=1e-4, steps=20), from_data_set(parent.card, data_dir))
    assert len(tuned.steps) == 20
    assert tuned.checkpoint.card.config.layout == parent.card.config.layout


def test_a_bottleneck_network_trains_too(data_dir: Path, tmp_path: Path) -> None:
    deep = {**BACKBONE, "depth": 50, "width": 1 / 16}
    backbone = run(tmp_path / "backbone", data_dir, deep, iterations=2, lr=0.01)
    model = {**GATED, "depth": 50, "width": 1 / 16, "budget": 30}
    settings = {"stage": "joint", "start_from": str(backbone), "teacher": str(backbone), "distillation": 0.5}
    folder = run(tmp_path / "run", data_dir, model, iterations=2, alpha=1e-3, **settings)
    assert len(load_checkpoint(folder).card.evaluation("test").shares) == 15


def test_a_run_from_disk_that_is_stopped_ends_as_one_left_in_peace(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "IN_MEMORY", 0)
    assert isinstance(load_splits("shapes", 6, data_dir, SIZE).train.images, stored.StoredImages)
    settings = {"iterations": 7, "save_every": 2}
    wanted = run(tmp_path / "in-peace" / "run", data_dir, BACKBONE, **settings)
    with stopped_after(5, monkeypatch):
        run(tmp_path / "run", data_dir, BACKBONE, **settings)
    torch.manual_seed(99)
    found = run(tmp_path / "run", data_dir, BACKBONE, resume=True, **settings)
    assert (found / "weights.safetensors").read_bytes() == (wanted / "weights.safetensors").read_bytes()
    assert (found / "log.jsonl").read_text() == (wanted / "log.jsonl").read_text()


def test_images_from_disk_train_and_measure_as_those_in_memory_do(
    runs: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, model = load_checkpoint(runs / "shapes-dfs").card, load_checkpoint(runs / "shapes-dfs").model
    wanted = evaluate(model, load_images("shapes", data_dir, "test", size=SIZE), card.mean, card.std)
    monkeypatch.setattr(stored, "IN_MEMORY", 0)
    images = load_images("shapes", data_dir, "test", size=SIZE)
    said: list[tuple[int, int]] = []
    found = evaluate(
        model, images, card.mean, card.std, batch_size=7, progress=lambda done, total: said.append((done, total))
    )
    assert found == wanted
    assert said == [(7, 18), (14, 18), (18, 18)]
