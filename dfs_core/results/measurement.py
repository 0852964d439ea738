"""What was measured at one operating point, and files of such measurements: a row of ``results/``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from dfs_core.checked import Budget, Cost, Count, Name, Percent, Points, Word, read_rows
from dfs_core.checkpoints.card import Seed

DIAL = "dial"  # the family of points that are no checkpoint's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one operating point reached on a test set. Percentages in percent; None where something does not apply.

    Attributes:
        family: method, as in the card; ``dial`` for a point that a price reached without training.
        label: what a person reads.
        checkpoint: its name.
        backbone: name of the plain network that it was made of.
        dataset: the data set.
        depth: of the network.
        seed: of the training.
        split: ``test``.
        n: number of images.
        budget: what was asked for.
        accuracy: share of images with the right label.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        loss: by how many points of accuracy it is below its backbone; of the backbone itself, None.
        cp: mean computation percentage.
        all_in: mean all-in cost.
        macs: mean executed MACs; of the plain network, as all costs are.
        energy: mean energy of the arithmetic.
        policies: number of different decision vectors, as ``Evaluation`` names it.
        minority_blocks: share of gated blocks in which at least 5 % of images do not take the usual option.
        cp_variation: standard deviation of the images' cp over its mean.
        shuffled: accuracy when every image gets another image's decisions: a random policy of the same shares.
        made_by: the command that measures it again.
    """

    family: Word
    label: str
    checkpoint: Word
    backbone: str | None = None
    dataset: Name
    depth: int
    seed: Seed
    split: Word
    n: Count
    budget: Budget | None = None
    accuracy: Percent
    low: Percent
    high: Percent
    loss: Points | None = None
    cp: Percent
    all_in: Cost
    macs: Cost | None = None
    energy: Cost | None = None
    policies: Count
    minority_blocks: Percent | None = None
    cp_variation: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    shuffled: Percent | None = None
    made_by: str


def to_csv(rows: Sequence[Any], kind: type) -> str:
    """Rows of a dataclass as CSV with a header; None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def read_measurements(path: Path) -> list[Measurement]:
    """Measurements from a file that ``to_csv`` wrote; none if there is no file. Errors as for ``read_rows``."""
    return read_rows(path, Measurement)
