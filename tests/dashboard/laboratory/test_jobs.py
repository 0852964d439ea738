"""Background jobs: one at a time, bounded, cancelled, and never silent about what went wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from dashboard.laboratory.jobs import MAX_FINISHED, MAX_WAITING, Job, Jobs, Report
from dfs_core.errors import UserError


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def ended(job: Job) -> Job:
    until(lambda: job.ended)
    return job


class Gate:
    """Work that goes on reporting until somebody lets it end."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), threading.Event()

    def __call__(self, report: Report) -> str:
        self.begun.set()
        while not self.open.wait(0.002):
            report("still at it")
        return "through"


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def test_work_is_done_in_the_background_and_its_reports_and_result_are_kept(jobs: Jobs) -> None:
    caller = threading.get_ident()

    def work(report: Report) -> int:
        for value in range(3):
            report(value)
        return threading.get_ident()

    job = ended(jobs.submit("me", "about", work))
    assert (job.state, job.reports, job.about) == ("done", [0, 1, 2], "about")
    assert job.result != caller
    assert jobs.get(job.key) is job
    assert jobs.of("me") == [job]
    assert jobs.of("you") == []


def test_jobs_take_turns(jobs: Jobs) -> None:
    first, second = Gate(), Gate()
    one, two = jobs.submit("a", None, first), jobs.submit("b", None, second)
    assert first.begun.wait(30)
    assert (one.state, two.state, jobs.ahead_of(two)) == ("running", "waiting", 1)
    assert not second.begun.is_set()
    first.open.set()
    second.open.set()
    assert (ended(one).result, ended(two).result) == ("through", "through")


def test_a_running_job_stops_at_its_next_report(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.submit("me", None, gate)
    assert gate.begun.wait(30)
    jobs.cancel(job)
    assert ended(job).state == "cancelled"
    assert job.result is None
    jobs.cancel(job)


def test_a_waiting_job_stops_at_once_and_never_begins(jobs: Jobs) -> None:
    gate, never = Gate(), Gate()
    first, waiting = jobs.submit("a", None, gate), jobs.submit("b", None, never)
    jobs.cancel(waiting)
    assert waiting.state == "cancelled"
    gate.open.set()
    ended(first)
    assert not never.begun.is_set()


def test_everybody_has_one_unfinished_job_and_the_queue_is_short(jobs: Jobs) -> None:
    gate = Gate()
    first = jobs.submit("me", None, gate)
    with pytest.raises(UserError, match="unfinished run"):
        jobs.submit("me", None, gate)
    assert gate.begun.wait(30)
    waiting = [jobs.submit(f"other {index}", None, lambda report: None) for index in range(MAX_WAITING)]
    with pytest.raises(UserError, match="try again"):
        jobs.submit("one too many", None, gate)
    gate.open.set()
    for job in [first, *waiting]:
        ended(job)
    assert ended(jobs.submit("me", None, lambda report: 1)).result == 1


def test_a_mistake_of_the_user_is_its_line_and_the_next_job_runs(jobs: Jobs) -> None:
    def work(report: Report) -> None:
        raise UserError("no cifar10 there: run make data")

    job = ended(jobs.submit("me", None, work))
    assert (job.state, job.error) == ("failed", "no cifar10 there: run make data")
    assert ended(jobs.submit("me", None, lambda report: 1)).state == "done"


def test_a_defect_is_told_and_logged_and_the_next_job_runs(jobs: Jobs, caplog: pytest.LogCaptureFixture) -> None:
    def work(report: Report) -> None:
        raise ZeroDivisionError("by nought")

    job = ended(jobs.submit("me", None, work))
    assert job.state == "failed"
    assert "ZeroDivisionError: by nought" in job.error
    assert "Traceback" in caplog.text
    assert ended(jobs.submit("me", None, lambda report: 1)).state == "done"


def test_the_oldest_results_are_forgotten_and_no_thread_stays(jobs: Jobs) -> None:
    finished = [ended(jobs.submit("me", None, lambda report: None)) for _ in range(MAX_FINISHED + 3)]
    assert jobs.of("me") == finished[3:]
    assert jobs.get(finished[0].key) is None
    until(lambda: not any(thread.name == "jobs" for thread in threading.enumerate()))
