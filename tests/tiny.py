"""Small made-up images, data folders and checkpoints: what tests use where real ones would be large or slow."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import save_checkpoint, weights_hash
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.augment import normalise
from dfs_core.data.known import KNOWN
from dfs_core.data.sets import ImageSet, load_images, train_validation
from dfs_core.data.splits import VALIDATION
from dfs_core.evaluation.evaluate import run
from dfs_core.evaluation.metrics import summarise
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.network import DFSNet, calibrate

CIFAR10 = KNOWN["cifar10"]
DEPTH = 14
TRAIN_PER_CLASS, TEST_PER_CLASS = 10, 4
UNTRACED = "tiny-dfs-20-alpha1e-6"


def picture(seed: int, size: int = 32) -> np.ndarray:
    """A made-up photograph, uint8 (size, size, 3): a graded background, soft blobs and a little grain."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    image = Image.fromarray(corners).resize((size, size), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 5))):
        (x, y), radius = rng.integers(0, size, 2), int(rng.integers(size // 8, size // 2))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(size / 40)), dtype=np.float32)
    return (soft + rng.normal(0, 6, soft.shape)).clip(0, 255).astype(np.uint8)


def pictures(n: int, seed: int = 0) -> np.ndarray:
    """Made-up photographs, uint8 (n, 32, 32, 3)."""
    return np.stack([picture(seed * 10_000 + index) for index in range(n)])


def write_cifar10_folders(data_dir: Path) -> Path:
    """Write made-up images as ``data_dir/cifar10/{train,test}/<class>/*.png`` and return ``data_dir``."""
    for split, count in (("train", TRAIN_PER_CLASS), ("test", TEST_PER_CLASS)):
        for label, name in enumerate(CIFAR10.classes):
            folder = data_dir / "cifar10" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                seed = 1_000 * (split == "test") + 100 * label + index
                Image.fromarray(picture(seed)).save(folder / f"{index:04d}.png")
    return data_dir


_MADE: dict[tuple[str, ModelConfig, int], tuple[DFSNet, torch.Tensor]] = {}


def remembered(make: Callable[[ModelConfig, int], DFSNet], config: ModelConfig, seed: int) -> DFSNet:
    """A copy of what ``make`` makes, which is made once. Random numbers go on as if it had been made just now."""
    key = make.__name__, config, seed
    if key not in _MADE:
        _MADE[key] = make(config, seed), torch.get_rng_state()
    model, state = _MADE[key]
    torch.set_rng_state(state)
    return deepcopy(model)


def make_network(config: ModelConfig, seed: int = 0) -> DFSNet:
    """A network of random weights whose gates look at the image, so that decisions differ between images and blocks."""
    return remembered(_make_network, config, seed)


def _make_network(config: ModelConfig, seed: int) -> DFSNet:
    torch.manual_seed(seed)
    model = DFSNet(config).eval()
    sample = _tensor(pictures(32, seed=7))
    calibrate(model, normalise(sample, CIFAR10.mean, CIFAR10.std))
    if config.policy == "recurrent":
        with torch.no_grad():
            for embedding in model.policy.embeddings:
                embedding.weight *= 4
            model.policy.to_options.weight *= 8
        if config.budget is not None:
            _meet_budget(model, sample)
    return model


def make_card(name: str, method: str, config: ModelConfig, **fields: object) -> Card:
    """The card of a made-up checkpoint; ``fields`` add to it or replace what it says."""
    usual = {
        "name": name,
        "method": method,
        "dataset": "cifar10",
        "classes": CIFAR10.classes,
        "mean": CIFAR10.mean,
        "std": CIFAR10.std,
        "model": config.to_dict(),
        "budget": config.budget,
        "budget_range": config.budget_range,
        "notes": "Random weights, made for tests.",
    }
    return Card(**(usual | fields))


def write_pretrained(folder: Path, data_dir: Path) -> Path:
    """Fill ``folder`` with checkpoints whose cards hold what was really measured on the images in ``data_dir``.

    A backbone; DFS at budgets of 10, 20 and 30 % with alpha 5e-6, and at 20 % with 1e-6; SkipNet at 50 %. The first
    three budgets' names are ``tiny-dfs-10``, ``tiny-dfs-20``, ``tiny-dfs-30``. All but ``UNTRACED`` have their traces.
    """
    train, validation = train_validation(load_images("cifar10", data_dir, "train"), VALIDATION)
    splits = {"validation": validation, "test": load_images("cifar10", data_dir, "test")}
    split = {"train": len(train), "validation": len(validation), "test": len(splits["test"]), "seed": 0}

    def add(name: str, method: str, config: ModelConfig, seed: int, alpha: float | None) -> None:
        model = make_network(config, seed)
        outcomes = {key: run(model, images, CIFAR10.mean, CIFAR10.std) for key, images in splits.items()}
        metrics = {key: summarise(outcome, config).to_dict() for key, outcome in outcomes.items()}
        parents = () if method == "backbone" else ("tiny-backbone",)
        card = make_card(name, method, config, alpha=alpha, split=split, metrics=metrics, parents=parents)
        extra: dict[str, str | bytes] = {"config.toml": f'name = "{name}"\n'}
        if name != UNTRACED:
            point = OperatingPoint(replace(card, weights_sha256=weights_hash(model)))
            extra[point.traces_file] = Traces.of(outcomes["test"], point).to_bytes()
        save_checkpoint(folder / name, model, card, extra)

    add("tiny-backbone", "backbone", backbone_config(DEPTH), 0, None)
    for seed, (budget, alpha) in enumerate(((10, 5e-6), (20, 5e-6), (30, 5e-6), (20, 1e-6)), start=1):
        name = f"tiny-dfs-{budget}" + ("" if alpha == 5e-6 else "-alpha1e-6")
        add(name, "dfs", ModelConfig(depth=DEPTH, budget=float(budget)), seed, alpha)
    add("tiny-skipnet-50", "skipnet", ModelConfig(depth=DEPTH, options="skipnet", budget=50.0), 5, 5e-6)
    return folder


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def _meet_budget(model: DFSNet, sample: torch.Tensor) -> None:
    """Shift the gate's preference for cheap options until its decisions cost about the trained budget."""
    costs = torch.tensor(model.config.option_set.costs)
    images = ImageSet("cifar10", "test", sample, torch.zeros(len(sample), dtype=torch.int64), CIFAR10.classes)
    start = model.policy.to_options.bias.detach().clone()
    low, high = -60.0, 60.0
    for _ in range(12):
        price = (low + high) / 2
        with torch.no_grad():
            model.policy.to_options.bias.copy_(start - price * costs)
        decisions = run(model, images, CIFAR10.mean, CIFAR10.std).decisions
        cp = 100 * float(costs[torch.from_numpy(decisions).long()].mean())
        low, high = (price, high) if cp > model.config.budget else (low, price)
