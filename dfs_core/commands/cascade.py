"""The command ``cascade``: put trained checkpoints in a row and look again where the answer is in doubt."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from dfs_core.commands.evaluate import measured_images
from dfs_core.commands.output import add_data_dir, add_json, data_dir_of, number, percent, table, write, write_json
from dfs_core.errors import UserError
from dfs_core.evaluation.limits import SURENESS

if TYPE_CHECKING:
    from dfs_core.results.separate import Measured

BUDGETS = (0.45, 0.55, 0.65, 0.8, 1.0, 1.56, 2.5, 5.0)


def add_cascade(parser: argparse.ArgumentParser) -> None:
    """Define ``cascade``."""
    parser.add_argument("--passes", nargs="+", required=True, metavar="NAME", help="checkpoints, the cheapest first")
    usual = ", ".join(f"{budget:g}" for budget in BUDGETS)
    usual = f"cp in percent, all passes together; default: those of {usual} that it serves"
    parser.add_argument("--budget", type=percent, nargs="+", metavar="PERCENT", help=usual)
    measures = "lead of the best class over the second, probability of the best class, or entropy of all"
    parser.add_argument("--sure", choices=tuple(SURENESS), default="lead", help=f"when an answer is sure: {measures}")
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_cascade)


def run_cascade(args: argparse.Namespace) -> int:
    """Measure a cascade of checkpoints without training: limits from validation images, figures from test images."""
    from dfs_core.bar import progress_bar
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.results.separate import at_budget, check_kin, measure_pass, nearest, rows_on

    for budget in args.budget or ():
        if not 0 < budget < math.inf:
            raise UserError(f"a budget is a percentage above 0, not {budget:g}")
    checkpoints = [load_checkpoint(name) for name in args.passes]
    check_kin(checkpoints)
    data_dir = data_dir_of(args)
    measured: dict[str, list[Measured]] = {}
    with progress_bar("asking each pass") as progress:
        done, steps = 0, 2 * len(checkpoints)
        for split in ("validation", "test"):
            images = measured_images(checkpoints[0].card, data_dir, split)
            measured[split] = []
            for checkpoint in checkpoints:
                measured[split].append(measure_pass(checkpoint, images, args.sure))
                done += 1
                progress(done, steps)
    rows = rows_on(measured["validation"], checkpoints[0].card.config.gated_blocks)
    asked = args.budget or [budget for budget in BUDGETS if nearest(rows, budget)]
    if not asked:
        raise UserError(f"these passes serve budgets from {rows[-1].cp:.3g} to {rows[0].cp:.3g} %: give --budget")
    found = [at_budget(rows, measured["test"], budget) for budget in asked]
    if args.json:
        write_json([asdict(one) | {"checkpoints": args.passes} for one in found])
        return 0
    shown = [
        (
            number(one.budget, "%"),
            f"{one.accuracy:.2f} % ({one.low:.2f} to {one.high:.2f})",
            number(one.cp, "%"),
            number(one.all_in, "%"),
            f"{one.passes:.2f}",
            number(one.shuffled, "%"),
            ", ".join(f"{limit:.2f}" for limit in one.limits),
        )
        for one in found
    ]
    write("\nagainst each pass alone, in points, with 95 % intervals for the same images:")
    gains = [
        [number(one.budget, "%"), *(f"{d:+.2f} ({lo:+.2f} to {hi:+.2f})" for d, lo, hi in one.gains)] for one in found
    ]
    write(table(("budget", *args.passes), gains, words=()))
    weights = sum(parameter.numel() for checkpoint in checkpoints for parameter in checkpoint.model.parameters())
    write(table(("budget", "accuracy", "cp", "all-in", "passes", "shuffled", "limits"), shown, words=()))
    write(f"{len(checkpoints)} networks in memory: {weights:,} parameters, {4 * weights / 1e6:.1f} MB in float32")
    return 0
