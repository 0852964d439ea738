"""Decision traces of an operating point for every test image, as parquet. Read without torch.

The file has one row for each image, in the order of ``load_images``. The columns are ``label``, ``prediction``,
``confidence`` (in steps of 1/65535), and the option index of each gated block in ``block_2``, ``block_3``, ..., by its
number in the network. A cascade's file also has ``passes`` and, for each pass k, ``prediction_k`` (-1 if it was not
made) and ``confidence_k``; its blocks are those of each image's last pass. The file's metadata holds the rest. Columns
of small numbers compress to a few bits per decision: 10,000 images take 35 kB with 224 different decision vectors of 17
blocks, and 139 kB with 10,000 of 35 blocks.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from dfs_core.checked import quote
from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.evaluation.metrics import Looks
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import every_pass
from dfs_core.model.layout import FIRST_GATED

if TYPE_CHECKING:
    from dfs_core.evaluation.metrics import Outcome

FORMAT = 1
ORDER = "as load_images gives the test split: by digests of pixels, or of the places of files read as needed"
_KEY = b"dfs"
_LEVELS = 65535  # a confidence is stored as a whole number from 0 to this
_TYPES = {"label": pa.uint16(), "prediction": pa.uint16(), "confidence": pa.uint16()}
_TYPES_OF_PASSES = {"prediction_": pa.int16(), "confidence_": pa.uint16()}  # by how the column's name begins
MOST_ROWS, MOST_COLUMNS = 1_000_000, 1_000  # images, and columns
_FACTS = ("checkpoint", "weights_sha256", "budget", "price", "dataset", "split", "classes", "options", "order")


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Predictions and decisions of one operating point for every image of a test set.

    Attributes:
        checkpoint: name of the checkpoint when the traces were made.
        weights_sha256: hash of the weights.
        budget: the budget in force, in percent of cp; None if there is none.
        price: price of a block in full, in the unit of the policy's logits; 0 if none was charged.
        dataset: name of the data set.
        classes: class names; labels and predictions are indices into them.
        options: option names, cheapest first; decisions are indices into them.
        labels: the true classes, int64 (N,).
        predictions: the most probable classes, int64 (N,).
        confidence: probability of the predicted class, 0 to 1 in steps of 1/65535, float32 (N,).
        decisions: index of the option taken, uint8 (N, gated blocks); of a cascade those of each image's last pass.
        looks: of a cascade, what each pass said; its confidence in steps as above.
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
    looks: Looks | None = None

    @classmethod
    def of(cls, outcome: Outcome, point: OperatingPoint) -> Self:
        """The traces of a measured test set.

        Args:
            outcome: the result of ``evaluate.run`` on the whole test split.
            point: the operating point that was measured. Its card must have the hash of the weights.
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
            confidence=_kept(outcome.confidence),
            decisions=outcome.decisions.astype(np.uint8),
            looks=outcome.looks and replace(outcome.looks, confidence=_kept(outcome.looks.confidence)),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def every_pass(self, config: ModelConfig) -> np.ndarray:
        """The decisions that were paid for, as ``CostModel`` counts them."""
        return self.decisions if self.looks is None else every_pass(config, self.decisions, self.looks.passes)

    @property
    def correct(self) -> np.ndarray:
        """Whether each image got the right label, bool (N,)."""
        return self.predictions == self.labels

    def to_bytes(self) -> bytes:
        """The traces as a parquet file. The same traces always give the same bytes."""
        columns = {
            "label": self.labels.astype(np.uint16),
            "prediction": self.predictions.astype(np.uint16),
            "confidence": _quantised(self.confidence),
        } | {_block(index): self.decisions[:, index] for index in range(self.decisions.shape[1])}
        if self.looks is not None:
            columns["passes"] = self.looks.passes
            for number in range(self.looks.answers.shape[1]):
                columns[f"prediction_{number + 1}"] = self.looks.answers[:, number].astype(np.int16)
                columns[f"confidence_{number + 1}"] = _quantised(self.looks.confidence[:, number])
        facts = {name: getattr(self, name, None) for name in _FACTS} | {"split": "test", "order": ORDER}
        schema = pa.schema(
            [(name, pa.from_numpy_dtype(column.dtype)) for name, column in columns.items()],
            metadata={_KEY: json.dumps({"format": FORMAT, "images": len(self)} | facts).encode()},
        )
        file = io.BytesIO()
        table = pa.table([pa.array(column) for column in columns.values()], schema=schema)
        # A dictionary of nearly as many confidences as images would take more room than they do.
        sure = [name for name in columns if name.startswith("confidence")]
        pq.write_table(
            table,
            file,
            compression="zstd",
            compression_level=9,
            use_dictionary=[name for name in columns if name not in sure],
            column_encoding=dict.fromkeys(sure, "BYTE_STREAM_SPLIT"),
        )
        return file.getvalue()


def parse_traces(data: bytes) -> Traces:
    """Read a parquet file of traces. The caller must handle any exception that a damaged file causes in pyarrow.

    Types and number of rows are checked before anything is read: a file of 1 MB can hold gigabytes.
    """
    file = pq.ParquetFile(pa.BufferReader(data))
    schema, rows = file.schema_arrow, file.metadata.num_rows
    types = {field.name: field.type for field in schema}
    if rows > MOST_ROWS or len(types) > MOST_COLUMNS:
        raise CheckpointError(
            f"has {rows:,} rows of {len(types):,} columns: {MOST_ROWS:,} are read, of {MOST_COLUMNS:,}"
        )
    if odd := [name for name, kind in types.items() if kind != _type_of(name)]:
        raise CheckpointError(f"is not a trace file: its column '{odd[0]}' is of type {types[odd[0]]}")
    if missing := _TYPES.keys() - types.keys():
        raise KeyError(min(missing))
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
        looks=_looks(column),
    )


def _looks(column: dict[str, np.ndarray]) -> Looks | None:
    if "passes" not in column:
        return None
    numbers = range(1, 1 + sum(name.startswith("prediction_") for name in column))
    answers = np.stack([column[f"prediction_{number}"] for number in numbers], axis=1).astype(np.int64)
    confidence = np.stack([column[f"confidence_{number}"] for number in numbers], axis=1)
    return Looks(column["passes"].astype(np.uint8), answers, confidence.astype(np.float32) / np.float32(_LEVELS))


def _block(index: int) -> str:
    """Column name of a gated block, with its number in the network."""
    return f"block_{index + FIRST_GATED}"


def _type_of(column: str) -> pa.DataType:
    """The type of a column; decisions and numbers of passes are single bytes."""
    of_pass = next((kind for start, kind in _TYPES_OF_PASSES.items() if column.startswith(start)), pa.uint8())
    return _TYPES.get(column, of_pass)


def _kept(confidence: np.ndarray) -> np.ndarray:
    """A confidence as it comes back from the file."""
    return _quantised(confidence) / np.float32(_LEVELS)


def _quantised(confidence: np.ndarray) -> np.ndarray:
    return np.round(confidence.astype(np.float64) * _LEVELS).astype(np.uint16)
