"""The command ``results``: all measured points and comparisons as data, as a page, and in the README."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dfs_core.commands.output import add_json, complain, write, write_json
from dfs_core.errors import UserError

RESULTS, SEEDS_FILE = Path("results"), "seeds.csv"


def add_results(parser: argparse.ArgumentParser) -> None:
    """Define ``results``."""
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="where to write (default: results)")
    seeds = "folder of runs with other seeds; points of runs that it lacks are kept from --out"
    parser.add_argument("--seeds", type=Path, metavar="DIR", help=seeds)
    parser.add_argument("--readme", type=Path, metavar="FILE", help="also update the table between the marks of FILE")
    add_json(parser)
    parser.set_defaults(run=run_results)


def run_results(args: argparse.Namespace) -> int:
    """Write all points and comparisons from cards and stored traces, and print the tables.

    A file that cannot be read is named on stderr, one line each, and left out. The exit code is then 2.
    """
    from dataclasses import asdict

    from dfs_core.checkpoints.locate import pretrained_dir
    from dfs_core.files import write_whole
    from dfs_core.results.collect import collect, collect_other_seeds, or_told, with_runs
    from dfs_core.results.comparison import Comparison, compare
    from dfs_core.results.measurement import Measurement, read_measurements, to_csv
    from dfs_core.results.seeds import over_seeds
    from dfs_core.results.tables import full_page, tables, with_headlines

    root = pretrained_dir()
    problems: dict[str, None] = {}  # points and comparisons meet the same ones
    tell = problems.setdefault
    points, comparisons = collect(root, tell), compare(root, tell)
    known = args.out / SEEDS_FILE
    kept = or_told(tell, read_measurements, known) if known.exists() else []
    others = kept or []
    if args.seeds:
        others = with_runs(others, collect_other_seeds(args.seeds, root, tell))
    seeds = over_seeds([*points, *others])
    args.out.mkdir(parents=True, exist_ok=True)
    write_whole(args.out / "points.csv", to_csv(points, Measurement).encode())
    write_whole(args.out / "comparisons.csv", to_csv(comparisons, Comparison).encode())
    if kept is not None:  # what cannot be read is not written over
        write_whole(known, to_csv(others, Measurement).encode())
    write_whole(args.out / "README.md", full_page(points, comparisons, others, seeds).encode())
    if args.json:
        found: dict[str, list[Any]] = {"points": points, "comparisons": comparisons}
        found |= {"other_seeds": others, "over_seeds": seeds}
        write_json({name: [asdict(row) for row in rows] for name, rows in found.items()})
    else:
        write(tables(points, comparisons, seeds, others))
    if args.readme:
        try:
            text = args.readme.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UserError(f"{args.readme} is not a text file") from None
        write_whole(args.readme, with_headlines(text, points).encode())
    for problem in problems:
        complain(f"left out: {problem}")
    return 2 if problems else 0
