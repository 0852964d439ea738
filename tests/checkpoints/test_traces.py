"""Stored traces: what is written comes back, belongs to its weights, and is refused in words where it does not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tiny import UNTRACED, make_card, make_network
from tiny_runs import GATED, train

from dfs_core.checkpoints.card_files import read_card, save_card
from dfs_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.store_traces import measure_traces
from dfs_core.checkpoints.trace_files import NoTraces, read_traces, stored_budgets
from dfs_core.checkpoints.traces import Traces
from dfs_core.cli import main
from dfs_core.data.sets import load_images
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import run
from dfs_core.evaluation.metrics import summarise
from dfs_core.model.config import ModelConfig

CONFIG = ModelConfig(depth=8, options="skip,4,full", budget=20.0)
CARD = make_card("one", "dfs", CONFIG, weights_sha256="ab" * 32)
NAME = "traces.parquet"


def outcome(n: int = 3, blocks: int = 2, options: int = 3, seed: int = 0) -> SimpleNamespace:
    """Made-up answers, in the shape of ``metrics.Outcome``."""
    rng = np.random.default_rng(seed)
    return SimpleNamespace(
        labels=rng.integers(0, 10, n),
        predictions=rng.integers(0, 10, n),
        confidence=rng.random(n).astype(np.float32),
        decisions=rng.integers(0, options, (n, blocks)).astype(np.uint8),
        looks=None,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NAME).write_bytes(Traces.of(outcome(), OperatingPoint(CARD)).to_bytes())
    return tmp_path


def error_of(folder: Path, card=CARD, budget: float | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read_traces(folder, OperatingPoint(card, budget))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_traces_come_back_as_they_were_written(folder: Path) -> None:
    found, wanted = read_traces(folder, OperatingPoint(CARD)), outcome()
    for name in ("labels", "predictions", "decisions"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name
    assert np.abs(found.confidence - wanted.confidence).max() <= 0.5 / 65535 + 1e-7
    assert (found.checkpoint, found.weights_sha256, found.budget, found.price) == ("one", "ab" * 32, 20, 0)
    assert (found.dataset, found.classes, found.options) == ("cifar10", CARD.classes, ("skip", "4", "full"))
    assert found.to_bytes() == (folder / NAME).read_bytes(), "what was read can be written again, to the byte"


def test_any_parquet_reader_finds_one_column_a_block_and_the_facts(folder: Path) -> None:
    table = pq.read_table(folder / NAME)
    assert table.column_names == ["label", "prediction", "confidence", "block_2", "block_3"]
    facts = json.loads(table.schema.metadata[b"dfs"])
    assert (facts["images"], facts["split"], facts["options"]) == (3, "test", ["skip", "4", "full"])


@pytest.mark.parametrize(("blocks", "options"), [(17, 4), (35, 6)])
def test_ten_thousand_images_with_a_decision_vector_each_stay_below_300_kb(blocks: int, options: int) -> None:
    made = Traces.of(outcome(10_000, blocks, options), OperatingPoint(CARD))
    assert len(np.unique(made.decisions, axis=0)) > 9_000
    assert len(made.to_bytes()) < 300_000


def test_every_budget_of_a_checkpoint_that_serves_many_has_its_file(tmp_path: Path) -> None:
    config = ModelConfig(depth=8, options="skip,4,full", policy="utility", prices=((1.0, 10.0), (100.0, 0.1)))
    many = make_card("many", "every-budget", config, weights_sha256="ab" * 32)
    for budget in (2.5, 0.4):
        point = OperatingPoint(many, budget)
        (tmp_path / point.traces_file).write_bytes(Traces.of(outcome(), point).to_bytes())
    (tmp_path / "traces-by-hand.parquet").write_bytes(b"")
    assert stored_budgets(tmp_path) == (0.4, 2.5)
    found = read_traces(tmp_path, OperatingPoint(many, 0.4))
    assert (found.budget, found.price) == (0.4, config.price_for(0.4))
    assert f"--checkpoint {tmp_path} --budget 5 --data-dir" in error_of(tmp_path, many, budget=5)
    assert "--budget 1 --data-dir" in error_of(tmp_path, many), "the usual budget is the middle of the range"
    (tmp_path / "traces-b0.4.parquet").rename(tmp_path / "traces-b0.5.parquet")
    assert "was made for another budget" in error_of(tmp_path, many, budget=0.5)
    assert OperatingPoint(CARD).traces_file == NAME


def test_traces_made_at_another_price_for_the_same_budget_are_refused(tmp_path: Path) -> None:
    # The weights stay and the prices are measured anew: the same budget then leads to other decisions.
    before, after = (
        ModelConfig(depth=8, options="skip,4,full", policy="utility", prices=((1.0, 10.0), (dearest, 0.1)))
        for dearest in (100.0, 50.0)
    )
    old, new = (make_card("many", "every-budget", one, weights_sha256="ab" * 32) for one in (before, after))
    point = OperatingPoint(old, 0.4)
    (tmp_path / point.traces_file).write_bytes(Traces.of(outcome(), point).to_bytes())
    assert read_traces(tmp_path, point).price == before.price_for(0.4)
    assert "was made for another budget or price" in error_of(tmp_path, new, budget=0.4)


def test_missing_traces_are_told_from_bad_ones_and_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoTraces, match=f"python -m dfs_core traces --checkpoint {tmp_path} --data-dir DIR"):
        read_traces(tmp_path, OperatingPoint(CARD))


def test_traces_of_other_weights_are_refused(folder: Path) -> None:
    other = replace(CARD, name="two", weights_sha256="cd" * 32)
    message = error_of(folder, other)
    assert "belongs to other weights: those of 'one' with SHA-256 abababababab..." in message
    assert "the card says cdcdcdcdcdcd..." in message
    assert f"traces --checkpoint {folder}" in message


@pytest.mark.parametrize("kept", [0, 3, 100, 1000, -1, -9])
def test_a_truncated_file_is_named_as_such(folder: Path, kept: int) -> None:
    path = folder / NAME
    path.write_bytes(path.read_bytes()[:kept])
    assert "is truncated or damaged" in error_of(folder)


def test_a_flipped_byte_anywhere_is_an_answer_or_a_message_and_never_a_traceback(folder: Path) -> None:
    path = folder / NAME
    data = path.read_bytes()
    for position in range(0, len(data), 7):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :])
        with suppress(UserError):
            read_traces(folder, OperatingPoint(CARD))


def test_other_parquet_files_and_other_formats_are_refused(folder: Path) -> None:
    path = folder / NAME
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[b"dfs"])
    pq.write_table(pa.table({"a": [1]}), path)
    assert "not a trace file" in error_of(folder)
    pq.write_table(table.replace_schema_metadata({"dfs": json.dumps(facts | {"format": 2})}), path)
    assert "traces of format 2; this version reads 1" in error_of(folder)
    pq.write_table(table.drop_columns(["block_3"]), path)
    assert "decisions or classes that the network does not have" in error_of(folder)
    pq.write_table(table.set_column(3, "block_2", pa.array([9, 0, 0], pa.uint8())), path)
    assert "decisions or classes that the network does not have" in error_of(folder)
    pq.write_table(table.replace_schema_metadata({"dfs": json.dumps(facts | {"options": ["skip", "full"]})}), path)
    assert "its classes or options differ" in error_of(folder)
    pq.write_table(table.slice(0, 0), path)
    assert "has no images" in error_of(folder)


def test_reading_needs_no_torch(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from dfs_core.checkpoints.card_files import read_card;"
        " from dfs_core.checkpoints.operating_point import OperatingPoint;"
        " from dfs_core.checkpoints.trace_files import read_traces; folder = Path(sys.argv[1]);"
        " print(len(read_traces(folder, OperatingPoint(read_card(folder)))), 'torch' in sys.modules)"
    )
    save_card(folder, CARD)
    (folder / "weights.safetensors").touch()  # a card is read beside them only
    command = [sys.executable, "-c", program, str(folder)]
    assert subprocess.run(command, timeout=60, stdout=subprocess.PIPE, text=True).stdout.split() == ["3", "False"]


def test_a_training_run_stores_the_traces_that_its_card_was_reckoned_from(tmp_path: Path, cifar10_dir: Path) -> None:
    made = train(tmp_path / "run", cifar10_dir, {**GATED, "budget": 20}, stage="joint", alpha=1e-3)
    checkpoint, traces = load_checkpoint(made), read_traces(made, OperatingPoint(read_card(made)))
    images = load_images("cifar10", cifar10_dir, "test")
    assert np.array_equal(traces.labels, images.labels.numpy())
    assert summarise(traces, checkpoint.card.config) == checkpoint.card.evaluation("test")
    again = run(checkpoint.model, images, checkpoint.card.mean, checkpoint.card.std)
    assert np.array_equal(traces.decisions, again.decisions)


def test_the_command_writes_what_publishing_would_have_written(
    tmp_path: Path, tiny_pretrained: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "tiny-dfs-20"
    shutil.copytree(tiny_pretrained / "tiny-dfs-20", copy)
    (copy / NAME).unlink()
    assert main(["traces", "--checkpoint", str(copy), "--data-dir", str(cifar10_dir), "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    test = read_card(copy).metrics["test"]
    assert line == {
        "file": str(copy / NAME),
        "bytes": (copy / NAME).stat().st_size,
        "budget": None,
        **{key: test[key] for key in ("n", "accuracy", "cp", "all_in", "policies")},
    }
    assert (copy / NAME).read_bytes() == (tiny_pretrained / "tiny-dfs-20" / NAME).read_bytes()
    assert main(["traces", "--checkpoint", str(copy), "--data-dir", str(cifar10_dir)]) == 0
    assert "40 images in" in capsys.readouterr().out


@pytest.fixture
def untraced(tmp_path: Path, tiny_pretrained: Path) -> Path:
    """A checkpoint without traces that a test may change."""
    shutil.copytree(tiny_pretrained / UNTRACED, tmp_path / "copy")
    assert not (tmp_path / "copy" / NAME).exists()
    return tmp_path / "copy"


def test_the_command_refuses_images_that_the_card_was_not_measured_on(
    untraced: Path, cifar10_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["traces", "--checkpoint", str(untraced), "--data-dir"]
    assert main([*words, str(cifar10_dir), "--budget", "20"]) == 2
    assert "has one operating point: leave --budget out" in capsys.readouterr().err
    shutil.copytree(cifar10_dir / "cifar10" / "test", tmp_path / "cifar10" / "test")
    (tmp_path / "cifar10" / "test" / "cat" / "0000.png").unlink()
    assert main([*words, str(tmp_path)]) == 2
    assert "was measured on 40 test images, but there are 39 in" in capsys.readouterr().err
    shutil.copy(cifar10_dir / "cifar10" / "train" / "cat" / "0000.png", tmp_path / "cifar10" / "test" / "cat")
    (tmp_path / "cifar10" / "test" / "cat" / "0001.png").replace(tmp_path / "cifar10" / "test" / "dog" / "9.png")
    assert main([*words, str(tmp_path)]) == 2
    assert "these are not the images that the card was measured on: accuracy" in capsys.readouterr().err
    assert not (untraced / NAME).exists()


def test_the_command_looks_at_the_cards_own_figures_before_it_replaces_any_file(
    tmp_path: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ModelConfig(depth=8, options="skip,4,full", policy="utility", prices=((1.0, 10.0), (100.0, 0.1)))
    model, images = make_network(config), load_images("cifar10", cifar10_dir, "test")
    folder = tmp_path / "many"
    save_checkpoint(folder, model, make_card("many", "every-budget", config))
    saved = load_checkpoint(folder)
    said = run(saved.model, images, saved.card.mean, saved.card.std).predictions
    other = replace(images, labels=torch.from_numpy(said).long())  # images that it gets all right
    found = measure_traces(saved, OperatingPoint(saved.card), other)
    save_card(folder, replace(saved.card, metrics={"test": found.evaluation.to_dict()}))
    (folder / "traces-b0.4.parquet").write_bytes(b"kept")
    for more in ([], ["--budget", "0.4"]):
        assert main(["traces", "--checkpoint", str(folder), "--data-dir", str(cifar10_dir), *more]) == 2
        assert "these are not the images" in capsys.readouterr().err
        assert (folder / "traces-b0.4.parquet").read_bytes() == b"kept"
