"""A made-up checkpoint for every budget: its card and table of prices are real, what decides is a rule of thumb.

The rule spends what it is asked to: blocks take full precision from the front until the budget is used up. So tests of
pages need no network that was trained for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tiny import CIFAR10, make_card

from dfs_core.checkpoints.card import Card
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models
from dfs_core.predictor import Predictor
from dfs_core.trace import DecisionTrace

NAME = "tiny-every-budget"
PRICES = ((0.02, 10.0), (0.08, 5.0), (0.32, 1.25), (1.28, 0.3))  # price in nats, cp in percent
CONFIG = ModelConfig(depth=14, options="lowbit", policy="utility", prices=PRICES)


def every_budget_card() -> Card:
    return make_card(NAME, "every-budget", CONFIG, weights_sha256="e" * 64)


def write_every_budget(folder: Path) -> None:
    """Add the checkpoint to a folder of checkpoints; its weights are empty, as nothing reads them."""
    (folder / NAME).mkdir()
    (folder / NAME / "card.json").write_text(every_budget_card().to_json())
    (folder / NAME / "weights.safetensors").write_bytes(b"")


class ByRule:
    """Stands for a predictor of that checkpoint."""

    def compiled(self, wait: bool = True) -> ByRule:
        return self

    def predict(self, images: Sequence[np.ndarray], **wishes: Any) -> list[DecisionTrace]:
        budget, price = CONFIG.operating_point(wishes.get("budget"), wishes.get("price"))
        return [_trace(int(image.sum()) % 10, budget, price) for image in images]


class Load:
    """Takes the place of ``Predictor`` where a page loads one."""

    @staticmethod
    def load(name: str | Path) -> Predictor | ByRule:
        return ByRule() if Path(name).name == NAME else Predictor.load(name)


def _trace(label: int, budget: float, price: float) -> DecisionTrace:
    options, blocks = CONFIG.option_set, CONFIG.gated_blocks
    left, chosen = budget * blocks / 100, []
    for _ in range(blocks):
        best = max(index for index, cost in enumerate(options.costs) if cost <= left + 1e-9)
        left -= options.costs[best]
        chosen.append(best)
    decisions = np.array([chosen])
    models = cost_models(CONFIG)
    return DecisionTrace(
        checkpoint=NAME,
        budget=budget,
        options=options.names,
        decisions=tuple(options[index].name for index in chosen),
        fractions=tuple(options[index].cost for index in chosen),
        probabilities=tuple(tuple(float(index == one) for index in range(len(options))) for one in chosen),
        classes=CIFAR10.classes,
        class_probabilities=tuple(0.91 if index == label else 0.01 for index in range(10)),
        cp=float(models["cp"].per_image(decisions)[0]),
        all_in=float(models["bitops"].per_image(decisions)[0]),
        price=price,
    )
