"""Where traces lie beside a checkpoint, and whether they are its own.

pretrained/<name>/traces.parquet         a checkpoint with one operating point
pretrained/<name>/traces-b0.4.parquet    one budget of a checkpoint that serves many
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from dfs_core.checkpoints.card import Card, CheckpointError
from dfs_core.checkpoints.traces import Traces, parse_traces
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from dfs_core.model.config import ModelConfig

# Percent: what is stored of a checkpoint that serves every budget; the costs of 2, 3, 4 and 8 bits are among them.
BUDGETS = (0.39, 0.4, 0.6, 0.8, 0.88, 1.25, 1.56, 2.5, 5.0, 6.25, 10.0)
_MANY = "traces-b"


class NoTraces(CheckpointError):
    """There is no file of traces for this operating point: they can be made."""


def traces_file(config: ModelConfig, budget: float | None = None) -> str:
    """Name of the file with the traces of a budget: ``traces.parquet``, or ``traces-b0.4.parquet`` if there are many.

    Args:
        config: of the checkpoint.
        budget: in percent; None for the usual one.

    Raises:
        UserError: the checkpoint has no such budget, or it has more digits than a file's name.
    """
    in_force, _ = config.operating_point(budget)
    if not config.every_budget or in_force is None:
        return "traces.parquet"
    name = f"{in_force:g}"
    if float(name) != in_force:
        raise UserError(f"a budget of {in_force} % has more digits than are kept: use {name}")
    return f"{_MANY}{name}.parquet"


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
        traces = parse_traces(data)
        _check(traces, card, budget)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path} {_reason(error)}; {remedy}") from None
    return traces


def traces_command(card: Card, budget: float | None = None) -> str:
    """What to type for the traces of an operating point."""
    in_force, _ = card.config.operating_point(budget)
    asked = f" --budget {in_force:g}" if card.config.every_budget else ""
    return f"python -m dfs_core traces --checkpoint {card.name}{asked} --data-dir DIR"


def _check(traces: Traces, card: Card, budget: float | None) -> None:
    """Refuse traces of other weights, and rows that cannot be of this checkpoint."""
    if traces.weights_sha256 != card.weights_sha256:
        raise CheckpointError(
            f"belongs to other weights: those of '{traces.checkpoint}' with SHA-256 {traces.weights_sha256[:12]}..., "
            f"while the card says {card.weights_sha256[:12]}..."
        )
    in_force, price = card.config.operating_point(budget)
    # Prices come from a logarithm and its inverse, whose last digit differs between machines.
    if traces.budget != in_force or not math.isclose(traces.price, price, rel_tol=1e-9):
        raise CheckpointError("was made for another budget or another price than its name and the card say")
    options = card.config.option_set.names
    if (traces.classes, traces.options) != (card.classes, options) or not len(traces):
        raise CheckpointError("does not fit the card: its classes or options are others")
    shape = (len(traces), card.config.gated_blocks)
    top = max(int(traces.labels.max()), int(traces.predictions.max()))
    if traces.decisions.shape != shape or traces.decisions.max() >= len(options) or top >= len(card.classes):
        raise CheckpointError("does not fit the card: it has decisions or classes that the network does not have")


def _reason(error: Exception) -> str:
    if isinstance(error, CheckpointError):
        return str(error)
    return "is truncated or damaged, or is no file of traces"
