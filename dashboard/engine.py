"""Predictions for many sessions at once: one model call at a time, every answer kept, misses answered in batches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import numpy as np

from dashboard.pictures import Picture
from dfs_core.checkpoint import Card
from dfs_core.errors import UserError
from dfs_core.trace import DecisionTrace

MAX_PREDICTORS = 16
MAX_TRACES = 8192  # some 40 MB
BATCH = 32  # the longest that another session waits is one batch

K = TypeVar("K")
V = TypeVar("V")


class Predicts(Protocol):
    """The part of ``dfs_core.predictor.Predictor`` that is used here."""

    def predict(self, images: Sequence[np.ndarray], budget: float | None = None) -> list[DecisionTrace]:
        """Traces of uint8 images (32, 32, 3)."""
        ...


class Recent(Generic[K, V]):
    """A dictionary of bounded size that forgets what was not used for longest. Threads can share one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, which now counts as just used; or None."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep a value, and forget the oldest if there are too many."""
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self._limit:
                self._items.popitem(last=False)

    def __len__(self) -> int:
        return len(self._items)


class Engine:
    """Answers "what does this checkpoint decide for these pictures", from memory where it can.

    It knows nothing of Streamlit, so that a background thread can ask as well as a page.
    """

    def __init__(self, load: Callable[[str], Predicts]) -> None:
        """Args: load: from a checkpoint's name to its predictor."""
        self._load = load
        self._predictors: Recent[tuple[str, str], Predicts] = Recent(MAX_PREDICTORS)
        self._traces: Recent[tuple[str, str, str], DecisionTrace] = Recent(MAX_TRACES)
        self._model = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._ahead: set[tuple[str, str]] = set()

    def predict(self, pictures: Sequence[Picture], card: Card) -> list[DecisionTrace]:
        """Traces of the pictures, in their order; only those that were not asked for before reach the model.

        Raises:
            UserError: the checkpoint cannot be loaded.
        """
        found = [self._traces.get(self._key(picture, card)) for picture in pictures]
        missing = {p.digest: p for p, trace in zip(pictures, found, strict=True) if trace is None}
        fresh: dict[str, DecisionTrace] = {}
        for batch in _batches(list(missing.values())):
            with self._model:
                traces = self._predictor(card).predict([picture.seen for picture in batch])
            for picture, trace in zip(batch, traces, strict=True):
                fresh[picture.digest] = trace
                self._traces.put(self._key(picture, card), trace)
        return [trace or fresh[picture.digest] for picture, trace in zip(pictures, found, strict=True)]

    def knows(self, pictures: Sequence[Picture], card: Card) -> bool:
        """Whether ``predict`` would answer from memory."""
        return all(self._traces.get(self._key(picture, card)) is not None for picture in pictures)

    def look_ahead(self, pictures: Sequence[Picture], cards: Sequence[Card]) -> None:
        """Ask in the background for what the user is likely to want next; the slider then only looks up."""
        for card in cards:
            pending = [p for p in pictures if self._traces.get(self._key(p, card)) is None]
            job = (card.weights_sha256, ",".join(sorted(p.digest for p in pending)))
            if pending and job not in self._ahead:
                self._ahead.add(job)
                self._worker.submit(self._run_ahead, job, pending, card)

    def _run_ahead(self, job: tuple[str, str], pictures: Sequence[Picture], card: Card) -> None:
        try:
            self.predict(pictures, card)
        except UserError:
            pass  # whoever chooses this checkpoint is told; nobody has asked yet
        finally:
            self._ahead.discard(job)

    def _predictor(self, card: Card) -> Predicts:
        key = (card.name, card.weights_sha256)
        predictor = self._predictors.get(key)
        if predictor is None:
            predictor = self._load(card.name)
            self._predictors.put(key, predictor)
        return predictor

    @staticmethod
    def _key(picture: Picture, card: Card) -> tuple[str, str, str]:
        return picture.digest, card.name, card.weights_sha256


def _batches(pictures: list[Picture]) -> list[list[Picture]]:
    return [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
