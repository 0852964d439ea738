"""The tables of the README, in Markdown, from the same rows that ``results/`` holds."""

from __future__ import annotations

from collections.abc import Sequence

from dfs_core.errors import UserError
from dfs_core.evaluation.comparison import Comparison
from dfs_core.evaluation.points import DIAL, Point

BEGIN, END = "<!-- results: made by `make results` -->", "<!-- end of results -->"


def tables(points: Sequence[Point], comparisons: Sequence[Comparison]) -> str:
    """Both tables, the second one only if there is something to compare."""
    return "\n\n".join([points_table(points), *([comparisons_table(comparisons)] if comparisons else [])])


def with_tables(text: str, points: Sequence[Point], comparisons: Sequence[Comparison]) -> str:
    """A text with both tables in the place between its marks.

    Raises:
        UserError: it has no such marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"there is no place for the tables: it needs the lines '{BEGIN}' and '{END}'")
    return f"{before}{BEGIN}\n\n{tables(points, comparisons)}\n\n{END}{after}"


def points_table(points: Sequence[Point]) -> str:
    """Every measured point: accuracy with its interval, both costs, and how far decisions depend on the image."""
    rows = [
        (
            point.checkpoint + (" (dial)" if point.family == DIAL else ""),
            _percent(point.budget, "g"),
            f"{point.accuracy:.2f} % ({point.low:.2f} to {point.high:.2f})",
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


def _percent(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else f"{value:{form}} %"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
