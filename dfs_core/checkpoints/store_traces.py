"""Measure a checkpoint on the test set, and store its decisions for every image in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint, usual_point
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.sets import ImageSet, fingerprint
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import run
from dfs_core.evaluation.metrics import Evaluation, summarise
from dfs_core.files import write_whole

NOISE = 0.1  # points; rounding on another machine may change accuracy or cp by this much
NOISY = 3  # images of a small set that are known to be the same, of which it may change the answers


class Measured(NamedTuple):
    """The decisions of an operating point, not stored yet.

    Attributes:
        path: the file that holds them.
        data: its content.
        evaluation: their figures.
    """

    path: Path
    data: bytes
    evaluation: Evaluation

    def store(self) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be written.
        """
        write_whole(self.path, self.data)


def measure_traces(
    checkpoint: Checkpoint, point: OperatingPoint, images: ImageSet, report: Callable[[int, int], None] | None = None
) -> Measured:
    """Run a checkpoint on all test images.

    Args:
        checkpoint: the network with its card and folder.
        point: its operating point.
        images: the test images.
        report: called with the number of images done and their total. An exception in it stops the work.

    Raises:
        UserError: the network's logits are not finite.
    """
    card = checkpoint.card
    outcome = run(checkpoint.model, images, card.mean, card.std, budget=point.budget, progress=report)
    data = Traces.of(outcome, point).to_bytes()
    return Measured(checkpoint.folder / point.traces_file, data, summarise(outcome, card.config))


def measure_as_card(
    checkpoint: Checkpoint, images: ImageSet, report: Callable[[int, int], None] | None = None
) -> tuple[Measured, str] | None:
    """Run a checkpoint on all test images at the operating point of its card, before anything stored is replaced.

    Args:
        checkpoint: the network with its card and folder.
        images: the test images.
        report: as in ``measure_traces``.

    Returns:
        The decisions there, and in words how their figures differ from the card's; empty if they do not. None if the
        card has no figures.

    Raises:
        UserError: they differ by more than another machine's rounding does, so these are other images; or the logits
            are not finite.
    """
    wanted = checkpoint.card.evaluation("test")
    if wanted is None:
        return None
    found = measure_traces(checkpoint, usual_point(checkpoint.card), images, report)
    pairs = {key: (getattr(found.evaluation, key), getattr(wanted, key)) for key in ("accuracy", "cp")}
    words = ", ".join(f"{key} {here:.4f} % instead of {there:.4f} %" for key, (here, there) in pairs.items())
    same = checkpoint.card.split.get("test_images") == fingerprint(images)
    noise = max(NOISE, 100 * NOISY / wanted.n) if same else NOISE
    if any(abs(here - there) > noise for here, there in pairs.values()):
        raise UserError(f"these are not the images that the card was measured on: {words}")
    return found, "" if found.evaluation == wanted else words
