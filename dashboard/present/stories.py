"""Starter talks: each tells one story. Its titles are sentences, whose figures come from the loaded checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dashboard.answers import looks, operating
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.classes import groups, word
from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.looks import Looked, PassRow
from dashboard.answers.naming import family_key
from dashboard.answers.pictures import PAGE_SIZE
from dashboard.answers.tables import SAME_BUDGET, Shown
from dashboard.export.talk import Slide, Talk
from dashboard.export.view import View
from dashboard.present.six_slides import in_six_slides
from dashboard.ui import image_bar, stored_traces
from dashboard.ui.decide import decide
from dashboard.ui.page import Opened
from dashboard.views import build
from dashboard.views import looks as looks_views
from dashboard.views.points import PointRow
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.traces import Traces
from dfs_core.checkpoints.words import METHODS
from dfs_core.model.config import ModelConfig

DOUBTFUL = 80.0  # percent; a first answer that is less sure is in doubt
_STATIC = tuple(family_key(METHODS[method]) for method in ("static", "mixed"))


@dataclass(frozen=True, slots=True)
class Story:
    """A starter talk.

    Attributes:
        key: of its button.
        title: of the talk.
        about: what it tells, in a sentence.
        teller: the checkpoint that it is about; None if there is none here, and then the story is not offered.
        tell: makes its slides.
    """

    key: str
    title: str
    about: str
    teller: Callable[[Catalogue, Card], Card | None]
    tell: Callable[[Opened, Card], Sequence[View | Slide]]


def looking_again(page: Opened, card: Card) -> list[View]:
    """The story of a cascade: what it gains, on which images it looks again, and what that costs."""
    point = page.point if card.name == page.card.name else operating.usual(card)
    found = stored_traces.find(point)
    point = found.point  # all slides are of one budget: that of the stored decisions
    shared = replace(page.shared, checkpoint=card.name, path="/", page={}, hidden=())
    page = replace(page, shared=shared).at(point)
    shown = decide(image_bar.pictures_at_hand(card, shared)[:PAGE_SIZE], point)
    if not shown:
        return []
    shown.sort(key=lambda item: len(item.trace.passes))
    state = build.curve_state(page, shown, None)
    slides = [(build.curve(page, state), ""), (build.strip(page, shown, None), easy_and_hard(shown))]
    if isinstance(found.traces, Traces) and found.traces.looks is not None:
        looked = looks.looked(found.traces, card.config)
        spent = looked.costs[MEASURES[shared.cost].column]
        slides[0] = slides[0][0], against_static(state.points, looked.accuracy, spent, shared.cost)
        there = page.at(found.point)
        slides += _on_the_test_set(there, found.traces)
        slides.append((looks_views.changes(there, looked), what_it_took(looked, card.config)))
    return [replace(view, title=title) if title else view for view, title in slides]


def _on_the_test_set(page: Opened, traces: Traces) -> list[tuple[View, str]]:
    everything, config, shown = looks_views.all_of(traces), page.card.config, groups(traces.classes)
    return [
        (
            looks_views.by_confidence(page, traces, everything),
            where_in_doubt(traces),
        ),
        (
            looks_views.by_class(page, traces, everything),
            by_class(looks.class_rows(traces, config, everything, shown), word(shown)),
        ),
    ]


def against_static(points: Sequence[PointRow], accuracy: float, spent: float, cost: Cost) -> str:
    """The cascade's accuracy and mean cost in percent, beside the best static network that costs no more."""
    measure = MEASURES[cost]
    said = f"A cascade is right for {accuracy:.2f} % of the test images at {measure.name} {spent:.2f} %"
    most = spent * (1 + SAME_BUDGET)
    rivals = [row for row in points if row["family"].startswith(_STATIC) and (row[measure.column] or 0) <= most]
    if not rivals:
        return f"{said}; no static network here costs so little"
    best = max(row["accuracy"] for row in rivals)
    return f"{said}; the best static network that costs no more is right for {best:.2f} %"


def easy_and_hard(shown: Sequence[Shown]) -> str:
    """How many of the images shown were looked at again."""
    again, most = sum(looks.looked_again(item.trace) for item in shown), len(shown)
    if not again:
        return f"For these {most} images one cheap pass was enough"
    were = "was" if again == 1 else "were"
    return f"{again} of these {most} images {were} looked at again; for the others one cheap pass was enough"


def where_in_doubt(traces: Traces) -> str:
    """How often it looks again at images of which the first pass was in doubt, and at the others."""
    seen = looks.looks_of(traces)
    doubtful, again = 100 * seen.confidence[:, 0] < DOUBTFUL, seen.passes > 1
    if doubtful.all() or not doubtful.any():
        return f"It looks again at {100 * again.mean():.1f} % of the test images"
    often, seldom = (f"{100 * again[part].mean():.0f} %" for part in (doubtful, ~doubtful))
    return (
        f"It looks again where it is in doubt: at {often} of the images of which it is less than {DOUBTFUL:.0f} % sure,"
        f" and at {seldom} of the others"
    )


def by_class(rows: Sequence[PassRow], one: str = "class") -> str:
    """The classes, or superclasses, that are looked at again most and least often; ``one`` is what a row is."""
    most, least = (f"{row['again']:.0f} % of {one} {row['group']}" for row in (rows[0], rows[-1]))
    return f"It looks again at {most}, but at {least}"


def what_it_took(found: Looked, config: ModelConfig) -> str:
    """What looking again took, and what it gave."""
    first = 100 * config.option_set[config.option_set.index(config.passes[0])].cost
    share = 100 * (1 - first / found.costs["cp"])
    came = f"put {found.righted:,} right and {found.spoiled:,} wrong"
    return f"Looking again took {share:.0f} % of cp: of {found.images:,} test images it {came}"


STORIES = (
    Story(
        "six",
        Talk().title,
        "six slides with title, question, method, three charts and conclusion; every title says its figures.",
        lambda catalogue, card: None if card.method == "backbone" else card,
        in_six_slides,
    ),
    Story(
        "looking",
        "Look again where one look was not enough",
        "a cascade beside the static networks, which images it looks at again, and what that gives and costs.",
        Catalogue.cascade_like,
        looking_again,
    ),
)
