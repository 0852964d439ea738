"""The laboratory: background runs, their training images, and the checkpoints that are kept.

Modules that need torch are imported on use: torch takes seconds to load, and pages are drawn before it is needed. Kept
checkpoints are in the shared predictor's memory, which drops the oldest if there are too many.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dashboard.answers.naming import PREFIX
from dashboard.answers.pictures import Picture
from dashboard.answers.shared_predictor import Recent, SharedPredictor
from dashboard.laboratory.jobs import Job, Jobs, Report
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import SESSION, format_alpha
from dfs_core.training.lab_run import Progress, Settings, Step, Tuned

if TYPE_CHECKING:
    from dfs_core.predictor import Predictor
    from dfs_core.training.material import Material

MAX_PARENTS, MAX_MATERIALS = 2, 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is to do: the checkpoint that it starts from, and its settings."""

    parent: Card
    settings: Settings


@dataclass(frozen=True, slots=True)
class Reading:
    """Progress of reading a run's images: ``done`` of ``total``."""

    done: int
    total: int


class Laboratory:
    """The runs of all users, one at a time; predictions of the shared predictor run between their steps."""

    def __init__(self, shared: SharedPredictor, folder_of: Callable[[str], Path] = Path) -> None:
        """Args: shared: predicts and shares the model; folder_of: name of a checkpoint on disk -> its folder."""
        self.jobs = Jobs()
        self._folder_of = folder_of
        self._shared = shared
        self._parents: Recent[str, Predictor] = Recent(MAX_PARENTS)
        self._materials: Recent[tuple[object, ...], Material] = Recent(MAX_MATERIALS)

    def start(
        self, owner: str, parent: Card, settings: Settings, data_dir: Path | None, pictures: Sequence[Picture] = ()
    ) -> Job:
        """Start a run in the background.

        Args:
            owner: the session.
            parent: card of the checkpoint to start from.
            settings: target, alpha and number of steps.
            data_dir: folder of the data sets; None for a toy run on ``pictures``.
            pictures: training images of a toy run; the checkpoint's prediction replaces an unknown class.

        Raises:
            UserError: the owner has an unfinished run, the queue is full, or there are too few pictures.
        """
        few = self._few(parent, pictures) if data_dir is None else None
        name = f"{PREFIX}b{settings.budget:g}-a{format_alpha(settings.alpha, 3)}-{uuid.uuid4().hex[:8]}"

        def work(report: Report) -> Tuned:
            from dfs_core.training.laboratory import fine_tune

            material = self._material(parent, data_dir, report) if data_dir is not None else few
            assert material is not None
            checkpoint = self._parent(parent).checkpoint
            return fine_tune(checkpoint, settings, material, report, self._shared.turn, name)

        return self.jobs.submit(owner, Wish(parent, settings), work)

    def keep(self, job: Job) -> Card:
        """Keep a run's network as a checkpoint in memory, and return its card; a second call changes nothing."""
        from dfs_core.predictor import Predictor

        tuned = cast(Tuned, job.result)
        card = tuned.checkpoint.card
        self._shared.adopt(card, Predictor(tuned.checkpoint))
        return card

    def keep_on_disk(self, job: Job, folder: Path) -> Path:
        """Write a run's network as a checkpoint into ``folder``; errors as for ``session.keep_on_disk``."""
        from dfs_core.training.session import keep_on_disk

        return keep_on_disk(cast(Tuned, job.result).checkpoint, folder)

    def delete_from_disk(self, folder: Path) -> None:
        """Delete a kept network from the disk; errors as for ``session.delete_from_disk``."""
        from dfs_core.training.session import delete_from_disk

        delete_from_disk(folder)

    def _parent(self, card: Card) -> Predictor:
        """The checkpoint to start from: the one kept in memory, or a separate copy from disk."""
        from dfs_core.predictor import Predictor

        found = self._parents.get(card.digest) or cast(Predictor | None, self._shared.adopted_predictor(card))
        if found is None:
            found = Predictor.load(self._folder_of(card.name))
            self._parents.put(card.digest, found)
        return found

    def _material(self, card: Card, data_dir: Path, report: Report) -> Material:
        from dfs_core.training.material import from_data_set

        # all that the images depend on: a run of one's own may have held out others
        split = json.dumps(card.split, sort_keys=True)
        key = (card.dataset, card.config.image_size, str(data_dir), card.classes, split, card.method == SESSION)
        found = self._materials.get(key)
        if found is None:
            found = from_data_set(card, data_dir, report=lambda done, total: report(Reading(done, total)))
            self._materials.put(key, found)
        return found

    def _few(self, card: Card, pictures: Sequence[Picture]) -> Material:
        from dfs_core.training.material import from_pictures

        traces = self._shared.predict(pictures, OperatingPoint(card))
        known = [picture.known_to(card.classes).truth for picture in pictures]
        labels = [truth or trace.label for truth, trace in zip(known, traces, strict=True)]
        return from_pictures(card, [picture.at(card.config.image_size).seen for picture in pictures], labels)


def steps_of(job: Job) -> list[Step]:
    """The steps of a run so far."""
    return [news.step for news in list(job.reports) if isinstance(news, Progress) and news.step is not None]


def latest(job: Job) -> Progress | Reading | None:
    """The last report of a run."""
    return job.reports[-1] if job.reports else None
