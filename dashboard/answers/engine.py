"""Predictions for many sessions at once: one model call at a time, every answer kept, misses answered in batches."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import numpy as np

from dashboard.answers.questions import Predicts, Question, Seen, batches, questions_of, wishes_of
from dfs_core.checkpoints.card import Card
from dfs_core.errors import UserError
from dfs_core.trace import DecisionTrace

MAX_PREDICTORS = 16
MAX_ADOPTED = 8  # checkpoints that lie on no disk
MAX_TRACES = 8192  # some 40 MB
YIELD_S = 0.005
MAX_AHEAD = 64  # jobs: where many pages move all the time, none of this helps anybody
QUIET_S = 0.4  # a page is still being drawn when it was sent, and needs the processor more than what may be asked next

Job = tuple[str, float | None, str]
K = TypeVar("K")
V = TypeVar("V")


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
        card: Card,
        budget: float | None = None,
        price: float | Sequence[float] | None = None,
        forced: np.ndarray | None = None,
    ) -> list[DecisionTrace]:
        """Traces of the pictures, in their order; only what was not asked before reaches the model.

        Args:
            pictures: what is to be classified.
            card: of the checkpoint.
            budget: in percent; None for the checkpoint's own or usual one.
            price: of a block in full, for all pictures or one for each; takes the place of a budget.
            forced: option indices to impose, (pictures, gated blocks), with -1 where the policy is to decide.

        Raises:
            UserError: the checkpoint cannot be loaded, or cannot be asked for this.
        """
        questions = questions_of(pictures, card, budget, price, forced)
        found = [self._traces.get(question) for question in questions]
        missing = {q: i for i, (q, trace) in enumerate(zip(questions, found, strict=True)) if trace is None}
        fresh: dict[Question, DecisionTrace] = {}
        for batch in batches(list(missing)):
            rows = [missing[question] for question in batch]
            wishes = wishes_of(batch, None if forced is None else forced[rows])
            with self._model:
                traces = self._predictor(card).predict([pictures[row].seen for row in rows], **wishes)
            for question, trace in zip(batch, traces, strict=True):
                fresh[question] = trace
                self._traces.put(question, trace)
        return [trace or fresh[question] for question, trace in zip(questions, found, strict=True)]

    def knows(
        self,
        pictures: Sequence[Seen],
        card: Card,
        budget: float | None = None,
        price: float | Sequence[float] | None = None,
        forced: np.ndarray | None = None,
    ) -> bool:
        """Whether ``predict`` would answer from memory."""
        questions = questions_of(pictures, card, budget, price, forced)
        return all(self._traces.get(question) is not None for question in questions)

    def look_ahead(self, pictures: Sequence[Seen], points: Sequence[tuple[Card, float | None]]) -> None:
        """Ask in the background for what the user is likely to want next; the slider then only looks up.

        Args:
            pictures: what is to be classified.
            points: checkpoints with the budget in percent, or None for their own.
        """
        self.hold_back()
        for card, budget in points:
            pending = [p for p in pictures if not self.knows([p], card, budget)]
            job = (card.weights_sha256, budget, ",".join(sorted(p.digest for p in pending)))
            if pending and job not in self._ahead and len(self._ahead) < MAX_AHEAD:
                self._ahead.add(job)
                self._worker.submit(self._run_ahead, job, pending, card, budget)

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

    def _run_ahead(self, job: Job, pictures: Sequence[Seen], card: Card, budget: float | None) -> None:
        while (rest := self._drawn + QUIET_S - time.monotonic()) > 0:
            time.sleep(rest)
        try:
            self.predict(pictures, card, budget)
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
