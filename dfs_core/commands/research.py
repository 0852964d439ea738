"""Commands that measure more of a checkpoint: turn its dial, find its prices anew, shuffle its decisions."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.commands.checkpoints import add_checkpoint
from dfs_core.commands.evaluate import measured_images
from dfs_core.commands.output import add_data_dir, add_json, data_dir_of, number, percent, table, write, write_json
from dfs_core.commands.traces import asked_points
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from dfs_core.evaluation.metrics import Evaluation
    from dfs_core.results.collect import Remeasured

DIAL_RANGE = (0.02, 20.0)  # prices, in the logits of a gate that was trained for one budget
DIAL_POINTS = 12  # at most
BROKEN = 10.0  # points of accuracy; who loses more runs under options that training never showed the network


def add_dial(parser: argparse.ArgumentParser) -> None:
    """Define ``dial``."""
    add_checkpoint(parser)
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_dial)


def run_dial(args: argparse.Namespace) -> int:
    """Put a price on the decisions of a checkpoint that was trained for one budget, and measure where that leads.

    The prices are chosen on validation images; the points along them are measured on the test images. They end where
    the network breaks down, on validation images too.
    """
    from dataclasses import replace

    from dfs_core.checkpoints.card_files import save_card
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.evaluation.evaluate import evaluate
    from dfs_core.results.collect import DIAL_FILE
    from dfs_core.training.measure import measure_prices

    checkpoint = load_checkpoint(args.checkpoint)
    card, model, data_dir = checkpoint.card, checkpoint.model, data_dir_of(args)
    if card.config.policy != "recurrent":
        raise UserError(f"'{card.name}' has no dial: it needs a gate that was trained for one budget")
    images, rows = measured_images(card, data_dir, "test"), []
    validation = measured_images(card, data_dir, "validation")
    prices = measure_prices(model, validation, card.mean, card.std, DIAL_RANGE)
    chosen = prices[:: math.ceil(len(prices) / DIAL_POINTS)]
    held_out = {price: evaluate(model, validation, card.mean, card.std, price=price).accuracy for price, _ in chosen}
    sound = [price for price, accuracy in held_out.items() if accuracy >= max(held_out.values()) - BROKEN]
    for price in sound:
        found = evaluate(model, images, card.mean, card.std, price=price)
        rows.append({"price": f"{price:.6g}"} | _row(found, card.weights_sha256))
    config = replace(card.config, prices=tuple(pair for pair in prices if pair[0] <= max(sound)))
    save_card(checkpoint.folder, replace(card, model=config.to_dict()))
    _write_rows(checkpoint.folder / DIAL_FILE, rows)
    if args.json:
        write_json([row | {"price": float(row["price"])} for row in rows])
        return 0
    shown = [
        (row["price"], *(number(row[key], "%") for key in ("accuracy", "cp", "all_in")), f"{row['policies']:,}")
        for row in rows
    ]
    write(table(("price", "accuracy", "cp", "all-in", "decision vectors"), shown, words=()))
    return 0


def add_prices(parser: argparse.ArgumentParser) -> None:
    """Define ``prices``."""
    add_checkpoint(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOWEST", "HIGHEST"),
        help="start anew from this range of prices, in nats per block in full; without it, the prices that the card has"
        " are kept and more are tried between them",
    )
    add_json(parser)
    parser.set_defaults(run=run_prices)


def run_prices(args: argparse.Namespace) -> int:
    """Measure more closely which budget each price leads to, for a checkpoint that serves every budget.

    The list comes from validation images; the card's figures and the stored traces are then measured anew with it.
    """
    from dataclasses import replace

    from dfs_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
    from dfs_core.checkpoints.trace_files import stored_budgets
    from dfs_core.evaluation.evaluate import run
    from dfs_core.evaluation.metrics import summarise
    from dfs_core.results.collect import SHUFFLED_FILE
    from dfs_core.training.measure import serve_every_budget
    from dfs_core.training.publish import traces_of

    checkpoint = load_checkpoint(args.checkpoint)
    card, model = checkpoint.card, checkpoint.model
    if not card.config.every_budget:
        raise UserError(f"'{card.name}' does not serve every budget, so it has no prices")
    if args.range and not 0 < args.range[0] < args.range[1] < math.inf:
        raise UserError("--range is the lowest and the highest price, both above 0")
    images = {split: measured_images(card, data_dir_of(args), split) for split in ("validation", "test")}
    chosen, known = (tuple(args.range), ()) if args.range else ((), card.config.prices)
    model.config = serve_every_budget(model, images["validation"], card.mean, card.std, chosen, known)
    outcomes = {split: run(model, part, card.mean, card.std) for split, part in images.items()}
    metrics = {split: summarise(outcome, model.config).to_dict() for split, outcome in outcomes.items()}
    card = replace(card, model=model.config.to_dict(), budget_range=model.config.budget_range, metrics=metrics)
    folder = checkpoint.folder
    files = traces_of(model, card, images["test"], outcomes["test"], stored_budgets(folder))
    before = {*folder.glob("traces*.parquet"), folder / SHUFFLED_FILE}  # of decisions at other prices
    save_checkpoint(folder, model, card, files)
    for stale in before - {folder / name for name in files}:
        stale.unlink(missing_ok=True)
    if args.json:
        write_json([{"price": price, "cp": cp} for price, cp in model.config.prices])
        return 0
    write(table(("price", "cp"), [(f"{price:.4g}", number(cp, "%")) for price, cp in model.config.prices], words=()))
    return 0


def add_shuffle(parser: argparse.ArgumentParser) -> None:
    """Define ``shuffle``."""
    add_checkpoint(parser)
    parser.add_argument("--budget", type=percent, nargs="+", metavar="PERCENT", help="default: all stored ones")
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_shuffle)


def run_shuffle(args: argparse.Namespace) -> int:
    """Give every test image another image's decisions: the same shares per block, blind to the image.

    What is lost against the checkpoint's own decisions is what looking at the image is worth. What was measured for
    other budgets before stays.
    """
    import numpy as np

    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.checkpoints.operating_point import OperatingPoint
    from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
    from dfs_core.evaluation.evaluate import evaluate
    from dfs_core.results.collect import SHUFFLED_FILE, remeasured

    checkpoint = load_checkpoint(args.checkpoint)
    card, folder = checkpoint.card, checkpoint.folder
    points = asked_points(card, args.budget, stored_budgets(folder))
    if not points:
        command = OperatingPoint(card).command
        raise UserError(f"there are no stored decisions of '{card.name}': make them with '{command}'", command)
    images = measured_images(card, data_dir_of(args), "test")
    rows = {_key(row.budget): _kept(row) for row in remeasured(folder / SHUFFLED_FILE, card)}
    compared = []
    for point in points:
        traces, budget = read_traces(folder, point), point.budget
        mixed = traces.decisions[np.random.default_rng(0).permutation(len(traces))]
        found = evaluate(checkpoint.model, images, card.mean, card.std, forced=mixed)
        key = _key(budget)
        rows[key] = {"budget": key} | _row(found, card.weights_sha256)
        own = 100 * float(traces.correct.mean())
        compared.append({"budget": budget, "accuracy": own, "shuffled": found.accuracy})
        if not args.json:
            write(f"{key or card.name}: own decisions {number(own, '%')}, shuffled {number(found.accuracy, '%')}")
    _write_rows(folder / SHUFFLED_FILE, sorted(rows.values(), key=lambda row: float(row["budget"] or 0)))
    if args.json:
        write_json(compared)
    return 0


def _key(budget: float | None) -> str:
    """A budget as it stands in the file of shuffled decisions."""
    return "" if budget is None else f"{budget:g}"


def _kept(row: Remeasured) -> dict[str, Any]:
    """A row as it was read, to be written again."""
    keys = ("n", "accuracy", "cp", "all_in", "policies", "low", "high", "weights")
    return {"budget": _key(row.budget)} | {key: getattr(row, key) for key in keys}


def _row(found: Evaluation, weights: str) -> dict[str, Any]:
    low, high = found.accuracy_ci95
    figures = {key: getattr(found, key) for key in ("n", "accuracy", "cp", "all_in", "policies")}
    return figures | {"low": low, "high": high, "weights": weights[:12]}


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv
    import io

    from dfs_core.files import write_whole

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
