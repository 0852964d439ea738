"""Decision traces: what an operating point said and decided for every test image, as parquet. Read without torch.

One row an image, in the canonical order of ``data.load_images``: ``label``, ``prediction``, ``confidence`` (of 65535)
and, for each gated block, the option's index in ``block_2``, ``block_3``, ..., by its number in the network. Columns of
a few small numbers pack to a few bits a decision, even where every image has a decision vector of its own: measured for
10,000 images, 41 kB with 114 vectors of 17 blocks and 165 kB with 10,000 of 35. What else is needed stands in the
file's own metadata.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from dfs_core.checked import quote
from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.model.layout import FIRST_GATED

if TYPE_CHECKING:
    from dfs_core.evaluation.metrics import Outcome

FORMAT = 1
ORDER = "as load_images gives the test split: by digests of pixels, or of the places of files read as needed"
_KEY = b"dfs"
_LEVELS = 65535  # of a confidence
_TYPES = {"label": pa.uint16(), "prediction": pa.uint16(), "confidence": pa.uint16()}  # decisions are uint8
MOST_ROWS, MOST_COLUMNS = 1_000_000, 1_000  # images, and blocks
_FACTS = ("checkpoint", "weights_sha256", "budget", "price", "dataset", "split", "classes", "options", "order")


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """What one operating point of a checkpoint said for every image of a test set.

    Attributes:
        checkpoint: its name when the traces were made.
        weights_sha256: hash of the weights that decided.
        budget: percent of cp that was in force; None where there is none.
        price: of cost, in the unit of the policy's logits; 0 where it decided as trained.
        dataset: name of the data set.
        classes: class names; labels and predictions are indices into them.
        options: option names, cheapest first; decisions are indices into them.
        labels: the true classes, int64 (N,).
        predictions: the most probable classes, int64 (N,).
        confidence: probability of the predicted class, 0 to 1 in steps of 1/65535, float32 (N,).
        decisions: index of the option taken, uint8 (N, gated blocks).
    """

    checkpoint: str
    weights_sha256: str
    budget: float | None
    price: float
    dataset: str
    classes: tuple[str, ...]
    options: tuple[str, ...]
    labels: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray
    decisions: np.ndarray

    @classmethod
    def of(cls, outcome: Outcome, point: OperatingPoint) -> Self:
        """The traces of a measured test set.

        Args:
            outcome: of ``evaluate.run`` on the whole test split.
            point: that was measured; its card has its weights' hash.
        """
        card, (in_force, price) = point.card, point.in_force
        return cls(
            checkpoint=card.name,
            weights_sha256=card.weights_sha256,
            budget=in_force,
            price=price,
            dataset=card.dataset,
            classes=card.classes,
            options=card.config.option_set.names,
            labels=outcome.labels.astype(np.int64),
            predictions=outcome.predictions.astype(np.int64),
            confidence=_quantised(outcome.confidence) / np.float32(_LEVELS),
            decisions=outcome.decisions.astype(np.uint8),
        )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def correct(self) -> np.ndarray:
        """Which images got the right label, bool (N,)."""
        return self.predictions == self.labels

    def to_bytes(self) -> bytes:
        """The traces as a parquet file; the same traces always give the same bytes."""
        columns = {
            "label": self.labels.astype(np.uint16),
            "prediction": self.predictions.astype(np.uint16),
            "confidence": _quantised(self.confidence),
        } | {_block(index): self.decisions[:, index] for index in range(self.decisions.shape[1])}
        facts = {name: getattr(self, name, None) for name in _FACTS} | {"split": "test", "order": ORDER}
        schema = pa.schema(
            [(name, pa.from_numpy_dtype(column.dtype)) for name, column in columns.items()],
            metadata={_KEY: json.dumps({"format": FORMAT, "images": len(self)} | facts).encode()},
        )
        file = io.BytesIO()
        table = pa.table([pa.array(column) for column in columns.values()], schema=schema)
        pq.write_table(table, file, compression="zstd", compression_level=9)
        return file.getvalue()


def parse_traces(data: bytes) -> Traces:
    """Traces as they were written; whatever a damaged file makes pyarrow or the arithmetic raise is the caller's.

    The columns' types and the number of rows are looked at before anything is read: a file of 1 MB can hold gigabytes.
    """
    file = pq.ParquetFile(pa.BufferReader(data))
    schema, rows = file.schema_arrow, file.metadata.num_rows
    types = {field.name: field.type for field in schema}
    if rows > MOST_ROWS or len(types) > MOST_COLUMNS:
        raise CheckpointError(
            f"has {rows:,} rows of {len(types):,} columns: {MOST_ROWS:,} are read, of {MOST_COLUMNS:,}"
        )
    odd = [name for name, kind in types.items() if kind != _TYPES.get(name, pa.uint8())]
    if odd or not _TYPES.keys() <= types.keys():
        raise (
            CheckpointError(f"is no file of traces: its column '{odd[0]}' is of type {types[odd[0]]}")
            if odd
            else KeyError
        )
    table = file.read(use_threads=False)
    if any(column.null_count for column in table.columns):
        raise CheckpointError("has gaps: a value is missing in it")
    facts: dict[str, Any] = json.loads((schema.metadata or {})[_KEY])
    if facts["format"] != FORMAT:
        raise CheckpointError(f"has traces of format {quote(facts['format'])}; this version reads {FORMAT}")
    blocks = [name for name in table.column_names if name.startswith("block_")]
    if blocks != [_block(index) for index in range(len(blocks))]:
        raise KeyError("blocks")
    column = {name: table[name].to_numpy() for name in table.column_names}
    empty = np.empty((len(table), 0), np.uint8)
    return Traces(
        checkpoint=str(facts["checkpoint"]),
        weights_sha256=str(facts["weights_sha256"]),
        budget=None if facts["budget"] is None else float(facts["budget"]),
        price=float(facts["price"]),
        dataset=str(facts["dataset"]),
        classes=tuple(facts["classes"]),
        options=tuple(facts["options"]),
        labels=column["label"].astype(np.int64),
        predictions=column["prediction"].astype(np.int64),
        confidence=column["confidence"].astype(np.float32) / np.float32(_LEVELS),
        decisions=np.stack([column[name] for name in blocks], axis=1).astype(np.uint8) if blocks else empty,
    )


def _block(index: int) -> str:
    """Column of a gated block, named by its number in the network: the first block is not gated."""
    return f"block_{index + FIRST_GATED}"


def _quantised(confidence: np.ndarray) -> np.ndarray:
    return np.round(confidence.astype(np.float64) * _LEVELS).astype(np.uint16)
