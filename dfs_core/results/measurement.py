"""The measurement of one operating point, which is a row of ``results/``, and its CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from dfs_core.checked import Budget, Cost, Count, Name, Percent, Points, Price, Word, read_rows
from dfs_core.checkpoints.card import Line, Seed

CPS = (0.45, 0.55, 0.65, 0.8, 1.0, 1.56, 2.5, 5.0)  # at which methods are compared, in percent
DIAL = "dial"  # family of the points that a price reaches from a checkpoint without training


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The figures of one operating point on a test set, in percent. None means unknown or not applicable.

    Attributes:
        family: the card's method, or ``dial`` for a point that a price reached without training.
        label: name for display.
        checkpoint: name of the checkpoint.
        backbone: name of the plain network that it was made from.
        dataset: name of the data set.
        depth: depth of the network.
        network: its name, such as ``ResNet-38``.
        seed: seed of the training.
        split: ``test``.
        n: number of images.
        budget: the budget asked for or trained for.
        price: of a block in full, in nats; only of a ``dial`` point.
        accuracy: percentage of images with the right label.
        low: lower end of the 95 % Wilson interval of the accuracy.
        high: upper end of that interval.
        loss: accuracy of the backbone minus this accuracy, in points; None for the backbone itself.
        cp: mean computation percentage.
        all_in: mean all-in cost.
        macs: mean executed MACs, relative to the plain network.
        energy: mean energy of the arithmetic, relative to the plain network.
        policies: number of different decision vectors (see ``Evaluation``).
        minority_blocks: percentage of gated blocks in which at least 5 % of images do not take the usual option.
        cp_variation: standard deviation of the images' cp divided by its mean.
        shuffled: accuracy when every image gets the decision vector of another image.
        made_by: the command that measures it again.
    """

    family: Word
    label: str
    checkpoint: Word
    backbone: str | None = None
    dataset: Name
    depth: int
    network: Line = ""
    seed: Seed
    split: Word
    n: Count
    budget: Budget | None = None
    price: Price | None = None
    accuracy: Percent
    low: Percent
    high: Percent
    loss: Points | None = None
    cp: Cost
    all_in: Cost
    macs: Cost | None = None
    energy: Cost | None = None
    policies: Count
    minority_blocks: Percent | None = None
    cp_variation: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    shuffled: Percent | None = None
    made_by: str


def to_csv(rows: Sequence[Any], kind: type) -> str:
    """Rows of the dataclass ``kind`` as CSV with a header. None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def read_measurements(path: Path) -> list[Measurement]:
    """Measurements from a file that ``to_csv`` wrote; none if there is no file; errors as for ``read_rows``.

    Older files do not name the network. All of theirs are ResNets of the usual width.
    """
    rows = read_rows(path, Measurement)
    return [row if row.network else replace(row, network=f"ResNet-{row.depth}") for row in rows]
