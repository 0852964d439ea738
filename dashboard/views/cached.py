"""Points and training logs that sessions share, in caches of bounded size."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import Cost
from dashboard.answers.looks import BudgetRow, budget_rows
from dashboard.answers.networks import Network
from dashboard.answers.tables import Rows
from dashboard.ui.cached import Version, folder_of, on_disk, results_dir, traced_budgets, traces, version_of
from dashboard.views.points import PointRow, point_rows, read_measured, read_published
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.run_log import LOG_FILE, read_log
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError

PUBLISHED = Path(__file__).resolve().parent / "published.csv"


def published() -> Rows:
    """Published points of the literature, with their sources; empty if they cannot be read."""
    return _published(*_published_file())[0]


def _published_file() -> tuple[str, Version]:
    return str(PUBLISHED), version_of(PUBLISHED.parent, PUBLISHED.name)


@st.cache_resource(max_entries=2, show_spinner=False)
def _published(path: str, version: Version) -> tuple[Rows, str]:
    try:
        return read_published(Path(path)), ""
    except UserError as error:
        return [], str(error)


def measured() -> Rows:
    """Points measured on test sets: those in ``results/``, and the stored budgets of one's own checkpoints."""
    return [*_measured(*_measured_file())[0], *_of_own(*_own_versions(), on_disk())]


def _own_versions() -> tuple[str, tuple[Version, ...]]:
    """What the points of one's own checkpoints depend on."""
    there = on_disk()
    return there.fingerprint, tuple(version_of(there.folders[name], "traces*.parquet") for name in sorted(there.places))


@st.cache_resource(max_entries=2, show_spinner=False)
def _of_own(fingerprint: str, versions: tuple[Version, ...], _catalogue: Catalogue) -> Rows:
    from dfs_core.results.collect import points_of

    own = [card for card in _catalogue.cards if card.name in _catalogue.places and card.budget_range is not None]
    return [
        asdict(point)
        for card in own
        for point in points_of(
            card, card.backbone(_catalogue.cards), _catalogue.folders[card.name], tell=lambda line: None
        )
    ]


def measured_problem() -> str:
    """Why measured or published points cannot be read; empty if they can, or if there are none."""
    problems = _measured(*_measured_file())[1], _published(*_published_file())[1]
    return "; ".join(filter(None, problems))


def _measured_file() -> tuple[str, Version]:
    """Path of the measured points, and the file's version."""
    path = results_dir() / "points.csv"
    return str(path), version_of(path.parent, path.name)


@st.cache_resource(max_entries=2, show_spinner=False)
def _measured(path: str, version: Version) -> tuple[Rows, str]:
    try:
        return read_measured(Path(path)), ""
    except UserError as error:
        return [], str(error)


def where_it_pays(network: Network) -> str:
    """Where deciding for each image pays in this network, in words; empty if nothing tells."""
    folder = results_dir()
    return _where_it_pays(str(folder), version_of(folder, "points.csv", "seeds.csv"), network.key, network)


@st.cache_resource(max_entries=8, show_spinner=False)
def _where_it_pays(folder: str, version: Version, key: str, _network: Network) -> str:
    from dashboard.views.pays import pays_words
    from dfs_core.results.measurement import read_measurements

    files = [Path(folder, name) for name in ("points.csv", "seeds.csv")]
    try:
        points, others = (read_measurements(file) if file.is_file() else [] for file in files)
    except UserError:  # the curve says what is wrong with the first file; without the second one nothing is known
        return ""
    return pays_words(points, others, _network)


def points(catalogue: Catalogue, network: Network, cost: Cost) -> list[PointRow]:
    """The points of the accuracy/cost curve of a network, read again only when files change."""
    versions = _measured_file()[1], *_own_versions()
    return _points(catalogue.fingerprint, network.key, cost, versions, catalogue, network)


@st.cache_resource(max_entries=32, show_spinner=False)
def _points(
    fingerprint: str, key: str, cost: Cost, versions: tuple[object, ...], _catalogue: Catalogue, _network: Network
) -> list[PointRow]:
    return point_rows(_catalogue, _network, published(), cost, measured())


def looks_by_budget(card: Card) -> list[BudgetRow]:
    """What a cascade does to the test set at each budget whose traces are stored and can be read, lowest first."""
    folder = folder_of(card.name)
    return _looks_by_budget(str(folder), card.digest, version_of(folder, "traces*.parquet"), card)


@st.cache_resource(max_entries=8, show_spinner="Reading what was looked at again")
def _looks_by_budget(folder: str, card: str, version: Version, _card: Card) -> list[BudgetRow]:
    found = ((budget, traces(OperatingPoint(_card, budget))) for budget in traced_budgets(_card))
    return budget_rows([(budget, one) for budget, one in found if isinstance(one, Traces)], _card.config)


def training_log(name: str) -> Rows:
    """The training log of a checkpoint; empty if it has none or it cannot be read."""
    found = _training_log_of(name)
    return [] if isinstance(found, str) else found


def training_log_problem(name: str) -> str:
    """Why the training log of a checkpoint cannot be read; empty if it can, or if there is none."""
    found = _training_log_of(name)
    return found if isinstance(found, str) else ""


def _training_log_of(name: str) -> Rows | str:
    return log_in(folder_of(name))


def log_in(folder: Path) -> Rows | str:
    """The training log in a run's folder, or why it cannot be read; empty if there is none."""
    return _training_log(str(folder / LOG_FILE), version_of(folder, LOG_FILE))


@st.cache_resource(max_entries=128, show_spinner=False)
def _training_log(path: str, version: Version) -> Rows | str:
    try:
        return read_log(Path(path))
    except UserError as error:
        return str(error)
