"""Find and read the trace files of a checkpoint, and check that they belong to it.

pretrained/<name>/traces.parquet         a checkpoint with one operating point
pretrained/<name>/traces-b0.4.parquet    one budget of a checkpoint that serves every budget
"""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]

from dfs_core.checked import quote
from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.operating_point import MANY_TRACES, OperatingPoint
from dfs_core.checkpoints.traces import Traces, parse_traces
from dfs_core.model.cost import NOT_RUN

# Budgets in percent at which traces of a checkpoint for every budget are stored. They include the costs of 2, 3, 4 and
# 8 bits.
BUDGETS = (0.39, 0.4, 0.6, 0.8, 0.88, 1.25, 1.56, 2.5, 5.0, 6.25, 10.0)


LARGEST = 64 * 2**20  # bytes of a file: those of 10,000 images have less than 1 MB


class NoTraces(CheckpointError):
    """This operating point has no trace file yet; ``command`` makes it."""


def stored_budgets(folder: Path) -> tuple[float, ...]:
    """The budgets in percent for which a folder has trace files, lowest first."""
    found = []
    for path in folder.glob(f"{MANY_TRACES}*.parquet"):
        try:
            found.append(float(path.stem.removeprefix(MANY_TRACES)))
        except ValueError:
            continue
    return tuple(sorted(budget for budget in found if 0 < budget <= 100))


def read_traces(folder: Path, point: OperatingPoint) -> Traces:
    """Read the stored traces of an operating point.

    Args:
        folder: the checkpoint's folder.
        point: the operating point. The traces must have its weights and fit its card.

    Raises:
        NoTraces: the file does not exist; ``command`` makes it.
        CheckpointError: the file is damaged, or belongs to another format, other weights or another budget;
            ``command`` makes it again.
        UserError: the checkpoint cannot serve this budget.
    """
    path = folder / point.traces_file
    command = point.command(folder)
    remedy = f"make it with '{command}'"
    try:
        if path.stat().st_size > LARGEST:
            raise CheckpointError(f"{path} is larger than {LARGEST >> 20} MB; {remedy}", command)
        data = path.read_bytes()
    except FileNotFoundError:
        stored = ", ".join(f"{budget:g}" for budget in stored_budgets(folder)) if point.budget is not None else ""
        others = f" (stored budgets: {stored} %)" if stored else ""
        raise NoTraces(f"there is no {path.name} in {folder}{others}: {remedy}", command) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    try:
        traces = parse_traces(data)
        _check(traces, point)
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} {_reason(error)}; {remedy}", command) from None
    return traces


def _check(traces: Traces, point: OperatingPoint) -> None:
    """Check that traces have the weights, budget, classes, options and shapes of this operating point."""
    card = point.card
    if traces.weights_sha256 != card.weights_sha256:
        raise CheckpointError(
            f"belongs to other weights: those of {quote(traces.checkpoint)} with SHA-256 "
            f"{traces.weights_sha256[:12]}..., while the card says {card.weights_sha256[:12]}..."
        )
    in_force, price = point.in_force
    # Prices are interpolated with logarithms, whose last digit differs between machines.
    if traces.budget != in_force or not math.isclose(traces.price, price, rel_tol=1e-9):
        raise CheckpointError("was made for another budget or price than its name and the card say")
    options = card.config.option_set.names
    if not len(traces):
        raise CheckpointError("has no images")
    if (traces.classes, traces.options) != (card.classes, options):
        raise CheckpointError("does not fit the card: its classes or options differ")
    measured = card.metrics.get("test", {}).get("n", len(traces))
    if measured != len(traces):
        raise CheckpointError(f"has {len(traces):,} images, but the card's test set has {measured:,}")
    shape = (len(traces), card.config.gated_blocks)
    top = max(int(traces.labels.max()), int(traces.predictions.max()))
    if traces.decisions.shape != shape or traces.decisions.max() >= len(options) or top >= len(card.classes):
        raise CheckpointError("does not fit the card: it has decisions or classes that the network does not have")
    _check_looks(traces, len(card.config.passes))


def _check_looks(traces: Traces, passes: int) -> None:
    looks = traces.looks
    if (looks is None) != (passes == 0) or (
        looks is not None
        and (
            looks.answers.shape != (len(traces), passes)
            or not 1 <= looks.passes.min() <= looks.passes.max() <= passes
            or not NOT_RUN <= looks.answers.min() <= looks.answers.max() < len(traces.classes)
        )
    ):
        raise CheckpointError("does not fit the card: it has other passes than the network")


def _reason(error: Exception) -> str:
    if isinstance(error, CheckpointError):
        return str(error)
    return "is truncated or damaged, or is not a trace file"
