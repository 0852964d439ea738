"""The commands ``list`` and ``predict``."""

from __future__ import annotations

import argparse
import os
from glob import glob
from pathlib import Path
from typing import Any

from dfs_core.checkpoints.words import format_alpha
from dfs_core.commands.output import (
    add_json,
    complain,
    number,
    percent,
    table,
    write,
    write_json,
)
from dfs_core.errors import UserError
from dfs_core.model.prices import range_text


def add_list(parser: argparse.ArgumentParser) -> None:
    """Define ``list``."""
    add_json(parser)
    parser.set_defaults(run=run_list)


def run_list(args: argparse.Namespace) -> int:
    """Print the checkpoints in ``pretrained_dir()``. Problems with unreadable ones go to stderr."""
    from dfs_core.checkpoints.card_files import scan
    from dfs_core.checkpoints.locate import pretrained_dir

    cards, problems = scan()
    lines = [card.summary() for card in cards]
    if args.json:
        write_json(lines)
    elif lines:
        header = ("name", "dataset", "network", "options", "budget", "alpha", "accuracy", "cp", "all-in")
        write(table(header, [_list_row(line) for line in lines], words=(0, 1, 2, 3)))
    elif not problems:
        write(f"no checkpoints in {pretrained_dir()}: train one with 'train', or convert one with 'import-reference'")
    for problem in problems:
        complain(problem)
    return 2 if problems and not cards else 0


def _list_row(line: dict[str, Any]) -> tuple[str, ...]:
    budget = range_text(*line["budget_range"]) if line["budget_range"] else budget_text(line["budget"])
    alpha = "-" if line["alpha"] is None else format_alpha(line["alpha"])
    measured = (number(line[key], "%") for key in ("accuracy", "cp", "all_in"))
    return (line["name"], line["dataset"], line["network"], line["options"], budget, alpha, *measured)


def budget_text(value: float | None) -> str:
    """A budget as text for a table."""
    return "-" if value is None else f"{value:g} %"


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Define ``predict``."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a picture of any size, a folder of pictures, or a pattern: '*.png'"
    )
    add_checkpoint(parser)
    add_budget(parser)
    add_json(parser)
    parser.set_defaults(run=run_predict)


def run_predict(args: argparse.Namespace) -> int:
    """Print the prediction and decisions for each picture. Unreadable files are named on stderr and left out."""
    from dfs_core.data.images import open_image, to_model_input
    from dfs_core.predictor import Predictor

    predictor = Predictor.load(args.checkpoint)
    predictor.card.config.operating_point(args.budget)
    names, inputs = [], []
    wanted = [name for given in args.images for name in _pictures(given)]
    for name in wanted:
        try:
            inputs.append(to_model_input(open_image(_head(Path(name)), name), predictor.card.config.image_size))
            names.append(name)
        except UserError as error:
            complain(error)
        except IsADirectoryError:
            complain(f"{name} has no pictures")
        except OSError as error:
            complain(f"{name} cannot be read: {error.strerror or error}")
    keys = ("label", "confidence", "budget", "cp", "all_in", "decisions", "fractions")
    traces = [trace.to_dict() for trace in predictor.predict(inputs, budget=args.budget)]
    blocks = [block.number for block in predictor.card.config.layout.gated]
    found = [
        {"image": name} | {key: trace[key] for key in keys} | {"blocks": blocks}
        for name, trace in zip(names, traces, strict=True)
    ]
    if args.json:
        write_json(found)
    elif found:
        header = (
            "image",
            "label",
            "confidence",
            "budget",
            "cp",
            "all-in",
            f"decisions in blocks {blocks[0]} to {blocks[-1]}",
        )
        write(table(header, [_predict_row(line) for line in found], words=(0, 1, 6)))
    return 0 if found and len(found) == len(wanted) else 2


def _pictures(given: str) -> list[str]:
    """The files that an argument names: itself, those that match a pattern, or the pictures in a folder.

    What a folder has beside pictures is named on stderr. A name that matches nothing stays, and is reported later.
    """
    from dfs_core.data.folders import in_words, pictures_in

    names = sorted(glob(given)) or [given]  # noqa: PTH207 - Path.glob takes no pattern from the root
    # Path.exists raises an error for a name that no file can have, and so does Path.is_dir.
    if os.path.exists(given):  # noqa: PTH110 - of this very name, with brackets or stars in it
        names = [given]
    found: list[str] = []
    for name in names:
        if not os.path.isdir(name):  # noqa: PTH112 - likewise
            found.append(name)
            continue
        inside, others = pictures_in(Path(name))
        found += map(str, inside)
        if others:
            complain(f"{name}: passed over {in_words(others)}", "note")
        if not inside:
            found.append(name)  # is reported later
    return found


def _head(path: Path) -> bytes:
    """The first ``MAX_BYTES`` + 1 bytes of a file: enough to refuse a larger one without reading all of it."""
    from dfs_core.data.images import MAX_BYTES

    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _predict_row(line: dict[str, Any]) -> tuple[str, ...]:
    confidence = number(100 * line["confidence"], "%", decimals=1)
    costs = (number(line["cp"], "%"), number(line["all_in"], "%"))
    return (line["image"], line["label"], confidence, budget_text(line["budget"]), *costs, " ".join(line["decisions"]))


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add ``--checkpoint``."""
    parser.add_argument(
        "--checkpoint", required=True, metavar="NAME", help="a name that 'list' prints, or a checkpoint's folder"
    )


def name_at_budget(text: str) -> tuple[str, float | None]:
    """Name and budget in percent of ``NAME@BUDGET``; the budget is None if there is none behind the name."""
    name, _, budget = text.rpartition("@")
    try:
        return (name, percent(budget)) if name else (text, None)
    except argparse.ArgumentTypeError:
        return text, None


def add_budget(parser: argparse.ArgumentParser) -> None:
    """Add ``--budget``."""
    parser.add_argument("--budget", type=percent, metavar="PERCENT", help="cp in percent; default: the usual budget")
