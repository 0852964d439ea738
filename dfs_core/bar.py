"""A progress bar on the terminal, as the callback that long work reports to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callback (images done, images in all) that moves a bar; without a terminal nothing is shown."""
    with tqdm(desc=text, unit="image", leave=False, disable=None) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report
