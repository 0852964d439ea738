"""What a card or a file of traces claims is compared with what is there before it costs memory or time."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import NoTraces, read_traces
from dfs_core.checkpoints.traces import Traces

Change = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


@pytest.fixture
def folder(pretrained_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(pretrained_folder / "tiny-dfs-20", tmp_path / "one")
    return tmp_path / "one"


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_traces(folder, OperatingPoint(read_card(folder)))
    assert not isinstance(caught.value, NoTraces)
    return str(caught.value)


def rewrite(folder: Path, change: Change) -> None:
    """The file of traces with other columns and the same facts."""
    table = pq.read_table(folder / "traces.parquet")
    columns = change({name: table[name].to_numpy() for name in table.column_names})
    made = pa.table({name: pa.array(column) for name, column in columns.items()})
    pq.write_table(made.replace_schema_metadata(table.schema.metadata), folder / "traces.parquet", compression="zstd")


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("label", -1, np.int64),
        ("prediction", -1, np.int16),
        ("confidence", np.nan, np.float64),
        ("block_2", 256, np.int64),
    ],
)
def test_a_value_that_no_column_of_traces_can_hold_is_refused(
    folder: Path, column: str, value: float, kind: type[np.generic]
) -> None:
    def change(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        odd = columns[column].astype(kind)
        odd[0] = value
        return columns | {column: odd}

    rewrite(folder, change)
    assert f"its column '{column}' is of type" in refusal(folder)


def peak() -> int:
    """The most memory that this process has held since ``peak_since_now``, in kB; 0 where /proc does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def peak_since_now() -> int:
    """Forget earlier peaks, and tell the memory that is held now, in kB."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")
    return peak()


def test_more_rows_than_the_cards_test_set_has_are_refused(folder: Path) -> None:
    rewrite(folder, lambda columns: {name: np.concatenate([column, column]) for name, column in columns.items()})
    assert "has 80 images, but the card's test set has 40" in refusal(folder)


def test_a_small_file_of_many_rows_is_refused_by_its_metadata(folder: Path) -> None:
    rewrite(folder, lambda columns: {name: np.zeros(5_000_000, column.dtype) for name, column in columns.items()})
    assert (folder / "traces.parquet").stat().st_size < 10**6
    before = peak_since_now()
    assert "has 5,000,000 rows" in refusal(folder)
    assert peak() - before < 20_000, "kB"


def test_a_gap_in_a_column_is_refused(folder: Path) -> None:
    table = pq.read_table(folder / "traces.parquet")
    labels = pa.array([None, *table["label"].to_pylist()[1:]], pa.uint16())
    pq.write_table(table.set_column(0, "label", labels), folder / "traces.parquet")
    assert "a value is missing" in refusal(folder)


def test_facts_that_nest_without_end_are_refused(folder: Path) -> None:
    table = pq.read_table(folder / "traces.parquet")
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"dfs": b"[" * 100_000}), file)
    (folder / "traces.parquet").write_bytes(file.getvalue())
    assert "truncated or damaged" in refusal(folder)


def test_traces_as_they_are_written_are_read(folder: Path) -> None:
    point = OperatingPoint(read_card(folder))
    traces = read_traces(folder, point)
    assert isinstance(traces, Traces)
    assert (folder / "traces.parquet").read_bytes() == replace(traces).to_bytes()


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ({"gate_width": 10**11}, "gate_width"),
        ({"depth": 60_002}, "depth"),
        ({"depth": 6_000_002}, "depth"),
        ({"depth": 1_994}, "they are of 6 blocks, and ResNet-1994 has 996"),
        ({"width": 64.0}, "body.stem.0.weight is [16, 3, 3, 3] and should be [1024, 3, 3, 3]"),
        ({"image_size": 10**9}, "pixels"),
    ],
)
def test_a_network_larger_than_its_weights_is_refused_at_once(folder: Path, model: dict[str, float], line: str) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"model": card["model"] | model, "metrics": {}}))
    before, start = peak_since_now(), time.process_time()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert line in str(caught.value)
    assert time.process_time() - start < 2
    assert peak() - before < 50_000, "kB"
