"""The command ``evaluate``, and loading the images that a checkpoint is measured on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.commands.checkpoints import add_budget, add_checkpoint, budget_text
from dfs_core.commands.output import (
    add_data_dir,
    add_json,
    data_dir_of,
    note_left_out,
    number,
    positive,
    table,
    write,
    write_json,
)
from dfs_core.errors import UserError
from dfs_core.machine import cpu_name

if TYPE_CHECKING:
    from dfs_core.checkpoints.card import Card, OnEngine
    from dfs_core.data.sets import ImageSet

SPLITS = ("test", "validation", "train")
EXECUTIONS = ("grouped", "dense", "engine")


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Define ``evaluate``."""
    add_checkpoint(parser)
    add_budget(parser)
    add_data_dir(parser)
    parser.add_argument("--split", choices=SPLITS, default="test", help="which images (default: test)")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N images, the same on any machine")
    parser.add_argument(
        "--execution",
        choices=EXECUTIONS,
        default="grouped",
        help="grouped runs only the chosen option for each image; dense runs all options, as the reference does; "
        "engine computes in real 8-bit integers",
    )
    parser.add_argument("--store", action="store_true", help="write the engine's figures into the checkpoint's card")
    add_json(parser)
    parser.set_defaults(run=run_evaluate)


def run_evaluate(args: argparse.Namespace) -> int:
    """Print a checkpoint's accuracy, cost and decisions on a data set."""
    from dfs_core.bar import progress_bar
    from dfs_core.checkpoints.card_files import save_card
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.engine import Agreement, compile_network
    from dfs_core.evaluation.evaluate import run
    from dfs_core.evaluation.metrics import summarise

    checkpoint = load_checkpoint(args.checkpoint)
    card = checkpoint.card
    if args.store and (args.execution != "engine" or args.split != "test" or args.limit or args.budget is not None):
        raise UserError("--store is for the engine, on all test images and at the usual budget: --execution engine")
    budget, _ = card.config.operating_point(args.budget)
    images = (measured_images if args.store else images_of)(card, data_dir_of(args), args.split)
    if args.limit:
        images = images.subset(slice(args.limit))
    measured = partial(run, checkpoint.model, images, card.mean, card.std, budget=args.budget)
    engine = compile_network(checkpoint.model) if args.execution == "engine" else None
    with progress_bar("evaluating") as progress:
        found = measured(execution=engine or args.execution, progress=progress)
    head = {"checkpoint": card.name, "dataset": card.dataset, "split": args.split, "budget": budget}
    blocks = [block.number for block in card.config.layout.gated]
    result = head | summarise(found, card.config).to_dict() | {"blocks": blocks}
    keys = [*head, "n", "accuracy", "accuracy_ci95", "cp", "all_in", "policies", "blocks", "shares"]
    if engine is not None:
        with progress_bar("comparing with grouped") as progress:
            same = Agreement.of(found, measured(progress=progress))
        result |= {"kernels": engine.name} | {f"same_{name}": 100 * share for name, share in same._asdict().items()}
        keys += ["kernels", "same_decisions", "same_answers"]
    if args.store:
        save_card(checkpoint.folder, replace(card, engine=_on_engine(result)))
    if args.json:
        write_json({key: result[key] for key in keys})
    else:
        write(_evaluation_text(result))
    return 0


def _on_engine(result: dict[str, Any]) -> OnEngine:
    from dfs_core.checkpoints.card import OnEngine

    shares = {key: round(result[key], 4) for key in ("accuracy", "cp", "same_decisions", "same_answers")}
    return OnEngine(kernels=result["kernels"], processor=cpu_name(), **shares)


def measured_images(card: Card, data_dir: Path, split: str) -> ImageSet:
    """The images on which a card's figures were measured.

    Raises:
        UserError: as for ``images_of``, or their number differs from the card's.
    """
    images, measured = images_of(card, data_dir, split), card.evaluation(split)
    if measured is not None and len(images) != measured.n:
        raise UserError(
            f"'{card.name}' was measured on {measured.n:,} {split} images, but there are {len(images):,} in {data_dir}"
        )
    return images


def images_of(card: Card, data_dir: Path, split: str) -> ImageSet:
    """The images of a split. ``train`` and ``validation`` are split as in the checkpoint's training.

    Raises:
        UserError: the data set is missing, has other classes, or cannot be split in that way.
    """
    from dfs_core.bar import progress_bar
    from dfs_core.checkpoints.words import SESSION
    from dfs_core.data.sets import load_images
    from dfs_core.data.splits import divide

    part = "test" if split == "test" else "train"
    with progress_bar(f"reading {card.dataset}") as report:
        whole = load_images(card.dataset, data_dir, part, report, card.config.image_size)
    note_left_out(card.dataset, data_dir, part)
    if whole.classes != card.classes:
        raise UserError(f"{card.dataset} in {data_dir} has other classes than the checkpoint was trained with")
    if split == "test":
        return whole
    try:
        train, validation = divide(whole, card.split, card.method == SESSION)
    except UserError as error:
        raise UserError(f"'{card.name}' has no {split} split in {data_dir}: {error}") from None
    return train if split == "train" else validation


def _evaluation_text(result: dict[str, Any]) -> str:
    low, high = result["accuracy_ci95"]
    head = [
        ("checkpoint", result["checkpoint"]),
        ("images", f"{result['n']:,} of {result['dataset']}, {result['split']}"),
        ("budget", budget_text(result["budget"])),
        ("accuracy", f"{number(result['accuracy'], '%')} (95 % interval {low:.2f} to {high:.2f})"),
        ("cp", number(result["cp"], "%")),
        ("all-in", number(result["all_in"], "%")),
        ("decision vectors", f"{result['policies']:,}"),
    ]
    if "kernels" in result:
        head += [
            ("kernels", result["kernels"]),
            ("as grouped", f"{result['same_decisions']:.3f} % of decisions, {result['same_answers']:.2f} % of answers"),
        ]
    options = list(result["shares"][0])
    blocks = [
        (str(block), *(number(row[option], "%", decimals=1) for option in options))
        for block, row in zip(result["blocks"], result["shares"], strict=True)
    ]
    lines = [f"{name:<18}{value}" for name, value in head]
    return "\n".join([*lines, "", table(("block", *options), blocks)])
