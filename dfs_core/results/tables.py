"""Markdown tables: all points for ``results/``, and one row for each method for the README."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from dfs_core.checkpoints.words import METHODS, format_number
from dfs_core.data.known import title_of
from dfs_core.errors import UserError
from dfs_core.results.comparison import Comparison
from dfs_core.results.equal_cost import EqualCost, at_equal_cost
from dfs_core.results.measurement import DIAL, Measurement
from dfs_core.results.networks import networks_of, side_by_side
from dfs_core.results.seeds import OverSeeds

Row = TypeVar("Row", Measurement, Comparison, OverSeeds, EqualCost)
MEASURES = {"cp": "cp", "all_in": "all-in"}
BEGIN, END = "<!-- results: made by `make results` -->", "<!-- end of results -->"

NEAR = 1.0  # the README's table prefers points that lose at most this many points of accuracy
WHAT_COLUMNS_MEAN = """\
All figures are on the test images. No weight and no price was fitted to them. These are the columns, with their
names in `points.csv`:

- *test accuracy* (`accuracy`, `low`, `high`), with its 95 % Wilson interval. The interval covers the sampling of
  test images for one training run;
- *below its backbone* (`loss`): accuracy of the plain network it was made from, minus its accuracy, in points;
- *cp*: the paper's computation percentage; *all-in* (`all_in`): every bit operation of the network;
- *decision vectors* (`policies`): number of different decision vectors;
- *blocks that differ* (`minority_blocks`): gated blocks in which at least 5 % of the images do not take the
  usual option;
- *variation of cp* (`cp_variation`): standard deviation of the images' cp divided by its mean;
- *accuracy, decisions shuffled* (`shuffled`): accuracy when each image gets another image's decision vector.

An empty cell does not apply or was not measured. Figures are compared within one network only. `made_by` in
`points.csv` is the command that measures a row again."""
ABOUT_NETWORKS = "Each method at the same budget on every network."
ABOUT_COMPARISONS = "Networks that decide for each image, and static ones whose cp is within 5 %."
ABOUT_SEEDS = """\
The same over several seeds (`make seeds`) at exactly equal cp. Between two of its points, a method is interpolated,
as if each image went to one of the two at random. *dearer all-in by* is how much more the dynamic network costs
all-in. The best static network is chosen by test accuracy, which favours the static side."""
ABOUT_CASCADES = """\
A cascade and the best other networks at equal cp, and at equal all-in. Of every network the first seed is taken, so
*gain* is of one seed. The mean over the cascade's seeds stands beside it: its runs all start from the same static
network (`python -m dfs_core train cascade-NETWORK --seed 1`)."""


def tables(
    points: Sequence[Measurement],
    comparisons: Sequence[Comparison],
    seeds: Sequence[OverSeeds] = (),
    others: Sequence[Measurement] = (),
) -> str:
    """All tables, each below its title. All but that of the points are left out if there is nothing to compare."""
    cascades = at_equal_cost(points, others)
    parts = [("Points", "", points_table(points))]
    if len(networks_of(points)) > 1:
        parts.insert(0, ("The networks side by side", ABOUT_NETWORKS, networks_table(points)))
    if comparisons:
        parts.append(("Deciding for each image", ABOUT_COMPARISONS, comparisons_table(comparisons)))
    if seeds:
        parts.append(("Deciding for each image, over seeds", ABOUT_SEEDS, seeds_table(seeds)))
    if cascades:
        parts.append(("Looking again", ABOUT_CASCADES, equal_cost_table(cascades)))
    return "\n\n".join("\n\n".join(filter(None, (f"## {title}", *part))) for title, *part in parts)


def full_page(
    points: Sequence[Measurement],
    comparisons: Sequence[Comparison],
    others: Sequence[Measurement],
    seeds: Sequence[OverSeeds],
) -> str:
    """The page ``results/README.md``: all points, all comparisons, and the points of the runs with other seeds."""
    page = (
        "# Every measured point\n\nMade by `make results` from the cards and stored decisions in `pretrained/`. As"
        " data: [points.csv](points.csv) and [comparisons.csv](comparisons.csv)."
        f"\n\n{WHAT_COLUMNS_MEAN}\n\n{tables(points, comparisons, seeds, others)}\n"
    )
    if not others:
        return page
    return (
        f"{page}\n## The same runs with other seeds\n\nMade by `make seeds`, and for the cascade by `train"
        " cascade-NETWORK --seed N`; their weights are not kept. All but the cascade's are from before"
        " [quantiser steps were mended](../docs/findings/every-budget.md#quantiser-steps-that-ran-away). As data:"
        f" [seeds.csv](seeds.csv).\n\n{points_table(others)}\n"
    )


def with_headlines(text: str, points: Sequence[Measurement]) -> str:
    """Replace the table between the marks ``BEGIN`` and ``END`` of a text by one row for each method.

    Raises:
        UserError: the text does not have both marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"there is no place for the table: add the lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n\n{headlines_table(headlines(points))}\n\n{END}{after}"


def headlines(points: Sequence[Measurement]) -> list[Measurement]:
    """One point for each method, most expensive first: the cheapest that loses at most ``NEAR`` points of accuracy.

    A method without such a point gets its most accurate one. All points have the same data set and backbone, the most
    frequent ones.
    """
    if not points:
        return []
    (kind, _), *_ = Counter((point.dataset, point.backbone) for point in points).most_common()
    chosen = []
    by_family: dict[str, list[Measurement]] = defaultdict(list)
    for point in points:
        if (point.dataset, point.backbone) == kind:
            by_family[point.family].append(point)
    for group in by_family.values():
        near = [point for point in group if point.checkpoint == point.backbone or _loses_little(point)]
        best = min(near, key=lambda point: point.cp) if near else max(group, key=lambda point: point.accuracy)
        chosen.append(best)
    return sorted(chosen, key=lambda point: -point.cp)


def _loses_little(point: Measurement) -> bool:
    """False also where nobody knows, because the backbone is not here."""
    return point.loss is not None and point.loss <= NEAR


def headlines_table(points: Sequence[Measurement]) -> str:
    """The README's table."""
    rows = [
        (
            METHODS.get(
                point.family, "DFS, turned down without training (dial)" if point.family == DIAL else point.family
            ),
            point.checkpoint + ("" if point.budget is None else f" at {point.budget:g} %"),
            _accuracy(point),
            "" if point.loss is None else f"{point.loss:.2f}",
            _percent(point.cp),
            _percent(point.all_in),
            f"{point.policies:,}",
        )
        for point in points
    ]
    header = (
        "method",
        "checkpoint",
        "test accuracy (95 % interval)",
        "points below its backbone",
        "cp",
        "all-in",
        "decision vectors",
    )
    return _markdown(header, rows)


def points_table(points: Sequence[Measurement]) -> str:
    """Every measured point: accuracy with its interval, both costs, and how much decisions depend on the image."""
    return _by_network(points, _points_table)


def _by_network(rows: Sequence[Row], table: Callable[[Sequence[Row]], str]) -> str:
    """A table for each network below its name: other weights and other images must not be compared."""
    networks = sorted({(row.dataset, row.network) for row in rows})
    if len(networks) < 2:
        return table(rows)
    parts = {name: [row for row in rows if (row.dataset, row.network) == name] for name in networks}
    return "\n\n".join(
        f"### {title} on {title_of(dataset)}\n\n{table(part)}" for (dataset, title), part in parts.items()
    )


def networks_table(points: Sequence[Measurement]) -> str:
    """The same methods on every network, a column for each."""
    networks = networks_of(points)
    rows = [
        (row.title, *("" if point is None else _accuracy(point) + f", {point.cp:.2f} %" for point in row.points))
        for row in side_by_side(points)
    ]
    return _markdown(("test accuracy (95 % interval), cp", *networks), rows)


def _points_table(points: Sequence[Measurement]) -> str:
    rows = [
        (
            point.checkpoint + (" (dial)" if point.family == DIAL else ""),
            _percent(point.budget, "g") if point.price is None else f"price {format_number(point.price)}",
            _accuracy(point),
            "" if point.loss is None else f"{point.loss:.2f}",
            _percent(point.cp),
            _percent(point.all_in),
            f"{point.policies:,}",
            _percent(point.minority_blocks, ".0f"),
            "" if point.cp_variation is None else f"{point.cp_variation:.2f}",
            _percent(point.shuffled),
        )
        for point in points
    ]
    header = (
        "checkpoint",
        "budget",
        "test accuracy (95 % interval)",
        "below its backbone, points",
        "cp",
        "all-in",
        "decision vectors",
        "blocks that differ",
        "variation of cp",
        "accuracy, decisions shuffled",
    )
    return _markdown(header, rows)


def comparisons_table(comparisons: Sequence[Comparison]) -> str:
    """Dynamic compared with static at about the same cost."""
    return _by_network(comparisons, _comparisons_table)


def _comparisons_table(comparisons: Sequence[Comparison]) -> str:
    rows = [
        (
            f"{row.static}" + ("" if row.static_budget is None else f" at {row.static_budget:g} %"),
            _percent(row.static_cp),
            _percent(row.static_accuracy),
            f"{row.dynamic} at {row.budget:g} %",
            _percent(row.dynamic_cp),
            _percent(row.dynamic_accuracy),
            f"{row.difference:+.2f} ({row.low:+.2f} to {row.high:+.2f})",
        )
        for row in comparisons
    ]
    header = ("static", "cp", "accuracy", "dynamic", "cp", "accuracy", "dynamic minus static, points (95 %)")
    return _markdown(header, rows)


def seeds_table(rows: Sequence[OverSeeds]) -> str:
    """Dynamic compared with static at equal cost, over several seeds."""
    return _by_network(rows, _seeds_table)


def _seeds_table(rows: Sequence[OverSeeds]) -> str:
    cells = [
        (
            row.dynamic,
            _percent(row.cost, "g"),
            _percent(row.dynamic_accuracy),
            _percent(row.static_accuracy),
            ", ".join(map(_signed, row.differences)),
            _interval(row.difference, row.low, row.high),
            _signed(row.all_in),
        )
        for row in rows
    ]
    header = (
        "dynamic",
        "cp of both",
        "accuracy, mean of seeds",
        "best static, mean of seeds",
        "dynamic minus static by seed, points",
        "mean (95 %)",
        "dearer all-in by, points",
    )
    return _markdown(header, cells)


def equal_cost_table(rows: Sequence[EqualCost]) -> str:
    """A cascade beside the best other networks at equal cost."""
    return _by_network(rows, _equal_cost_table)


def _equal_cost_table(rows: Sequence[EqualCost]) -> str:
    cells = [
        (
            row.cascade,
            f"{MEASURES[row.measure]} of {row.cost:g} %",
            _percent(row.accuracy),
            _percent(row.all_in),
            _percent(row.static_accuracy),
            "" if row.static_accuracy is None else _signed(row.accuracy - row.static_accuracy),
            "" if row.gain is None else _interval(*row.gain),
            _percent(row.dynamic_accuracy),
        )
        for row in rows
    ]
    header = (
        "cascade",
        "at",
        "accuracy",
        "its all-in",
        "best static",
        "gain, points",
        "gain of the mean of seeds (95 %)",
        "best that decides before the answer",
    )
    return _markdown(header, cells)


def _accuracy(point: Measurement) -> str:
    return f"{point.accuracy:.2f} % ({point.low:.2f} to {point.high:.2f})"


def _interval(mean: float, low: float, high: float) -> str:
    return f"{_signed(mean)} ({_signed(low)} to {_signed(high)})"


def _signed(points: float) -> str:
    return f"{round(points, 2) + 0.0:+.2f}"  # never -0


def _percent(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else f"{value:{form}} %"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
