"""Decode many pictures to the input size of a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from dfs_core.data.images import open_image, to_model_input
from dfs_core.errors import UserError

Report = Callable[[int, int], None]
Sources = Sequence[Path] | np.ndarray  # image files, or decoded pictures of an archive: uint8 (N, H, W, 3)

_CHUNK = 256
_NAMED = 10  # unreadable files that a message names


def decode_one(source: Path | np.ndarray, size: int) -> np.ndarray:
    """One picture as network input, uint8 (size, size, 3).

    Raises:
        UserError: the file cannot be read or is not a picture. The message names the file.
    """
    return to_model_input(open_source(source), size)


def open_source(source: Path | np.ndarray) -> Image.Image:
    """One picture as it is stored; errors as for ``decode_one``."""
    if isinstance(source, np.ndarray):
        return Image.fromarray(source)
    try:
        return open_image(source.read_bytes(), str(source))
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror or error}") from error


def decode(sources: Sources, size: int, report: Report | None = None) -> np.ndarray:
    """All pictures as network input, uint8 (N, size, size, 3), decoded on up to 8 cores.

    Args:
        sources: the pictures.
        size: side in pixels. Archive pictures that already have this size are returned unchanged.
        report: called after each chunk with the number of images read and their total. An exception in it stops the
            reading.

    Raises:
        UserError: files cannot be read or are not pictures. The message names the first ones.
    """
    if isinstance(sources, np.ndarray) and sources.shape[1:] == (size, size, 3):
        return sources
    images = np.empty((len(sources), size, size, 3), np.uint8)

    bad: dict[int, UserError] = {}

    def fill(start: int) -> None:
        for index, source in enumerate(sources[start : start + _CHUNK], start):
            try:
                images[index] = decode_one(source, size)
            except UserError as error:
                bad[index] = error

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        tasks = [pool.submit(fill, start) for start in range(0, len(sources), _CHUNK)]
        try:
            for number, task in enumerate(tasks, start=1):
                task.result()
                if report is not None:
                    report(min(number * _CHUNK, len(sources)), len(sources))
        finally:  # after a bad file or a cancellation, do not wait for the remaining chunks
            pool.shutdown(wait=False, cancel_futures=True)
    if len(bad) == 1:
        raise next(iter(bad.values()))
    if bad:
        named = ", ".join(str(sources[index]) for index in sorted(bad)[:_NAMED])
        more = f" and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
        raise UserError(f"{len(bad):,} pictures cannot be read: save them again or remove them: {named}{more}")
    return images
