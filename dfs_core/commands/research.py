"""The commands ``dial``, ``prices`` and ``shuffle``, which measure a checkpoint at other prices or decisions."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.checkpoints.words import format_number
from dfs_core.commands.checkpoints import add_checkpoint
from dfs_core.commands.evaluate import measured_images
from dfs_core.commands.output import add_data_dir, add_json, data_dir_of, number, percent, table, write, write_json
from dfs_core.commands.traces import asked_points
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfs_core.checkpoints.card import Card
    from dfs_core.checkpoints.traces import Traces
    from dfs_core.evaluation.limits import Look
    from dfs_core.evaluation.metrics import Evaluation
    from dfs_core.results.collect import Remeasured

DIAL_RANGE = (0.02, 20.0)  # (lowest, highest) price, in the unit of the gate's logits
DIAL_POINTS = 12  # largest number of points
BROKEN = 10.0  # points; a network that loses more accuracy runs under options that it was not trained for


def add_dial(parser: argparse.ArgumentParser) -> None:
    """Define ``dial``."""
    add_checkpoint(parser)
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_dial)


def run_dial(args: argparse.Namespace) -> int:
    """Measure a checkpoint that was trained for one budget at several prices.

    Prices are chosen on validation images, and the points are measured on test images. Prices at which accuracy on
    validation images breaks down are left out.
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
    if not prices:
        raise UserError(f"'{card.name}' has no dial: it skips every block at every price")
    chosen = prices[:: math.ceil(len(prices) / DIAL_POINTS)]
    held_out = {price: evaluate(model, validation, card.mean, card.std, price=price).accuracy for price, _ in chosen}
    sound = [price for price, accuracy in held_out.items() if accuracy >= max(held_out.values()) - BROKEN]
    for price in sound:
        found = evaluate(model, images, card.mean, card.std, price=price)
        rows.append(_remeasured(found, card, price=float(f"{price:.6g}")))
    config = replace(card.config, prices=tuple(pair for pair in prices if pair[0] <= max(sound)))
    save_card(checkpoint.folder, replace(card, model=config.to_dict()))
    _write_rows(checkpoint.folder / DIAL_FILE, rows)
    if args.json:
        write_json([asdict(row) for row in rows])
        return 0
    shown = [
        (
            "-" if row.price is None else format_number(row.price, 6),
            *(number(value, "%") for value in (row.accuracy, row.cp, row.all_in)),
            f"{row.policies:,}",
        )
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
        help="start from this range of prices, in nats per block in full; default: keep the card's prices and try more"
        " between them; not for a cascade",
    )
    add_json(parser)
    parser.set_defaults(run=run_prices)


def run_prices(args: argparse.Namespace) -> int:
    """Measure which budget each price leads to, at more prices, for a checkpoint that serves every budget.

    The list is measured on validation images. Then the card's figures and the stored traces are measured again with it.
    """
    from dataclasses import replace

    from dfs_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint, weights_hash
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
    if args.range and card.config.policy == "cascade":
        raise UserError(f"'{card.name}' is a cascade, whose prices follow from its limits: leave --range out")
    if args.range and not 0 < args.range[0] < args.range[1] < math.inf:
        raise UserError("--range must be the lowest and the highest price, both above 0")
    images = {split: measured_images(card, data_dir_of(args), split) for split in ("validation", "test")}
    chosen, known = (tuple(args.range), ()) if args.range else ((), card.config.prices)
    model.config = serve_every_budget(model, images["validation"], card.mean, card.std, chosen, known)
    outcomes = {split: run(model, part, card.mean, card.std) for split, part in images.items()}
    metrics = {split: summarise(outcome, model.config).to_dict() for split, outcome in outcomes.items()}
    card = replace(card, model=model.config.to_dict(), budget_range=model.config.budget_range, metrics=metrics)
    # The usual budget, for which the engine's figures are, may be another one now. The weights' file changes too where
    # an older version kept in float32 what half precision holds.
    card = replace(card, engine=None, weights_sha256=weights_hash(model))
    folder = checkpoint.folder
    files = traces_of(model, card, images["test"], outcomes["test"], stored_budgets(folder))
    before = {*folder.glob("traces*.parquet"), folder / SHUFFLED_FILE}  # their decisions used the old prices
    save_checkpoint(folder, model, card, files)
    for stale in before - {folder / name for name in files}:
        stale.unlink(missing_ok=True)
    if args.json:
        write_json([{"price": price, "cp": cp} for price, cp in model.config.prices])
        return 0
    rows = [(format_number(price, 4), number(cp, "%")) for price, cp in model.config.prices]
    write(table(("price", "cp"), rows, words=()))
    return 0


def add_shuffle(parser: argparse.ArgumentParser) -> None:
    """Define ``shuffle``."""
    add_checkpoint(parser)
    parser.add_argument("--budget", type=percent, nargs="+", metavar="PERCENT", help="default: all stored ones")
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_shuffle)


def run_shuffle(args: argparse.Namespace) -> int:
    """Measure accuracy when every test image gets the decision vector of another image.

    The shares of options per block stay the same, but decisions no longer depend on the image. So the lost accuracy is
    the value of looking at the image. Of a cascade, images exchange how many passes they make. Earlier results for
    other budgets are kept.
    """
    import numpy as np

    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.checkpoints.operating_point import OperatingPoint
    from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
    from dfs_core.evaluation.evaluate import evaluate
    from dfs_core.results.collect import SHUFFLED_FILE, remeasured
    from dfs_core.training.measure import looks

    checkpoint = load_checkpoint(args.checkpoint)
    card, folder = checkpoint.card, checkpoint.folder
    points = asked_points(card, args.budget, stored_budgets(folder))
    if not points:
        command = OperatingPoint(card).command(folder)
        raise UserError(f"there are no stored decisions of '{card.name}': make them with '{command}'", command)
    images = measured_images(card, data_dir_of(args), "test")
    rows = {row.budget: row for row in remeasured(folder / SHUFFLED_FILE, card)}
    compared = []
    looked = looks(checkpoint.model, images, card.mean, card.std) if card.config.passes else []
    stored = [read_traces(folder, point) for point in points]  # all of them, before an hour's work on the first
    for point, traces in zip(points, stored, strict=True):
        budget = point.budget
        if looked:
            row = _passes_shuffled(traces, looked, card, budget)
        else:
            mixed = traces.decisions[np.random.default_rng(0).permutation(len(traces))]
            found = evaluate(checkpoint.model, images, card.mean, card.std, forced=mixed)
            row = _remeasured(found, card, budget=budget)
        rows[budget] = row
        own = 100 * float(traces.correct.mean())
        compared.append({"budget": budget, "accuracy": own, "shuffled": row.accuracy})
        if not args.json:
            at = card.name if budget is None else f"{budget:g} %"
            write(f"{at}: own decisions {number(own, '%')}, shuffled {number(row.accuracy, '%')}")
    _write_rows(folder / SHUFFLED_FILE, sorted(rows.values(), key=lambda row: row.budget or 0.0))
    if args.json:
        write_json(compared)
    return 0


def _passes_shuffled(traces: Traces, looked: Sequence[Look], card: Card, budget: float | None) -> Remeasured:
    """The row of a cascade whose images exchange how many passes they make: the mean over all exchanges.

    Args:
        traces: what the cascade did at a budget.
        looked: every pass made for every one of these images.
        card: of the cascade.
        budget: that budget, in percent.
    """
    from dfs_core.evaluation.metrics import DECIMALS, wilson_interval
    from dfs_core.results.collect import Remeasured, figures_of, weights_of

    assert traces.looks is not None
    shares = [float((traces.looks.passes == number).mean()) for number in range(1, len(looked) + 1)]
    right = sum(share * float(look.correct.mean()) for share, look in zip(shares, looked, strict=True))
    low, high = wilson_interval(round(right * len(traces)), len(traces))
    own = figures_of(traces, card)
    return Remeasured(
        budget=budget,
        **{key: own[key] for key in ("n", "cp", "all_in", "policies")},
        accuracy=round(100 * right, DECIMALS),
        low=round(low, DECIMALS),
        high=round(high, DECIMALS),
        weights=weights_of(card),
    )


def _remeasured(found: Evaluation, card: Card, price: float | None = None, budget: float | None = None) -> Remeasured:
    from dfs_core.results.collect import Remeasured, weights_of

    low, high = found.accuracy_ci95
    figures = {key: getattr(found, key) for key in ("n", "accuracy", "cp", "all_in", "policies")}
    return Remeasured(**figures, low=low, high=high, price=price, budget=budget, weights=weights_of(card))


def _write_rows(path: Path, rows: Sequence[Remeasured]) -> None:
    from dfs_core.files import write_whole
    from dfs_core.results.collect import Remeasured
    from dfs_core.results.measurement import to_csv

    write_whole(path, to_csv(rows, Remeasured).encode())
