"""A progress bar on the terminal, driven by the ``report`` callbacks of long work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(text: str, unit: str = "image") -> Iterator[Callable[[int, int], None]]:
    """Yield a callback (units done, total units) that moves a bar. Without a terminal, nothing is shown."""
    with tqdm(desc=text, unit=unit, leave=False, disable=None) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report
