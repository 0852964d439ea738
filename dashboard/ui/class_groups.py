"""The switch of charts by class between superclasses and classes."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.answers.classes import Group, groups, has_superclasses
from dashboard.ui import state
from dashboard.ui.switch import switch

CLASSES = "classes"  # page parameter: superclasses are opened


def choose(classes: Sequence[str], shared: state.State) -> tuple[Group, ...]:
    """Draw the switch, if the classes have superclasses, and return the groups to show."""
    opened = CLASSES in shared.page
    if has_superclasses(classes):
        words = {
            every: f"{len(groups(classes, every))} {'classes' if every else 'superclasses'}" for every in (False, True)
        }
        switch(CLASSES, "Rows of the charts by class", words, opened, _open)
    return of_page(classes, shared)


def _open(every: bool) -> None:
    state.change(page={CLASSES: "all" if every else ""})


def of_page(classes: Sequence[str], shared: state.State) -> tuple[Group, ...]:
    """The groups that the page's switch shows; draws nothing."""
    return groups(classes, CLASSES in shared.page)
