"""Tables in Markdown from the rows that ``results/`` holds: all of them there, in the README those that matter most.

The README compares every method that decides per image with the best static one at five costs, and shows the points
that this takes; of a checkpoint with many other points it shows the cheapest and the dearest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dfs_core.errors import UserError
from dfs_core.results.comparison import TOLERANCE, Comparison
from dfs_core.results.measurement import DIAL, Measurement
from dfs_core.results.seeds import OverSeeds

BEGIN, END = "<!-- results: made by `make results` -->", "<!-- end of results -->"


HEADLINE_COSTS = (0.4, 0.65, 1.0, 1.56, 5.0)  # cp in percent
FEW = 2  # points of a checkpoint that are always shown


def tables(points: Sequence[Measurement], comparisons: Sequence[Comparison], seeds: Sequence[OverSeeds] = ()) -> str:
    """All three tables, the second and the third only if there is something to compare."""
    compared = [comparisons_table(comparisons)] if comparisons else []
    return "\n\n".join([points_table(points), *compared, *([seeds_table(seeds)] if seeds else [])])


def full_page(
    points: Sequence[Measurement],
    comparisons: Sequence[Comparison],
    others: Sequence[Measurement],
    seeds: Sequence[OverSeeds],
) -> str:
    """Every point, every comparison and the points of the runs with other seeds: the page beside their data."""
    page = (
        "# Every measured point\n\nMade by `make results` from the cards and stored decisions in `pretrained/`. As"
        " data: [points.csv](points.csv) and [comparisons.csv](comparisons.csv). What the columns mean stands in the"
        f" [README](../README.md#what-was-measured).\n\n{tables(points, comparisons, seeds)}\n"
    )
    if not others:
        return page
    return (
        f"{page}\n## The same runs with other seeds\n\nMade by `make seeds`. As data: [seeds.csv](seeds.csv)."
        f"\n\n{points_table(others)}\n"
    )


def with_headlines(
    text: str, points: Sequence[Measurement], comparisons: Sequence[Comparison], seeds: Sequence[OverSeeds] = ()
) -> str:
    """A text with the tables that matter most in the place between its marks.

    Raises:
        UserError: it has no such marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"there is no place for the tables: it needs the lines '{BEGIN}' and '{END}'")
    chosen = headline_comparisons(comparisons)
    return f"{before}{BEGIN}\n\n{tables(headline_points(points, chosen), chosen, seeds)}\n\n{END}{after}"


def headline_comparisons(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Of each dynamic checkpoint that with the most accurate static one at each of the ``HEADLINE_COSTS``."""
    found: dict[tuple[str, float], Comparison] = {}
    for row in comparisons:
        for cost in HEADLINE_COSTS:
            if 1 / TOLERANCE < row.static_cp / cost < TOLERANCE:
                best = found.setdefault((row.dynamic, cost), row)
                if row.static_accuracy > best.static_accuracy:
                    found[row.dynamic, cost] = row
    return list(found.values())


def headline_points(points: Sequence[Measurement], comparisons: Sequence[Comparison]) -> list[Measurement]:
    """Those that the comparisons are of; of a checkpoint that has none of these and more than two, its ends."""
    compared: set[tuple[str, float | None]] = {(row.dynamic, row.budget) for row in comparisons}
    compared |= {(row.static, row.static_budget) for row in comparisons}
    by_checkpoint: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for point in points:
        by_checkpoint[point.checkpoint, point.family].append(point)
    shown = []
    for group in by_checkpoint.values():
        kept = [point for point in group if (point.checkpoint, point.budget) in compared and point.family != DIAL]
        shown += group if len(group) <= FEW else kept or [group[0], group[-1]]
    return shown


def points_table(points: Sequence[Measurement]) -> str:
    """Every measured point: accuracy with its interval, both costs, and how far decisions depend on the image."""
    rows = [
        (
            point.checkpoint + (" (dial)" if point.family == DIAL else ""),
            _percent(point.budget, "g"),
            f"{point.accuracy:.2f} % ({point.low:.2f} to {point.high:.2f})",
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
    """Dynamic against static at the same cost."""
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
    """Dynamic against static at equal cost, over several seeds."""
    cells = [
        (
            row.dynamic,
            _percent(row.cost, "g"),
            _percent(row.dynamic_accuracy),
            _percent(row.static_accuracy),
            ", ".join(f"{value:+.2f}" for value in row.differences),
            f"{row.difference:+.2f} ({row.low:+.2f} to {row.high:+.2f})",
            f"{row.all_in:+.2f}",
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


def _percent(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else f"{value:{form}} %"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
