"""The command ``compare``: two operating points on the same test images, from their stored traces."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dfs_core.commands.checkpoints import name_at_budget
from dfs_core.commands.output import add_json, number, table, write, write_json
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from dfs_core.checkpoints.operating_point import OperatingPoint
    from dfs_core.checkpoints.traces import Traces


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Define ``compare``."""
    parser.add_argument(
        "points",
        nargs=2,
        metavar="NAME[@BUDGET]",
        help="a name that 'list' prints, or a checkpoint's folder; with a budget in percent for one that serves every"
        " budget: lowbit-resnet38-cifar10@1.56",
    )
    add_json(parser)
    parser.set_defaults(run=run_compare)


def run_compare(args: argparse.Namespace) -> int:
    """Print accuracy and cp of both points, and the difference on the same images with its interval."""
    from dfs_core.results.agreement import Agreement, why_not

    (left, a), (right, b) = (_stored(text) for text in args.points)
    if why := why_not(a, b):
        raise UserError(f"A and B cannot be compared image by image: {why}")
    found = Agreement.of(a, b)
    sides = [_figures(left, a), _figures(right, b)]
    if args.json:
        write_json({"a": sides[0], "b": sides[1]} | asdict(found))
        return 0
    rows = [
        (letter, side["checkpoint"], _budget(side), number(side["accuracy"], "%"), number(side["cp"], "%"))
        for letter, side in zip("AB", sides, strict=True)
    ]
    write(table(("", "checkpoint", "budget", "accuracy", "cp"), rows, words=(0, 1)))
    write(_in_words(found))
    return 0


def _stored(text: str) -> tuple[OperatingPoint, Traces]:
    """An operating point as the command line names it, and its stored traces.

    Raises:
        UserError: there is no such checkpoint, it cannot serve the budget, or has no traces there.
    """
    from dfs_core.checkpoints.card_files import read_card
    from dfs_core.checkpoints.locate import find
    from dfs_core.checkpoints.operating_point import OperatingPoint, usual_point
    from dfs_core.checkpoints.trace_files import read_traces

    name, budget = name_at_budget(text)
    folder = find(name)
    card = read_card(folder)
    point = usual_point(card) if budget is None else OperatingPoint(card, budget)
    return point, read_traces(folder, point)


def _figures(point: OperatingPoint, traces: Traces) -> dict[str, Any]:
    from dfs_core.model.cost import cost_models

    config = point.card.config
    return {
        "checkpoint": point.card.name,
        "budget": point.in_force[0],
        "accuracy": 100 * float(traces.correct.mean()),
        "cp": cost_models(config)["cp"].total(traces.every_pass(config)),
    }


def _budget(side: dict[str, Any]) -> str:
    return "-" if side["budget"] is None else f"{side['budget']:g} %"


def _in_words(found: Any) -> str:
    from dfs_core.results.agreement import p_in_words

    if not found.a_only + found.b_only:  # an interval of no width would say more than so few images can
        return (
            f"B minus A, on the same {found.images:,} images: 0.00 points. No image is right on one alone, so these"
            " cannot tell A and B apart"
        )
    return (
        f"B minus A, on the same {found.images:,} images: {found.gain:+.2f} points (95 % interval {found.low:+.2f} to"
        f" {found.high:+.2f})\n"
        f"Right on both: {found.both:,}; only on A: {found.a_only:,}; only on B: {found.b_only:,}; on neither:"
        f" {found.neither:,}. McNemar's exact test: {p_in_words(found.p)}"
    )
