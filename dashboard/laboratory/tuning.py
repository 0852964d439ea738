"""The laboratory's work: runs in the background, the images that they learn from, and what is kept. No Streamlit in it.

What needs torch is imported when it is used: torch takes seconds to load, and pages are drawn before it is needed.
Kept checkpoints lie in memory, in the engine, as any other does that it has loaded; the oldest gives way.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dashboard.answers.engine import Engine, Recent
from dashboard.answers.naming import PREFIX
from dashboard.answers.pictures import Picture
from dashboard.laboratory.jobs import Job, Jobs, Report
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import format_alpha
from dfs_core.training.lab_run import Progress, Settings, Step, Tuned

if TYPE_CHECKING:
    from dfs_core.predictor import Predictor
    from dfs_core.training.material import Material

MAX_PARENTS, MAX_MATERIALS = 2, 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run was asked for: from which checkpoint, and how."""

    parent: Card
    settings: Settings


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of a run's images is: ``done`` of ``total``."""

    done: int
    total: int


class Laboratory:
    """Runs of all users, one after the other; each piece of a run is one turn among the engine's."""

    def __init__(self, engine: Engine) -> None:
        self.jobs = Jobs()
        self._engine = engine
        self._parents: Recent[tuple[str, str], Predictor] = Recent(MAX_PARENTS)
        self._materials: Recent[tuple[str, int, str], Material] = Recent(MAX_MATERIALS)

    def start(
        self, owner: str, parent: Card, settings: Settings, data_dir: Path | None, pictures: Sequence[Picture] = ()
    ) -> Job:
        """Begin a run in the background.

        Args:
            owner: whose it is.
            parent: card of the checkpoint to start from.
            settings: what is to be done.
            data_dir: where the data set lies; None to learn from ``pictures``, which is a toy.
            pictures: the images at hand; those whose class nobody knows count as what the checkpoint takes them for.

        Raises:
            UserError: the owner has an unfinished run, too many wait, or the pictures are too few.
        """
        few = self._few(parent, pictures) if data_dir is None else None
        name = f"{PREFIX}b{settings.budget:g}-a{format_alpha(settings.alpha, 3)}-{uuid.uuid4().hex[:8]}"

        def work(report: Report) -> Tuned:
            from dfs_core.training.laboratory import fine_tune

            material = self._material(parent, data_dir, report) if data_dir is not None else few
            assert material is not None
            checkpoint = self._parent(parent).checkpoint
            return fine_tune(checkpoint, settings, material, report, self._engine.turn, name)

        return self.jobs.submit(owner, Wish(parent, settings), work)

    def keep(self, job: Job) -> Card:
        """Serve a run's network as a checkpoint, as long as memory is bounded; keeping twice is keeping once."""
        from dfs_core.predictor import Predictor

        tuned = cast(Tuned, job.result)
        card = tuned.checkpoint.card
        self._engine.adopt(card, Predictor(tuned.checkpoint))
        return card

    def keep_on_disk(self, job: Job, folder: Path) -> Path:
        """Write a run's network as a checkpoint into ``folder``; errors as for ``session.keep_on_disk``."""
        from dfs_core.training.session import keep_on_disk

        return keep_on_disk(cast(Tuned, job.result).checkpoint, folder)

    def _parent(self, card: Card) -> Predictor:
        """The checkpoint to start from: kept in memory, or a copy of its own from the disk."""
        from dfs_core.predictor import Predictor

        key = (card.name, card.weights_sha256)
        found = self._parents.get(key) or cast(Predictor | None, self._engine.adopted_predictor(card))
        if found is None:
            found = Predictor.load(card.name)
            self._parents.put(key, found)
        return found

    def _material(self, card: Card, data_dir: Path, report: Report) -> Material:
        from dfs_core.training.material import from_data_set

        key = (card.dataset, card.config.image_size, str(data_dir))
        found = self._materials.get(key)
        if found is None:
            found = from_data_set(card, data_dir, report=lambda done, total: report(Reading(done, total)))
            self._materials.put(key, found)
        return found

    def _few(self, card: Card, pictures: Sequence[Picture]) -> Material:
        from dfs_core.training.material import from_pictures

        traces = self._engine.predict(pictures, OperatingPoint(card))
        labels = [picture.truth or trace.label for picture, trace in zip(pictures, traces, strict=True)]
        return from_pictures(card, [picture.at(card.config.image_size).seen for picture in pictures], labels)


def steps_of(job: Job) -> list[Step]:
    """The curve of a run as far as it is."""
    return [news.step for news in list(job.reports) if isinstance(news, Progress) and news.step is not None]


def latest(job: Job) -> Progress | Reading | None:
    """What a run reported last."""
    return job.reports[-1] if job.reports else None
