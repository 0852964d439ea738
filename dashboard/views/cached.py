"""What sessions share of points and training logs, each bounded in number."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import Cost
from dashboard.answers.tables import Rows, read_log
from dashboard.ui.cached import Stamp, stamp
from dashboard.views.points import PointRow, point_rows, read_measured, read_published
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.errors import UserError

PUBLISHED = Path(__file__).resolve().parent / "published.csv"


def published() -> Rows:
    """Published points of the literature, with their sources; empty if they cannot be read."""
    found = _published(str(PUBLISHED), stamp(PUBLISHED.parent, PUBLISHED.name))
    return [] if isinstance(found, str) else found


@st.cache_resource(max_entries=2, show_spinner=False)
def _published(path: str, stamp: Stamp) -> Rows | str:
    try:
        return read_published(Path(path))
    except UserError as error:
        return str(error)


def _measured_file() -> Path:
    """Measured points lie beside the folder of the checkpoints that they are of."""
    return pretrained_dir().parent / "results" / "points.csv"


def measured() -> Rows:
    """Points that were measured on test sets and collected in ``results/``; empty if there are none."""
    found = _measured(str(_measured_file()), stamp(_measured_file().parent, _measured_file().name))
    return [] if isinstance(found, str) else found


def measured_problem() -> str:
    """Why measured or published points cannot be read, in words; empty if they can, or if there are none."""
    found = (
        _measured(str(_measured_file()), stamp(_measured_file().parent, _measured_file().name)),
        _published(str(PUBLISHED), stamp(PUBLISHED.parent, PUBLISHED.name)),
    )
    return "; ".join(problem for problem in found if isinstance(problem, str))


@st.cache_resource(max_entries=2, show_spinner=False)
def _measured(path: str, stamp: Stamp) -> Rows | str:
    try:
        return read_measured(Path(path))
    except UserError as error:
        return str(error)


def points(catalogue: Catalogue, dataset: str, cost: Cost) -> list[PointRow]:
    """The points of the accuracy/cost curve of a data set; they change only when files do."""
    files = stamp(_measured_file().parent, _measured_file().name)
    return _points(catalogue.fingerprint, dataset, cost, files, catalogue)


@st.cache_resource(max_entries=32, show_spinner=False)
def _points(fingerprint: str, dataset: str, cost: Cost, stamp: Stamp, _catalogue: Catalogue) -> list[PointRow]:
    return point_rows(_catalogue, dataset, published(), cost, measured())


def training_log(name: str) -> Rows:
    """The training log of a checkpoint, empty if it has none."""
    path = pretrained_dir() / name / "log.jsonl"
    return _training_log(str(path), stamp(path.parent, path.name))


@st.cache_resource(max_entries=32, show_spinner=False)
def _training_log(path: str, stamp: Stamp) -> Rows:
    return read_log(Path(path))
