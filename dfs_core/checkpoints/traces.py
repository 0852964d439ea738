"""Stored decision traces: what an operating point said and decided for every test image. Read without torch.

pretrained/<name>/traces.parquet         a checkpoint with one operating point
pretrained/<name>/traces-b0.4.parquet    one budget of a checkpoint that serves many

One row an image, in the canonical order of ``data.load_images``: ``label``, ``prediction``, ``confidence`` (of 65535)
and, for each gated block, the option's index in ``block_2``, ``block_3``, ... Columns of a few small numbers pack to a
few bits a decision, even where every image has a decision vector of its own: measured for 10,000 images, 41 kB with 114
vectors of 17 blocks and 165 kB with 10,000 of 35. What else is needed stands in the file's own metadata.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from dfs_core.checkpoints.card import Card, CheckpointError

if TYPE_CHECKING:
    from dfs_core.evaluation.evaluate import Outcome
    from dfs_core.model.config import ModelConfig

FORMAT = 1
# Percent: what is stored of a checkpoint that serves every budget; the costs of 2, 3, 4 and 8 bits are among them.
BUDGETS = (0.39, 0.4, 0.6, 0.8, 0.88, 1.25, 1.56, 2.5, 5.0, 6.25, 10.0)
ORDER = "ascending BLAKE2b digests of the pixels, as dfs_core.data.load_images gives the test split"
_KEY, _MANY = b"dfs", "traces-b"
_LEVELS = 65535  # of a confidence
_FACTS = ("checkpoint", "weights_sha256", "budget", "price", "dataset", "split", "classes", "options", "order")


class NoTraces(CheckpointError):
    """There is no file of traces for this operating point: they can be made."""


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
    def of(cls, outcome: Outcome, card: Card, budget: float | None = None) -> Self:
        """The traces of a measured test set.

        Args:
            outcome: of ``evaluate.run`` on the whole test split.
            card: of the checkpoint that was measured, with its weights' hash.
            budget: what was asked for, in percent; None for the usual one.
        """
        in_force, price = card.config.operating_point(budget)
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


def traces_file(config: ModelConfig, budget: float | None = None) -> str:
    """Name of the file with the traces of a budget: ``traces.parquet``, or ``traces-b0.4.parquet`` if there are many.

    Args:
        config: of the checkpoint.
        budget: in percent; None for the usual one.
    """
    in_force, _ = config.operating_point(budget)
    return f"{_MANY}{in_force:g}.parquet" if config.every_budget else "traces.parquet"


def stored_budgets(folder: Path) -> tuple[float, ...]:
    """Budgets of a checkpoint that serves many for which its folder holds traces, lowest first."""
    found = []
    for path in folder.glob(f"{_MANY}*.parquet"):
        try:
            found.append(float(path.stem.removeprefix(_MANY)))
        except ValueError:
            continue
    return tuple(sorted(found))


def read_traces(folder: Path, card: Card, budget: float | None = None) -> Traces:
    """Read the traces that lie beside a checkpoint.

    Args:
        folder: the checkpoint's.
        card: its card: the traces must be of the same weights and fit them.
        budget: in percent; None for the usual one.

    Raises:
        NoTraces: there is no such file; the message has the command that makes it.
        CheckpointError: the file is damaged, of another format, or of other weights or another budget.
        UserError: the checkpoint has no such budget.
    """
    path = folder / traces_file(card.config, budget)
    remedy = f"make it with '{traces_command(card, budget)}'"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NoTraces(f"there is no {path.name} in {folder}: {remedy}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    try:
        traces = _parse(data)
        _check(traces, card, budget)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path} {_reason(error)}; {remedy}") from None
    return traces


def traces_command(card: Card, budget: float | None = None) -> str:
    """What to type for the traces of an operating point."""
    in_force, _ = card.config.operating_point(budget)
    asked = f" --budget {in_force:g}" if card.config.every_budget else ""
    return f"python -m dfs_core traces --checkpoint {card.name}{asked} --data-dir DIR"


def _parse(data: bytes) -> Traces:
    """Traces as they were written; whatever a damaged file makes pyarrow or the arithmetic raise is the caller's."""
    table = pq.read_table(pa.BufferReader(data), use_threads=False)
    facts: dict[str, Any] = json.loads((table.schema.metadata or {})[_KEY])
    if facts["format"] != FORMAT:
        raise CheckpointError(f"has traces of format {facts['format']}; this version reads {FORMAT}")
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


def _check(traces: Traces, card: Card, budget: float | None) -> None:
    """Refuse traces of other weights, and rows that cannot be of this checkpoint."""
    if traces.weights_sha256 != card.weights_sha256:
        raise CheckpointError(
            f"belongs to other weights: those of '{traces.checkpoint}' with SHA-256 {traces.weights_sha256[:12]}..., "
            f"while the card says {card.weights_sha256[:12]}..."
        )
    if (traces.budget, traces.price) != card.config.operating_point(budget):
        raise CheckpointError("was made for another budget or another price than its name and the card say")
    options = card.config.option_set.names
    if (traces.classes, traces.options) != (card.classes, options) or not len(traces):
        raise CheckpointError("does not fit the card: its classes or options are others")
    shape = (len(traces), card.config.gated_blocks)
    top = max(int(traces.labels.max()), int(traces.predictions.max()))
    if traces.decisions.shape != shape or traces.decisions.max() >= len(options) or top >= len(card.classes):
        raise CheckpointError("does not fit the card: it has decisions or classes that the network does not have")


def _block(index: int) -> str:
    """Column of a gated block, named by its number in the network: the first block is not gated."""
    return f"block_{index + 2}"


def _quantised(confidence: np.ndarray) -> np.ndarray:
    return np.round(confidence.astype(np.float64) * _LEVELS).astype(np.uint16)


def _reason(error: Exception) -> str:
    if isinstance(error, CheckpointError):
        return str(error)
    return "is truncated or damaged, or is no file of traces"
