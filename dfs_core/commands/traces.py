"""The command ``traces``: store the decision traces of a checkpoint on the test set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.commands.checkpoints import add_checkpoint
from dfs_core.commands.evaluate import measured_images
from dfs_core.commands.output import add_data_dir, add_json, complain, data_dir_of, number, percent, write, write_json
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from dfs_core.checkpoints.card import Card
    from dfs_core.checkpoints.operating_point import OperatingPoint
    from dfs_core.evaluation.metrics import Evaluation


def add_traces(parser: argparse.ArgumentParser) -> None:
    """Define ``traces``."""
    add_checkpoint(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--budget",
        type=percent,
        nargs="+",
        metavar="PERCENT",
        help="budgets in percent, for a checkpoint that serves every budget; default: the usual ones and all stored"
        " ones",
    )
    add_json(parser)
    parser.set_defaults(run=run_traces)


def run_traces(args: argparse.Namespace) -> int:
    """Write the traces into the checkpoint's folder and print their figures."""
    from dfs_core.bar import progress_bar
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.checkpoints.operating_point import usual_point
    from dfs_core.checkpoints.store_traces import measure_as_card, measure_traces
    from dfs_core.checkpoints.trace_files import BUDGETS, stored_budgets

    checkpoint = load_checkpoint(args.checkpoint)
    card = checkpoint.card
    low, high = card.config.budget_range or (0.0, 0.0)
    own = card.config.usual_budget
    usual = {budget for budget in BUDGETS if low <= budget <= high} | ({own} if own is not None else set())
    points = asked_points(card, args.budget, sorted({*usual, *stored_budgets(checkpoint.folder)}))
    images = measured_images(card, data_dir_of(args), "test")
    with progress_bar("comparing with the card") as progress:
        as_card = measure_as_card(checkpoint, images, progress)
    if as_card is not None and as_card[1]:
        complain(f"this machine rounds differently from the one that measured the card: {as_card[1]}", "note")
    lines = []
    for point in points:
        if as_card is not None and point == usual_point(card):
            found = as_card[0]
        else:
            with progress_bar("measuring") as progress:
                found = measure_traces(checkpoint, point, images, progress)
        found.store()
        lines.append(_line(found.path, len(found.data), point.budget, found.evaluation))
    if args.json:
        write_json(lines)
    else:
        for line in lines:
            write(_text(line))
    return 0


def asked_points(card: Card, asked: list[float] | None, usual: Sequence[float]) -> list[OperatingPoint]:
    """The operating points that a command should use.

    Args:
        card: the card of the checkpoint.
        asked: the budgets in percent from the command line; None or empty if there are none.
        usual: the default budgets in percent.

    Raises:
        UserError: budgets are given for a checkpoint with one operating point, or it cannot serve one of them.
    """
    from dfs_core.checkpoints.operating_point import OperatingPoint

    if not card.config.every_budget:
        if asked:
            raise UserError(f"'{card.name}' has one operating point: leave --budget out")
        return [OperatingPoint(card)]
    points = [OperatingPoint(card, budget) for budget in dict.fromkeys(asked or usual)]
    for point in points:
        _ = point.traces_file  # raises now, and not after a minute's work on the point before
    return points


def _line(path: Path, size: int, budget: float | None, found: Evaluation) -> dict[str, Any]:
    keys = ("n", "accuracy", "cp", "all_in", "policies")
    return {"file": str(path), "bytes": size, "budget": budget} | {key: getattr(found, key) for key in keys}


def _text(line: dict[str, Any]) -> str:
    figures = f"accuracy {number(line['accuracy'], '%')}, cp {number(line['cp'], '%')}"
    vectors = f"{line['policies']:,} decision vector{'' if line['policies'] == 1 else 's'}"
    return f"{line['file']}: {line['n']:,} images in {line['bytes'] / 1000:.0f} kB; {figures}, {vectors}"
