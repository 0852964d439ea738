"""Predictions for many sessions at once: one model call at a time, every answer kept, misses answered in batches."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from dashboard.answers.pictures import digest_of
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError
from dfs_core.trace import DecisionTrace

BATCH = 32  # the longest that another session waits is one batch
MAX_PREDICTORS = 16
MAX_ADOPTED = 8  # checkpoints that lie on no disk
MAX_TRACES = 8192  # some 40 MB
YIELD_S = 0.005
MAX_AHEAD = 64  # jobs: where many pages move all the time, none of this helps anybody
QUIET_S = 0.4  # a page is still being drawn when it was sent, and needs the processor more than what may be asked next
Job = tuple[str, float | None, str]
K = TypeVar("K")
V = TypeVar("V")


class Predicts(Protocol):
    """The part of ``dfs_core.predictor.Predictor`` that is used here."""

    def predict(
        self,
        images: Sequence[np.ndarray],
        budget: float | None = None,
        forced: np.ndarray | None = None,
        price: float | Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (S, S, 3); prices in a sequence are one for each image."""


class Asked(Protocol):
    """One operating point that predicts: ``Asking`` below, or a predictor itself."""

    def predict(
        self,
        images: Sequence[np.ndarray],
        *,
        forced: np.ndarray | None = None,
        price: Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (S, S, 3); prices are one for each image."""


class Seen(Protocol):
    """The part of a picture that a network looks at."""

    @property
    def seen(self) -> np.ndarray:
        """Uint8 (S, S, 3)."""

    @property
    def digest(self) -> str:
        """Of ``seen``."""

    def at(self, size: int) -> Seen:
        """The same for a network that takes images of that size."""


class Question(NamedTuple):
    """What a picture's trace depends on, and nothing else."""

    digest: str
    checkpoint: str
    weights_sha256: str
    budget: float | None
    price: float | None
    forced: bytes


def questions_of(
    pictures: Sequence[Seen], point: OperatingPoint, prices: Sequence[float] | None, forced: np.ndarray | None
) -> list[Question]:
    """One question for each picture; prices and forced decisions as ``Engine.predict`` takes them."""
    card, budget = point.card, point.budget
    pictures = [picture.at(card.config.image_size) for picture in pictures]
    own_prices = [point.price] * len(pictures) if prices is None else list(prices)
    imposed = [b""] * len(pictures) if forced is None else [np.asarray(row, np.int8).tobytes() for row in forced]
    return [
        Question(picture.digest, card.name, card.weights_sha256, budget, own, row)
        for picture, own, row in zip(pictures, own_prices, imposed, strict=True)
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
        self._adopted: Recent[str, tuple[Card, Predicts]] = Recent(MAX_ADOPTED)
        self._traces: Recent[Question, DecisionTrace] = Recent(MAX_TRACES)
        self._model = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._ahead: set[Job] = set()
        self._drawn = 0.0  # when a page was last under way

    def predict(
        self,
        pictures: Sequence[Seen],
        point: OperatingPoint,
        prices: Sequence[float] | None = None,
        forced: np.ndarray | None = None,
    ) -> list[DecisionTrace]:
        """Traces of the pictures, in their order; only what was not asked before reaches the model.

        Args:
            pictures: what is to be classified.
            point: who is asked, and at which budget or price.
            prices: of a block in full, one for each picture, in the place of the point's.
            forced: option indices to impose, (pictures, gated blocks), with -1 where the policy is to decide.

        Raises:
            UserError: the checkpoint cannot be loaded, or cannot be asked for this.
        """
        questions = questions_of(pictures, point, prices, forced)
        found = [self._traces.get(question) for question in questions]
        missing = {q: i for i, (q, trace) in enumerate(zip(questions, found, strict=True)) if trace is None}
        fresh: dict[Question, DecisionTrace] = {}
        for batch in batches(list(missing)):
            rows = [missing[question] for question in batch]
            wishes = wishes_of(batch, None if forced is None else forced[rows])
            with self._model:
                seen = [pictures[row].at(point.card.config.image_size).seen for row in rows]
                traces = self._predictor(point.card).predict(seen, **wishes)
            for question, trace in zip(batch, traces, strict=True):
                fresh[question] = trace
                self._traces.put(question, trace)
        return [trace or fresh[question] for question, trace in zip(questions, found, strict=True)]

    def knows(
        self,
        pictures: Sequence[Seen],
        point: OperatingPoint,
        prices: Sequence[float] | None = None,
        forced: np.ndarray | None = None,
    ) -> bool:
        """Whether ``predict`` would answer from memory."""
        questions = questions_of(pictures, point, prices, forced)
        return all(self._traces.get(question) is not None for question in questions)

    def look_ahead(self, pictures: Sequence[Seen], points: Sequence[OperatingPoint]) -> None:
        """Ask in the background for what the user is likely to want next; the slider then only looks up.

        Args:
            pictures: what is to be classified.
            points: that are likely, the likeliest first.
        """
        self.hold_back()
        for point in points:
            pending = [p for p in pictures if not self.knows([p], point)]
            job = (point.card.weights_sha256, point.budget, ",".join(sorted(p.digest for p in pending)))
            if pending and job not in self._ahead and len(self._ahead) < MAX_AHEAD:
                self._ahead.add(job)
                self._worker.submit(self._run_ahead, job, pending, point)

    def hold_back(self) -> None:
        """A page is under way: what is asked ahead is to wait for a while."""
        self._drawn = time.monotonic()

    def afterwards(self, task: Callable[[], object]) -> None:
        """Do something in the background, behind all that was asked ahead so far."""
        self._worker.submit(task)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The model's turn for other work in the background, which is to take short ones."""
        time.sleep(YIELD_S)  # the lock knows no queue: without a pause nobody who waits would ever be faster
        with self._model:
            yield

    def adopt(self, card: Card, predictor: Predicts) -> None:
        """Serve a checkpoint that lies on no disk, under its card's name; of too many the oldest is forgotten."""
        self._adopted.put(card.name, (card, predictor))

    def adopted(self, names: Iterable[str]) -> list[Card]:
        """Cards of those named that are served from memory alone."""
        return [found[0] for name in names if (found := self._adopted.get(name)) is not None]

    def adopted_predictor(self, card: Card) -> Predicts | None:
        """The predictor of a checkpoint that was adopted; None for any other."""
        found = self._adopted.get(card.name)
        return found[1] if found is not None and found[0].weights_sha256 == card.weights_sha256 else None

    def _run_ahead(self, job: Job, pictures: Sequence[Seen], point: OperatingPoint) -> None:
        while (rest := self._drawn + QUIET_S - time.monotonic()) > 0:
            time.sleep(rest)
        try:
            self.predict(pictures, point)
        except UserError:
            pass  # whoever chooses this checkpoint is told; nobody has asked yet
        finally:
            self._ahead.discard(job)

    def _predictor(self, card: Card) -> Predicts:
        key = (card.name, card.weights_sha256)
        predictor = self.adopted_predictor(card) or self._predictors.get(key)
        if predictor is None:
            predictor = self._load(card.name)
            self._predictors.put(key, predictor)
        return predictor


@dataclass(frozen=True, slots=True)
class Pixels:
    """An image as the engine knows it."""

    seen: np.ndarray
    digest: str

    def at(self, size: int) -> Pixels:
        """Itself: whoever asks with pixels has those of the right size."""
        return self


@dataclass(frozen=True, slots=True)
class Asking:
    """One operating point behind the engine. Each call waits for its turn, so ask long questions in parts."""

    engine: Engine
    point: OperatingPoint

    def predict(
        self,
        images: Sequence[np.ndarray],
        forced: np.ndarray | None = None,
        price: Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (S, S, 3), at one price each if given; errors as for ``Engine.predict``."""
        known: dict[int, Pixels] = {}  # a film asks for one image many times
        for image in images:
            known.setdefault(id(image), Pixels(image, digest_of(image)))
        return self.engine.predict([known[id(image)] for image in images], self.point, price, forced)
