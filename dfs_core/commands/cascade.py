"""The command ``cascade``: put trained checkpoints in a row and look again where the answer is in doubt."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from dfs_core.commands.checkpoints import name_at_budget
from dfs_core.commands.evaluate import measured_images
from dfs_core.commands.output import add_data_dir, add_json, data_dir_of, number, percent, table, write, write_json
from dfs_core.errors import UserError
from dfs_core.evaluation.doubt import ANSWERS, SURE
from dfs_core.evaluation.limits import IN_TURN, STRAIGHT
from dfs_core.results.measurement import CPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfs_core.results.separate import Answered, SeparateCascade


def add_cascade(parser: argparse.ArgumentParser) -> None:
    """Define ``cascade``."""
    named = "checkpoints, the cheapest first, each at its usual budget or as NAME@BUDGET; or one cascade"
    parser.add_argument("--passes", nargs="+", required=True, metavar="NAME", help=named)
    usual = ", ".join(f"{budget:g}" for budget in CPS)
    usual = f"cp in percent, all passes together; default: those of {usual} that it serves"
    parser.add_argument("--budget", type=percent, nargs="+", metavar="PERCENT", help=usual)
    kinds = "lead of the best class over the second, probability of the best class, entropy of all, or a fitted head"
    parser.add_argument("--sure", choices=SURE, default="lead", help=f"when an answer is sure: by the {kinds}")
    whose = "the answer is that of the last pass, or of all passes together"
    parser.add_argument("--answer", choices=ANSWERS, default="last", help=whose)
    straight = "the first pass's doubt alone says to which pass an image goes, past those between"
    parser.add_argument("--straight", action="store_true", help=straight)
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_cascade)


def run_cascade(args: argparse.Namespace) -> int:
    """Measure a cascade without training: limits from validation images, figures from test images."""
    from dfs_core.bar import progress_bar
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.results.separate import Pass, ask, at_budget, check_kin, looks_at, nearest, rows_on

    def report(done: int, total: int) -> None:
        progress(len(answered) * total + done, 2 * total)

    for budget in args.budget or ():
        if not 0 < budget < math.inf:
            raise UserError(f"a budget is a percentage above 0, not {budget:g}")
    passes = [Pass(load_checkpoint(name), budget) for name, budget in map(name_at_budget, args.passes)]
    for one, name in zip(passes, args.passes, strict=True):
        if one.card.config.passes and one.budget is not None:
            raise UserError(f"{name}: '{one.card.name}' is a cascade already: name it alone, and give --budget")
    check_kin(passes)
    first, way = passes[0].card, STRAIGHT if args.straight else IN_TURN
    data_dir = data_dir_of(args)
    blocks = first.config.gated_blocks
    answered: dict[str, list[Answered]] = {}
    labels = {}
    with progress_bar("asking each pass") as progress:
        for split in ("validation", "test"):
            images = measured_images(first, data_dir, split)
            labels[split] = images.labels.cpu().numpy()
            answered[split] = ask(passes, images, report)
    measured = looks_at(answered, labels, blocks, args.sure, args.answer)
    rows = rows_on(measured["validation"], blocks, way)
    asked = args.budget or [budget for budget in CPS if nearest(rows, budget)]
    if not asked:
        raise UserError(f"these passes serve budgets from {rows[-1].cp:.3g} to {rows[0].cp:.3g} %: give --budget")
    found = [at_budget(rows, measured["test"], budget, way) for budget in asked]
    if args.json:
        write_json([asdict(one) | {"checkpoints": args.passes} for one in found])
        return 0
    _write(found, first.config.passes or args.passes)
    models = {one.card.name: one.checkpoint.model for one in passes}.values()
    weights = sum(parameter.numel() for model in models for parameter in model.parameters())
    networks = "1 network" if len(models) == 1 else f"{len(models)} networks"
    write(f"{networks} in memory: {weights:,} parameters, {4 * weights / 1e6:.1f} MB in float32")
    return 0


def _write(found: Sequence[SeparateCascade], names: Sequence[str]) -> None:
    """The figures at each budget, and the differences to each pass alone, as tables."""
    shown = [
        (
            number(one.budget, "%"),
            f"{one.accuracy:.2f} % ({one.low:.2f} to {one.high:.2f})",
            number(one.cp, "%"),
            number(one.all_in, "%"),
            f"{one.passes:.2f}",
            "-" if one.gain is None else f"{one.gain:+.2f}",
            number(one.shuffled, "%"),
            ", ".join(f"{limit:.2f}" for limit in one.limits),
        )
        for one in found
    ]
    write(table(("budget", "accuracy", "cp", "all-in", "passes", "gain", "shuffled", "limits"), shown, words=()))
    write("gain: points above the straight line between the passes alone, by cp; interpolated")
    write("\nagainst each pass alone, in points, with 95 % intervals for the same images:")
    titles = [f"{name} ({accuracy:.2f} %)" for name, accuracy in zip(names, found[0].alone, strict=True)]
    against = [
        [number(one.budget, "%"), *(f"{d:+.2f} ({lo:+.2f} to {hi:+.2f})" for d, lo, hi in one.against)] for one in found
    ]
    write(table(("budget", *titles), against, words=()))
