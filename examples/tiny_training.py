"""Train a network of three blocks on two classes of synthetic images in seconds, then use it.

python examples/tiny_training.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from dfs_core import Predictor, train

CONFIG = """
name = "stripes"
dataset = "stripes"
iterations = 30
batch_size = 32
lr = 0.05
validation = 8
compile = false

[model]
depth = 8
options = "full"
policy = "constant"
constant = ["full"]
"""


def stripes(lying: bool, seed: int) -> Image.Image:
    """Horizontal (``lying``) or vertical stripes with noise."""
    rng = np.random.default_rng(seed)
    wave = 127 + 90 * np.sin(np.arange(32) * rng.uniform(0.6, 1.2) + rng.uniform(0, 6))
    image = np.repeat(wave[:, None], 32, axis=1) + rng.normal(0, 20, (32, 32))
    pixels = (image if lying else image.T).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert("RGB")


folder = Path(sys.argv[1] if len(sys.argv) > 1 else "stripes-example")
for split, count in (("train", 60), ("test", 20)):
    for name in ("lying", "standing"):
        place = folder / "data" / "stripes" / split / name
        place.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            stripes(name == "lying", 1000 * (split == "test") + index).save(place / f"{index}.png")
(folder / "stripes.toml").write_text(CONFIG)
checkpoint = train(folder / "stripes.toml", folder / "data", folder / "run", resume=True)

predictor = Predictor.load(checkpoint)
measured = predictor.card.evaluation("test")
assert measured is not None
print(f"{measured.accuracy:.1f} % of {measured.n} test images are right")
(trace,) = predictor.predict([stripes(lying=True, seed=5)])
print(f"new stripes that lie: {trace.label} ({100 * trace.confidence:.0f} %)")
