"""What the engine is asked, of what, and by whom it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.trace import DecisionTrace

BATCH = 32  # the longest that another session waits is one batch


class Predicts(Protocol):
    """The part of ``dfs_core.predictor.Predictor`` that is used here."""

    def predict(
        self,
        images: Sequence[np.ndarray],
        budget: float | None = None,
        forced: np.ndarray | None = None,
        price: float | Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (32, 32, 3); prices in a sequence are one for each image."""


class Seen(Protocol):
    """The part of a picture that a network looks at."""

    @property
    def seen(self) -> np.ndarray:
        """Uint8 (32, 32, 3)."""

    @property
    def digest(self) -> str:
        """Of ``seen``."""


class Question(NamedTuple):
    """What a picture's trace depends on, and nothing else."""

    digest: str
    checkpoint: str
    weights_sha256: str
    budget: float | None
    price: float | None
    forced: bytes


def questions_of(
    pictures: Sequence[Seen],
    card: Card,
    budget: float | None,
    price: float | Sequence[float] | None,
    forced: np.ndarray | None,
) -> list[Question]:
    """One question for each picture; prices and forced decisions as ``Engine.predict`` takes them."""
    prices = [price] * len(pictures) if price is None or isinstance(price, int | float) else list(price)
    imposed = [b""] * len(pictures) if forced is None else [np.asarray(row, np.int8).tobytes() for row in forced]
    return [
        Question(picture.digest, card.name, card.weights_sha256, budget, own, row)
        for picture, own, row in zip(pictures, prices, imposed, strict=True)
    ]


def wishes_of(batch: Sequence[Question], forced: np.ndarray | None) -> dict[str, Any]:
    """What a batch asks of the model beyond its images: only what is wished for at all."""
    wishes: dict[str, Any] = {}
    if batch[0].budget is not None:
        wishes["budget"] = batch[0].budget
    if batch[0].price is not None:
        wishes["price"] = [question.price for question in batch]
    return wishes if forced is None else wishes | {"forced": forced}


def batches(questions: list[Question]) -> list[list[Question]]:
    """The questions in parts that the model answers at once."""
    return [questions[start : start + BATCH] for start in range(0, len(questions), BATCH)]
