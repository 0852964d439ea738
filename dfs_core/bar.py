"""Progress of long work: a bar on the terminal, and for training a line now and then where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LINE_EVERY_S = 30.0


class _Lines(tqdm):
    """Progress as lines of their own, for logs and schedulers."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Print the state as one line."""
        self.fp.write(f"{msg or self}\n")
        self.fp.flush()


def steps_bar(name: str, total: int, done: int, shown: bool = True) -> tqdm:
    """The progress of a run's steps on stderr: a bar, or a line every 30 seconds where that is no terminal.

    Args:
        name: of the run.
        total: number of steps.
        done: how many were done before.
        shown: whether to show anything.
    """
    if sys.stderr is None or sys.stderr.isatty():
        return tqdm(total=total, initial=done, desc=name, unit="step", disable=None if shown else True)
    line = "{desc}: {n_fmt} of {total_fmt} steps, {rate_fmt}, {remaining} left{postfix}"
    times = {"mininterval": LINE_EVERY_S, "maxinterval": LINE_EVERY_S, "delay": 1e-9, "miniters": 1}
    return _Lines(total=total, initial=done, desc=name, unit="step", bar_format=line, disable=not shown, **times)


@contextmanager
def progress_bar(text: str, unit: str = "image") -> Iterator[Callable[[int, int], None]]:
    """Yield a callback (units done, total units) that moves a bar. Without a terminal, nothing is shown."""
    with tqdm(desc=text, unit=unit, leave=False, disable=None) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report
