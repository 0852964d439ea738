"""Long work in the background: one at a time and in turn, with progress, cancel and bounded memory. No Streamlit in it.

The worker is a thread that ends when nothing is left to do. A job that nobody looks at goes on: it is bounded, and
whoever comes back finds what came of it.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from dfs_core.errors import UserError

MAX_WAITING = 4
MAX_FINISHED = 8
ENDED = ("done", "failed", "cancelled")

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Report = Callable[[Any], None]
Work = Callable[[Report], Any]


class Cancelled(Exception):
    """Raised inside a job's work when somebody has cancelled it."""


@dataclass(eq=False)
class Job:
    """A piece of work and what has become of it. Read by anybody, changed by ``Jobs`` alone.

    Attributes:
        key: short, hard to guess; stands in links.
        owner: whose it is; everybody has one unfinished job at most.
        about: what it was asked to do.
        state: how far it is.
        reports: what the work has reported so far, oldest first.
        result: what it returned, once it is done.
        error: what went wrong, in a line, once it has failed.
        cancelling: whether somebody has cancelled it; it ends at its next report.
    """

    key: str
    owner: str
    about: Any
    state: State = "waiting"
    reports: list[Any] = field(default_factory=list)
    result: Any = None
    error: str = ""
    cancelling: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ENDED


class Jobs:
    """Jobs of all users: a short queue, a worker, and the last ones that ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._queue: deque[tuple[Job, Work]] = deque()
        self._busy = False

    def submit(self, owner: str, about: Any, work: Work) -> Job:
        """Have ``work(report)`` done as soon as it is its turn.

        Raises:
            UserError: the owner has an unfinished job, or too many are waiting.
        """
        with self._lock:
            if any(job.owner == owner and not job.ended for job in self._jobs.values()):
                raise UserError("one run at a time: wait for yours to end, or cancel it")
            if len(self._queue) >= MAX_WAITING:
                raise UserError(f"{MAX_WAITING} runs are waiting already: try again in a minute")
            job = Job(uuid.uuid4().hex[:8], owner, about)
            self._jobs[job.key] = job
            self._queue.append((job, work))
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run_all, name="jobs").start()
            return job

    def get(self, key: str) -> Job | None:
        """The job of that key, or None if there is none any more."""
        return self._jobs.get(key)

    def of(self, owner: str) -> list[Job]:
        """Somebody's jobs, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def ahead_of(self, job: Job) -> int:
        """How many are to be done before a waiting job, the running one among them."""
        with self._lock:
            place = next((i for i, (other, _) in enumerate(self._queue) if other is job), 0)
            return place + any(other.state == "running" for other in self._jobs.values())

    def cancel(self, job: Job) -> None:
        """Stop a job: at once if it is waiting, at its next report if it is running; no matter if it has ended."""
        with self._lock:
            if job.ended:
                return
            job.cancelling = True
            if job.state == "waiting":
                self._queue = deque((other, work) for other, work in self._queue if other is not job)
                self._end(job, "cancelled")

    def _run_all(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._busy = False
                    return
                job, work = self._queue.popleft()
                job.state = "running"
            self._run(job, work)

    def _run(self, job: Job, work: Work) -> None:
        def report(news: Any) -> None:
            job.reports.append(news)
            # A server that is being stopped waits for this thread, and should not have to wait for long.
            if job.cancelling or not threading.main_thread().is_alive():
                raise Cancelled

        try:
            job.result = work(report)
            state: State = "done"
        except Cancelled:
            state = "cancelled"
        except UserError as error:
            job.error, state = str(error), "failed"
        except Exception as error:  # our defect, not the user's: the page says so, the log says where
            logging.getLogger(__name__).exception("a job failed")
            job.error, state = f"it failed by a defect of this program ({type(error).__name__}: {error})", "failed"
        with self._lock:
            self._end(job, state)

    def _end(self, job: Job, state: State) -> None:
        """Note the end, and forget the oldest jobs that ended; the lock is held."""
        job.state = state
        ended = [other.key for other in self._jobs.values() if other.ended]
        for key in ended[: max(0, len(ended) - MAX_FINISHED)]:
            del self._jobs[key]
