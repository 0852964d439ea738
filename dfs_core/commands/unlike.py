"""The command ``unlike``: what the training images look like, and which pictures are told from them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dfs_core.commands.output import add_data_dir, add_json, data_dir_of, number, table, write, write_json
from dfs_core.commands.results import RESULTS
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet

FITTED = 10_000  # training images; more change no rate by more than a few tenths of a point
PICTURES = 1000  # of each kind
DRAWN = "drawn "  # before the kinds of pictures that are drawn for this
TEST, VALIDATION = "test images", "validation images"


def add_unlike(parser: argparse.ArgumentParser) -> None:
    """Define ``unlike``."""
    parser.add_argument(
        "dataset", metavar="DATASET", help="the data set that networks were trained on, such as cifar10"
    )
    parser.add_argument("--checkpoint", metavar="NAME", help="also measure the energy of this network's answers")
    parser.add_argument("--size", type=int, default=32, metavar="PIXELS", help="side of the images; default: 32")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="where to write (default: results)")
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_unlike)


def run_unlike(args: argparse.Namespace) -> int:
    """Fit the training images, write the file that the app reads, and print how many pictures of each kind are marked.

    With ``--checkpoint``, the same is measured for the energy of a network's logits, -log(sum(exp(logits))) (Liu et
    al., NeurIPS 2020), of the first ``PICTURES`` of each kind and of the validation images, which set its limit. That
    is for comparison; the app does not use it.
    """
    from dfs_core.bar import progress_bar
    from dfs_core.checkpoints.card_files import read_card
    from dfs_core.checkpoints.locate import find
    from dfs_core.data.familiar import file_of, fit
    from dfs_core.data.images import CIFAR_SIZE
    from dfs_core.data.sets import load_images, train_validation
    from dfs_core.data.splits import SPLIT_SEED
    from dfs_core.data.splits import VALIDATION as HELD_OUT
    from dfs_core.data.strangers import STRANGERS, strangers
    from dfs_core.files import write_whole
    from dfs_core.model.layout import LARGEST

    data_dir, size = data_dir_of(args), args.size
    if size < CIFAR_SIZE:
        raise UserError(
            f"--size must be {CIFAR_SIZE} or more, not {size}: smaller images have no fine detail to measure"
        )
    if size > LARGEST:
        raise UserError(f"--size must be {LARGEST} or less, not {size}: larger pictures are scaled down")
    if args.checkpoint and (side := read_card(find(args.checkpoint)).config.image_size) != size:
        raise UserError(f"'{args.checkpoint}' takes images of {side} pixels, not of {size}: give --size {side}")
    with progress_bar(f"reading {args.dataset}") as report:
        whole, test = (load_images(args.dataset, data_dir, split, report, size) for split in ("train", "test"))
    train, validation = train_validation(whole, HELD_OUT, SPLIT_SEED)
    others = {TEST: pixels(test, len(test))}
    others |= {f"{name}, test": pixels(found, PICTURES) for name, found in _other_sets(args.dataset, data_dir, size)}
    others |= {f"{DRAWN}{kind}": strangers(kind, PICTURES, size) for kind in STRANGERS}
    held_out = pixels(validation, len(validation))
    familiar = fit(args.dataset, pixels(train, FITTED), held_out, others)
    args.out.mkdir(parents=True, exist_ok=True)
    write_whole(file_of(args.out, args.dataset, size), familiar.to_json().encode())
    marked = {"picture": familiar.marked}
    if args.checkpoint:
        marked["energy"] = _by_energy(args.checkpoint, held_out, others)
    if args.json:
        write_json(marked)
        return 0
    header = ("pictures", *(f"marked by its {name}" for name in marked))
    rows = [(kind, *(number(shares[kind], "%", 1) for shares in marked.values())) for kind in familiar.marked]
    write(f"limits: 5 % of {len(held_out):,} {VALIDATION} are marked\n{table(header, rows)}")
    return 0


def pixels(images: ImageSet, count: int) -> np.ndarray:
    """The first images of a set, uint8 (N, S, S, 3)."""
    chosen = images.images[: min(count, len(images))]
    return chosen.permute(0, 2, 3, 1).numpy()


def _other_sets(dataset: str, data_dir: Path, size: int) -> list[tuple[str, ImageSet]]:
    """The test images of the other public data sets that are in the data folder."""
    from dfs_core.data.known import KNOWN
    from dfs_core.data.sets import load_images

    found = []
    for name in KNOWN:
        try:
            if name != dataset:
                found.append((name, load_images(name, data_dir, "test", size=size)))
        except UserError:  # it is not here, so it is not in the table
            continue
    return found


def _by_energy(checkpoint: str, held_out: np.ndarray, others: dict[str, np.ndarray]) -> dict[str, float]:
    """Percentage of each kind of pictures whose energy is above that of 95 % of the validation images."""
    import torch

    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.data.familiar import KEPT
    from dfs_core.evaluation.evaluate import forward_batches

    loaded = load_checkpoint(checkpoint)

    def energies(pictures: np.ndarray) -> np.ndarray:
        images = torch.from_numpy(np.ascontiguousarray(pictures[:PICTURES])).permute(0, 3, 1, 2)
        outputs = forward_batches(loaded.model, images, loaded.card.mean, loaded.card.std)
        return -torch.cat([output.logits.double().logsumexp(dim=1) for output in outputs]).numpy()

    limit = np.quantile(energies(held_out), KEPT)
    return {kind: round(100 * float((energies(pictures) > limit).mean()), 1) for kind, pictures in others.items()}
