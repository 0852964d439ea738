"""What is measured beside a card, dial, prices and shuffled decisions: of its own images, and refused in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfs_core.checkpoints.card import OnEngine
from dfs_core.checkpoints.card_files import save_card
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.cli import main
from dfs_core.data.sets import ImageSet
from dfs_core.evaluation import evaluate
from dfs_core.evaluation.metrics import Evaluation
from dfs_core.model.network import DFSNet
from dfs_core.results.collect import collect


def test_shuffled_decisions_are_measured_and_join_the_point(
    root: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shuffle", "--checkpoint", "every", "--data-dir", str(cifar10_dir)]) == 0
    assert "shuffled" in capsys.readouterr().out
    points = [point for point in collect(root) if point.checkpoint == "every"]
    assert all(point.shuffled is not None for point in points)
    file = root / "every" / "shuffled.csv"
    whole, budget = file.read_text(), f"{points[0].budget:g}"
    again = ["shuffle", "--checkpoint", "every", "--data-dir", str(cifar10_dir), "--budget", budget, "--json"]
    assert main(again) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert line == pytest.approx(
        {"budget": float(budget), "accuracy": points[0].accuracy, "shuffled": points[0].shuffled}
    )
    assert file.read_text() == whole, "what was measured for other budgets stays"
    card = load_checkpoint(root / "every").card
    file.write_text(file.read_text().replace(card.weights_sha256[:12], "0" * 12))
    assert all(point.shuffled is None for point in collect(root)), "of other weights it is out of date"


def test_the_dial_of_a_gate_is_measured_and_stays_a_dial(
    tiny_pretrained: Path,
    cifar10_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(tiny_pretrained / "tiny-dfs-20", tmp_path / "pretrained" / "tiny-dfs-20")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    before = load_checkpoint("tiny-dfs-20").card
    assert main(["dial", "--checkpoint", "tiny-dfs-20", "--data-dir", str(cifar10_dir), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    card = load_checkpoint("tiny-dfs-20").card
    assert card.config.prices
    assert card.budget_range is None, "a dial is no budget: nobody trained it"
    assert card.metrics == before.metrics
    dials = [point for point in collect(tmp_path / "pretrained") if point.family == "dial"]
    assert len(dials) > 1
    assert [point.cp for point in dials] == sorted(point.cp for point in dials)
    assert all(point.budget is None for point in dials)
    assert sorted(row["cp"] for row in told) == pytest.approx([point.cp for point in dials])
    assert read_traces(tmp_path / "pretrained" / "tiny-dfs-20", OperatingPoint(card)).checkpoint == "tiny-dfs-20"
    assert OperatingPoint(card).traces_file == "traces.parquet"


def test_the_dial_ends_where_the_network_breaks_down_on_validation_images(
    tiny_pretrained: Path, cifar10_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_pretrained / "tiny-dfs-20", tmp_path / "pretrained" / "tiny-dfs-20")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    measure, dear, asked = evaluate.evaluate, 1.0, []

    def breaking_down(model: DFSNet, images: ImageSet, *args: Any, price: float) -> Evaluation:
        asked.append(price)
        broken = images.split == "validation" and price > dear
        return replace(measure(model, images, *args, price=price), accuracy=0.0 if broken else 50.0)

    monkeypatch.setattr(evaluate, "evaluate", breaking_down)
    assert main(["dial", "--checkpoint", "tiny-dfs-20", "--data-dir", str(cifar10_dir)]) == 0
    assert max(asked) > dear, "or there is nothing to end"
    assert max(price for price, _ in load_checkpoint("tiny-dfs-20").card.config.prices) <= dear
    assert {point.accuracy for point in collect(tmp_path / "pretrained") if point.family == "dial"} == {50.0}


def test_traces_of_every_budget_include_the_usual_one_and_are_compared_with_the_card(
    root: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = root / "every"
    for file in folder.glob("traces*.parquet"):
        file.unlink()
    words = ["traces", "--checkpoint", "every", "--data-dir", str(cifar10_dir)]
    assert main([*words, "--json"]) == 0
    card = load_checkpoint(folder).card
    assert card.config.usual_budget in [line["budget"] for line in json.loads(capsys.readouterr().out)]
    test = card.metrics["test"] | {"accuracy": 100 - card.metrics["test"]["accuracy"]}
    save_card(folder, replace(card, metrics=card.metrics | {"test": test}))
    assert main([*words, "--budget", str(card.config.usual_budget)]) == 2
    assert "not the images that the card was measured on" in capsys.readouterr().err


def test_prices_can_be_measured_again_and_every_figure_follows(
    root: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = load_checkpoint(root / "every")
    engine = OnEngine("native", 90.0, 1.0, 100.0, 100.0, "a processor")
    save_card(checkpoint.folder, replace(checkpoint.card, engine=engine))
    before = load_checkpoint(root / "every").card
    high = before.config.prices[-2][0]
    (root / "every" / "shuffled.csv").write_text("budget,accuracy,weights\n")
    command = ["prices", "--checkpoint", "every", "--data-dir", str(cifar10_dir), "--range", "0.001", str(high)]
    assert main([*command, "--json"]) == 0
    told = [(row["price"], row["cp"]) for row in json.loads(capsys.readouterr().out)]
    checkpoint = load_checkpoint(root / "every")
    card = checkpoint.card
    assert card.weights_sha256 == before.weights_sha256
    assert before.engine == engine
    assert card.engine is None, "the engine's figures were those of the usual budget of before"
    assert card.config.prices[-1][0] <= high * 1.0001
    assert told == [pytest.approx(pair) for pair in card.config.prices]
    assert not (root / "every" / "shuffled.csv").exists(), "what was shuffled at other prices is out of date"
    assert card.budget_range == card.config.budget_range != before.budget_range
    stored = stored_budgets(root / "every")
    assert card.config.usual_budget in stored
    low, high = card.budget_range
    assert all(low <= budget <= high for budget in stored), "those of the old list are gone"
    collected = {point.budget for point in collect(root) if point.checkpoint == "every"}
    assert collected, "budgets that lead to the same decisions are one point"
    assert collected <= set(stored)


@pytest.mark.parametrize("command", ["dial", "prices", "shuffle"])
def test_a_checkpoint_that_cannot_be_asked_this_gets_one_line(
    command: str, root: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "nothing" if command == "shuffle" else "backbone"
    assert main([command, "--checkpoint", name, "--data-dir", str(cifar10_dir)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("prices --checkpoint every --range 0 1", "--range must be the lowest and the highest price, both above 0"),
        ("prices --checkpoint every --range 2 1", "--range must be the lowest and the highest price, both above 0"),
        ("shuffle --checkpoint bare", "there are no stored decisions of 'bare': make them with"),
        ("shuffle --checkpoint backbone --budget 20", "'backbone' has one operating point: leave --budget out"),
        ("traces --checkpoint every --budget {:.9f}", "has more digits than are kept"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    words: str, reason: str, root: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root / "every", root / "bare", ignore=shutil.ignore_patterns("traces*"))
    middle = load_checkpoint(root / "every").card.config.usual_budget * 1.00001234
    assert main([*words.format(middle).split(), "--data-dir", str(cifar10_dir)]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["prices", "shuffle", "traces"])
def test_what_lies_beside_a_card_is_of_all_its_images(
    command: str, root: Path, cifar10_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(cifar10_dir, tmp_path / "part")
    next((tmp_path / "part" / "cifar10" / "test").rglob("*.png")).unlink()
    before = {path.name: path.read_bytes() for path in (root / "every").iterdir()}
    assert main([command, "--checkpoint", "every", "--data-dir", str(tmp_path / "part")]) == 2
    assert "was measured on 40 test images, but there are 39" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (root / "every").iterdir()} == before
