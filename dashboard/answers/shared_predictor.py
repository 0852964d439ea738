"""Predictions for all sessions: one model call at a time, in batches, with every trace cached."""

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
from dfs_core.timing.calibration import Calibration
from dfs_core.trace import DecisionTrace

BATCH = 32  # images; another session waits for one batch at most
MAX_PREDICTORS = 16
MAX_ADOPTED = 8  # checkpoints in memory only
MAX_TRACES = 4096  # 20 MB of ResNet-38's on 10 classes, 50 MB of ResNet-74's on 100
YIELD_S = 0.005
MAX_AHEAD = 64  # jobs; with many busy sessions, more look-ahead would not help
QUIET_S = 0.4  # look-ahead starts this long after a page began: drawing the page needs the processor first
Job = tuple[str, float | None, str]
K = TypeVar("K")
V = TypeVar("V")


class Model(Protocol):
    """The part of ``dfs_core.predictor.Predictor`` that the shared predictor uses."""

    def predict(
        self,
        images: Sequence[np.ndarray],
        budget: float | None = None,
        forced: np.ndarray | None = None,
        price: float | Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (S, S, 3); a sequence of prices has one for each image."""

    def calibrate(self, report: Callable[[float], object]) -> Calibration:
        """Time each part of the network on this machine."""


class PointModel(Protocol):
    """A model at one operating point: ``PredictorAtPoint``, or a predictor itself."""

    def predict(
        self,
        images: Sequence[np.ndarray],
        *,
        forced: np.ndarray | None = None,
        price: Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (S, S, 3), with one price for each image."""


class Seen(Protocol):
    """The part of a picture that the shared predictor uses."""

    @property
    def seen(self) -> np.ndarray:
        """The network's input, uint8 (S, S, 3)."""

    @property
    def digest(self) -> str:
        """Hash of ``seen``."""

    def at(self, size: int) -> Seen:
        """The picture for networks with that image size in pixels."""


class Question(NamedTuple):
    """Cache key of a trace: everything that it depends on."""

    digest: str
    card: str
    budget: float | None
    price: float | None
    forced: bytes


def questions_of(
    pictures: Sequence[Seen], point: OperatingPoint, prices: Sequence[float] | None, forced: np.ndarray | None
) -> list[Question]:
    """One question for each picture; arguments as for ``SharedPredictor.predict``."""
    card, budget = point.card, point.budget
    pictures = [picture.at(card.config.image_size) for picture in pictures]
    own_prices = [point.price] * len(pictures) if prices is None else list(prices)
    imposed = [b""] * len(pictures) if forced is None else [np.asarray(row, np.int8).tobytes() for row in forced]
    return [
        Question(picture.digest, card.digest, budget, own, row)
        for picture, own, row in zip(pictures, own_prices, imposed, strict=True)
    ]


def wishes_of(batch: Sequence[Question], forced: np.ndarray | None) -> dict[str, Any]:
    """Keyword arguments of ``Model.predict`` for a batch, without those that are None."""
    wishes: dict[str, Any] = {}
    if batch[0].budget is not None:
        wishes["budget"] = batch[0].budget
    if batch[0].price is not None:
        wishes["price"] = [question.price for question in batch]
    return wishes if forced is None else wishes | {"forced": forced}


def batches(questions: list[Question]) -> list[list[Question]]:
    """The questions in batches of ``BATCH``."""
    return [questions[start : start + BATCH] for start in range(0, len(questions), BATCH)]


class Recent(Generic[K, V]):
    """A thread-safe dictionary of bounded size that drops the least recently used item."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, now the most recently used; None if there is none."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: K, value: V) -> None:
        """Store a value, and drop the oldest if there are too many."""
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self._limit:
                self._items.popitem(last=False)

    def __len__(self) -> int:
        return len(self._items)


class SharedPredictor:
    """Predicts pictures, from memory if possible.

    It does not use Streamlit, so background threads can call it as well as pages.
    """

    def __init__(self, load: Callable[[str], Model]) -> None:
        """Args: load: checkpoint name -> predictor."""
        self._load = load
        self._predictors: Recent[str, Model] = Recent(MAX_PREDICTORS)
        self._adopted: Recent[str, tuple[Card, Model]] = Recent(MAX_ADOPTED)
        self._traces: Recent[Question, DecisionTrace] = Recent(MAX_TRACES)
        self._model = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._ahead: set[Job] = set()
        self._drawn = 0.0  # time at which a page last began to be drawn

    def predict(
        self,
        pictures: Sequence[Seen],
        point: OperatingPoint,
        prices: Sequence[float] | None = None,
        forced: np.ndarray | None = None,
    ) -> list[DecisionTrace]:
        """Traces of the pictures, in their order. The model runs only for traces that are not cached.

        Args:
            pictures: to classify.
            point: checkpoint, with its budget or price.
            prices: price of a full block, one for each picture, instead of the point's price.
            forced: option indices to force, (pictures, gated blocks); -1 where the policy decides.

        Raises:
            UserError: the checkpoint cannot be loaded, or does not support these arguments.
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

    def knows(self, pictures: Sequence[Seen], point: OperatingPoint, prices: Sequence[float] | None = None) -> bool:
        """Whether ``predict`` would answer from memory."""
        questions = questions_of(pictures, point, prices, None)
        return all(self._traces.get(question) is not None for question in questions)

    def look_ahead(self, pictures: Sequence[Seen], points: Sequence[OperatingPoint]) -> None:
        """Predict in the background what the user is likely to want next, so that it is cached by then.

        Args:
            pictures: to classify.
            points: likely operating points, the likeliest first.
        """
        self.hold_back()
        for point in points:
            pending = [p for p in pictures if not self.knows([p], point)]
            job = (point.card.digest, point.budget, ",".join(sorted(p.digest for p in pending)))
            if pending and job not in self._ahead and len(self._ahead) < MAX_AHEAD:
                self._ahead.add(job)
                self._worker.submit(self._run_ahead, job, pending, point)

    def hold_back(self) -> None:
        """Delay look-ahead, because a page is being drawn."""
        self._drawn = time.monotonic()

    def afterwards(self, task: Callable[[], object]) -> None:
        """Run a task in the background, after the look-ahead that is queued now."""
        self._worker.submit(task)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Reserve the model for a short piece of background work, such as a training step."""
        time.sleep(YIELD_S)  # the lock is not fair: without a pause this thread would take it again before all others
        with self._model:
            yield

    def calibrate(self, card: Card, report: Callable[[float], object]) -> Calibration:
        """Time each part of a network on this machine; nothing else runs on the model meanwhile.

        Args:
            card: of the checkpoint.
            report: called with the share that is done, 0 to 1.

        Raises:
            UserError: the checkpoint cannot be loaded, or does not run on the engine.
        """
        with self._model:
            return self._predictor(card).calibrate(report)

    def adopt(self, card: Card, predictor: Model) -> None:
        """Serve a checkpoint that exists only in memory, under its card's name; the oldest are dropped if too many."""
        self._adopted.put(card.name, (card, predictor))

    def adopted(self, names: Iterable[str]) -> list[Card]:
        """Cards of those named checkpoints that exist only in memory."""
        return [found[0] for name in names if (found := self._adopted.get(name)) is not None]

    def adopted_predictor(self, card: Card) -> Model | None:
        """The predictor of an adopted checkpoint; None for any other."""
        found = self._adopted.get(card.name)
        return found[1] if found is not None and found[0].digest == card.digest else None

    def _run_ahead(self, job: Job, pictures: Sequence[Seen], point: OperatingPoint) -> None:
        while (rest := self._drawn + QUIET_S - time.monotonic()) > 0:
            time.sleep(rest)
        try:
            self.predict(pictures, point)
        except UserError:
            pass  # nobody asked for this yet; whoever does gets the error then
        finally:
            self._ahead.discard(job)

    def _predictor(self, card: Card) -> Model:
        predictor = self.adopted_predictor(card) or self._predictors.get(card.digest)
        if predictor is None:
            predictor = self._load(card.name)
            self._predictors.put(card.digest, predictor)
        return predictor


@dataclass(frozen=True, slots=True)
class Pixels:
    """An image that is already the network's input."""

    seen: np.ndarray
    digest: str

    def at(self, size: int) -> Pixels:
        """Itself: the caller gives pixels of the right size."""
        return self


@dataclass(frozen=True, slots=True)
class PredictorAtPoint:
    """The shared predictor at one operating point. A call holds the model for its whole length, so split long ones."""

    shared: SharedPredictor
    point: OperatingPoint

    def predict(
        self,
        images: Sequence[np.ndarray],
        forced: np.ndarray | None = None,
        price: Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Traces of uint8 images (S, S, 3); arguments and errors as for ``SharedPredictor.predict``."""
        known: dict[int, Pixels] = {}  # a film repeats one image many times: hash it once
        for image in images:
            known.setdefault(id(image), Pixels(image, digest_of(image)))
        return self.shared.predict([known[id(image)] for image in images], self.point, price, forced)
