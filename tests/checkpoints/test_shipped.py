"""The checkpoints of this repository: each loads, says how it was made, and keeps its word on real images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from places import PRETRAINED

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import scan
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.run_log import read_log
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.data.sets import load_images
from dfs_core.evaluation.evaluate import evaluate
from dfs_core.evaluation.metrics import summarise
from dfs_core.training.config_files import load_config

CARDS, PROBLEMS = scan(PRETRAINED)
REAL_IMAGES = 1000

needs_checkpoints = pytest.mark.skipif(not CARDS, reason="no checkpoints in pretrained/")


@pytest.fixture(scope="module")
def real_images_dir(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a fixed random 1,000 of CIFAR-10's test images."""
    folder = tmp_path_factory.mktemp("real")
    tool = shared_dir / "tools" / "unpack_cifar.py"
    if not tool.is_file():
        pytest.skip(f"needs {tool} to unpack real images")
    subprocess.run([sys.executable, tool, "cifar10", folder, "--limit", str(REAL_IMAGES)], check=True, timeout=300)
    return folder


def test_every_folder_in_pretrained_is_a_readable_checkpoint() -> None:
    assert PROBLEMS == []


@needs_checkpoints
@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_shipped_checkpoint_loads_and_says_how_it_was_made(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PRETRAINED.parent)
    folder = load_checkpoint(PRETRAINED / card.name).folder
    assert set(card.metrics) == {"validation", "test"}
    assert card.training
    assert card.versions
    assert card.machine
    assert card.commit != "unknown"
    for parent in card.parents:  # what it started from is here too, or can be made again
        assert (PRETRAINED / parent).is_dir() or load_config(parent).name == parent
    kept = load_config(folder / "config.toml").to_dict()
    assert {key: card.training[key] for key in kept.keys() & card.training.keys() - {"model"}} == {
        key: value for key, value in kept.items() if key in card.training and key != "model"
    }
    assert read_log(folder / "log.jsonl")


@needs_checkpoints
@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_the_traces_of_a_shipped_checkpoint_give_its_cards_figures(card: Card) -> None:
    folder = PRETRAINED / card.name
    budgets = stored_budgets(folder) if card.config.every_budget else (None,)
    assert budgets
    for budget in budgets:
        traces = read_traces(folder, OperatingPoint(card, budget))
        assert (folder / OperatingPoint(card, budget).traces_file).stat().st_size < 400_000
        if budget in (None, card.config.usual_budget):
            assert summarise(traces, card.config) == card.evaluation("test")


@needs_checkpoints
@pytest.mark.slow
def test_a_shipped_checkpoint_reaches_its_cards_accuracy_on_real_images(real_images_dir: Path) -> None:
    card = next((card for card in CARDS if card.budget == 20), CARDS[0])
    images = load_images(card.dataset, real_images_dir, "test")
    found = evaluate(load_checkpoint(PRETRAINED / card.name).model, images, card.mean, card.std)
    low, high = found.accuracy_ci95
    assert found.n == REAL_IMAGES
    assert low <= card.metrics["test"]["accuracy"] <= high
    assert found.cp == pytest.approx(card.metrics["test"]["cp"], abs=1)
