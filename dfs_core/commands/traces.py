"""The command ``traces``: decision traces of the test set for checkpoints that were published without them."""

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
    from dfs_core.checkpoints.checkpoint import Checkpoint
    from dfs_core.checkpoints.operating_point import OperatingPoint
    from dfs_core.data.sets import ImageSet
    from dfs_core.evaluation.metrics import Evaluation, Outcome

NOISE = 0.1  # points by which another machine's rounding may move accuracy or cp


def add_traces(parser: argparse.ArgumentParser) -> None:
    """Define ``traces``."""
    add_checkpoint(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--budget",
        type=percent,
        nargs="+",
        metavar="PERCENT",
        help="for a checkpoint that serves every budget: which ones, a file each; default: the usual ones and all"
        " that are stored",
    )
    add_json(parser)
    parser.set_defaults(run=run_traces)


def run_traces(args: argparse.Namespace) -> int:
    """Write the traces beside the checkpoint and print what they hold."""
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.checkpoints.trace_files import BUDGETS, stored_budgets
    from dfs_core.checkpoints.traces import Traces
    from dfs_core.evaluation.metrics import summarise
    from dfs_core.files import write_whole

    checkpoint = load_checkpoint(args.checkpoint)
    card = checkpoint.card
    low, high = card.config.budget_range or (0.0, 0.0)
    usual = [budget for budget in BUDGETS if low <= budget <= high]
    points = asked_points(card, args.budget, sorted({*usual, *stored_budgets(checkpoint.folder)}))
    images, card_test = measured_images(card, data_dir_of(args), "test"), card.evaluation("test")
    lines = []
    for point in points:
        outcome = _outcome(checkpoint, images, point.budget)
        found = summarise(outcome, card.config)
        if card_test is not None and point.budget is None:
            _compare(found, card_test)
        path = checkpoint.folder / point.traces_file
        data = Traces.of(outcome, point).to_bytes()
        write_whole(path, data)
        lines.append(_line(path, len(data), point.budget, found))
    if args.json:
        write_json(lines)
    else:
        for line in lines:
            write(_text(line))
    return 0


def _outcome(checkpoint: Checkpoint, images: ImageSet, budget: float | None) -> Outcome:
    from tqdm import tqdm

    from dfs_core.evaluation.evaluate import run

    with tqdm(total=len(images), unit="image", leave=False, disable=None) as bar:

        def progress(done: int, _total: int) -> None:
            bar.update(done - bar.n)

        card = checkpoint.card
        return run(checkpoint.model, images, card.mean, card.std, budget=budget, progress=progress)


def asked_points(card: Card, asked: list[float] | None, usual: Sequence[float]) -> list[OperatingPoint]:
    """The operating points that are meant.

    Args:
        card: of the checkpoint.
        asked: the budgets that somebody typed, if any.
        usual: those that are meant where nobody asked.

    Raises:
        UserError: the checkpoint has one operating point and was asked for others, or has no such budget.
    """
    from dfs_core.checkpoints.operating_point import OperatingPoint

    if not card.config.every_budget:
        if asked:
            raise UserError(f"'{card.name}' has one operating point: leave --budget out")
        return [OperatingPoint(card)]
    points = [OperatingPoint(card, budget) for budget in dict.fromkeys(asked or usual)]
    for point in points:
        _ = point.traces_file  # refused now rather than after a minute's work on the one before it
    return points


def _compare(found: Evaluation, card_test: Evaluation) -> None:
    """Say where the figures are not the card's to the last digit; refuse what rounding cannot explain."""
    off = {key: (getattr(found, key), getattr(card_test, key)) for key in ("accuracy", "cp")}
    told = ", ".join(f"{key} {here:.4f} % instead of {there:.4f} %" for key, (here, there) in off.items())
    if any(abs(here - there) > NOISE for here, there in off.values()):
        raise UserError(f"these are not the images that the card was measured on: {told}")
    if found != card_test:
        complain(f"this machine rounds otherwise than the one that measured the card: {told}")


def _line(path: Path, size: int, budget: float | None, found: Evaluation) -> dict[str, Any]:
    keys = ("n", "accuracy", "cp", "all_in", "policies")
    return {"file": str(path), "bytes": size, "budget": budget} | {key: getattr(found, key) for key in keys}


def _text(line: dict[str, Any]) -> str:
    figures = f"accuracy {number(line['accuracy'], '%')}, cp {number(line['cp'], '%')}"
    vectors = f"{line['policies']:,} decision vectors"
    return f"{line['file']}: {line['n']:,} images in {line['bytes'] / 1000:.0f} kB; {figures}, {vectors}"
