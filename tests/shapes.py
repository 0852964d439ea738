"""A second architecture on a data set of its own: drawn shapes in folders, larger than CIFAR's, and runs on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from tiny_runs import train

SIZE = 64  # pixels that the network takes
CLASSES = ("circle", "square", "triangle")
COUNTS = {"train": 20, "test": 6}  # images a class
NETWORK = {"architecture": "imagenet-resnet", "depth": 18, "width": 0.125, "image_size": SIZE}
BACKBONE = {**NETWORK, "options": "full", "policy": "constant", "constant": ["full"]}
GATED = {**NETWORK, "options": "skip,4,full"}
PRICED = {**NETWORK, "options": "skip,2,8,full", "policy": "utility", "gate_width": 6}


def shape(label: int, seed: int, size: tuple[int, int]) -> Image.Image:
    """A shape of a random colour, place and size on another colour, width x height pixels."""
    rng = np.random.default_rng([label, seed])
    paper, ink = (tuple(int(value) for value in rng.integers(low, low + 100, 3)) for low in (20, 150))
    image = Image.new("RGB", size, paper)
    side = int(min(size) * rng.uniform(0.4, 0.7))
    left, top = (int(rng.integers(0, length - side)) for length in size)
    draw, box = ImageDraw.Draw(image), (left, top, left + side, top + side)
    if label == 0:
        draw.ellipse(box, fill=ink)
    elif label == 1:
        draw.rectangle(box, fill=ink)
    else:
        draw.polygon([(left, top + side), (left + side, top + side), (left + side // 2, top)], fill=ink)
    return image


def write_shapes(data_dir: Path) -> Path:
    """Write ``data_dir/shapes/{train,test}/<class>/*.png``, none of them square, and return ``data_dir``."""
    for split, count in COUNTS.items():
        for label, name in enumerate(CLASSES):
            folder = data_dir / "shapes" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                image = shape(label, 1000 * (split == "test") + index, (96, 80))
                image.save(folder / f"{index}.png")
    return data_dir


def run(out: Path, data_dir: Path, model: dict[str, Any], **settings: Any) -> Path:
    """Carry out a run on the shapes in ``out``."""
    return train(out, data_dir, model, **{"dataset": "shapes", "batch_size": 18, "validation": 6, **settings})


def write_runs(root: Path, data_dir: Path) -> Path:
    """Train the second architecture by every method in a few steps: a folder of checkpoints, by their names.

    ``shapes-backbone``, ``shapes-dfs`` at 40 %, ``shapes-skipnet`` at 60 %, and ``shapes-lowbit``, which serves every
    budget.
    """
    backbone = run(root / "shapes-backbone", data_dir, BACKBONE, epochs=12, lr=0.1)
    after = {"start_from": str(backbone), "iterations": 4, "lr": 0.01, "alpha": 1e-3}
    for method, options, budget in (("dfs", "skip,4,full", 40), ("skipnet", "skipnet", 60)):
        model = {**NETWORK, "options": options, "budget": budget}
        run(root / f"shapes-{method}", data_dir, model, stage="joint", method=method, hold_budget=True, **after)
    after = {"iterations": 4, "lr": 0.02}
    supernet = run(root.with_name("supernet"), data_dir, PRICED, stage="supernet", start_from=str(backbone), **after)
    gates = run(root.with_name("gates"), data_dir, PRICED, stage="utilities", start_from=str(supernet), **after)
    adapt = {"stage": "adapt", "method": "every-budget", "start_from": str(gates), **after}
    run(root / "shapes-lowbit", data_dir, PRICED, **adapt)
    return root
