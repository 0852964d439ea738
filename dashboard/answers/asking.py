"""The engine as a probe wants it: one checkpoint that predicts pixels, keeps answers and lets others through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.answers.engine import Engine
from dashboard.answers.pictures import digest_of
from dfs_core.checkpoints.card import Card
from dfs_core.trace import DecisionTrace


@dataclass(frozen=True, slots=True)
class Pixels:
    """An image as the engine knows it."""

    seen: np.ndarray
    digest: str


@dataclass(frozen=True, slots=True)
class Asking:
    """One checkpoint behind the engine. Each call waits for its turn, so a long question is best asked in parts."""

    engine: Engine
    card: Card

    def predict(
        self,
        images: Sequence[np.ndarray],
        budget: float | None = None,
        forced: np.ndarray | None = None,
        price: float | Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (32, 32, 3); arguments and errors as for ``Engine.predict``."""
        known: dict[int, Pixels] = {}  # a film asks for one image many times
        for image in images:
            known.setdefault(id(image), Pixels(image, digest_of(image)))
        return self.engine.predict([known[id(image)] for image in images], self.card, budget, price, forced)
