"""A queue of background jobs, one at a time, with progress, cancel and bounded memory.

The worker thread ends when the queue is empty. A job goes on when its user leaves the page; its result is there when
the user comes back.
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
    """Raised inside a job's work when it was cancelled."""


@dataclass(eq=False)
class Job:
    """A piece of work with its state. Only ``Jobs`` changes it.

    Attributes:
        key: short random name, used in links.
        owner: the session that submitted it; a session has at most one unfinished job.
        about: description of the work.
        state: of the job.
        reports: reports of the work so far, oldest first.
        result: return value of the work, when it is done.
        error: message in one line, when it has failed.
        cancelling: whether it was cancelled; it ends at its next report.
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
        """Whether the job is done, failed or cancelled."""
        return self.state in ENDED


class Jobs:
    """The jobs of all users: a short queue, one worker, and the last ones that ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._queue: deque[tuple[Job, Work]] = deque()
        self._busy = False

    def submit(self, owner: str, about: Any, work: Work) -> Job:
        """Queue ``work``, which is called with a function for its reports.

        Raises:
            UserError: the owner has an unfinished job, or the queue is full.
        """
        with self._lock:
            if any(job.owner == owner and not job.ended for job in self._jobs.values()):
                raise UserError("you have an unfinished run: wait for it to end, or cancel it")
            if len(self._queue) >= MAX_WAITING:
                raise UserError(f"{MAX_WAITING} runs are already waiting: try again in a minute")
            job = Job(uuid.uuid4().hex[:8], owner, about)
            self._jobs[job.key] = job
            self._queue.append((job, work))
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._run_all, name="jobs").start()
            return job

    def get(self, key: str) -> Job | None:
        """The job with that key; None if there is none."""
        return self._jobs.get(key)

    def of(self, owner: str) -> list[Job]:
        """The owner's jobs, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def ahead_of(self, job: Job) -> int:
        """Number of jobs before a waiting one, including the running one."""
        with self._lock:
            place = next((i for i, (other, _) in enumerate(self._queue) if other is job), 0)
            return place + any(other.state == "running" for other in self._jobs.values())

    def cancel(self, job: Job) -> None:
        """Stop a job: at once if it is waiting, at its next report if it is running. Ended jobs do not change."""
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
            # A stopping server waits for this thread, so it ends early.
            if job.cancelling or not threading.main_thread().is_alive():
                raise Cancelled

        try:
            job.result = work(report)
            state: State = "done"
        except Cancelled:
            state = "cancelled"
        except UserError as error:
            job.error, state = str(error), "failed"
        except Exception as error:  # a defect of the program: the page says so, the log has the traceback
            logging.getLogger(__name__).exception("a job failed")
            job.error, state = f"this is a defect of the program ({type(error).__name__}: {error})", "failed"
        with self._lock:
            self._end(job, state)

    def _end(self, job: Job, state: State) -> None:
        """Set the final state, and drop the oldest ended jobs. The caller holds the lock."""
        job.state = state
        ended = [other.key for other in self._jobs.values() if other.ended]
        for key in ended[: max(0, len(ended) - MAX_FINISHED)]:
            del self._jobs[key]
