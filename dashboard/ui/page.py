"""How every page begins: what is there, what is selected, the controls; or what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import MEASURES
from dashboard.drawing.palette import Palette, palette
from dashboard.export.stamp import Kind, Stamp
from dashboard.ui import cached, copy_link, messages, point_controls, state
from dashboard.ui.state import State
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint


@dataclass(frozen=True, slots=True)
class Opened:
    """What a page works with.

    Attributes:
        catalogue: the checkpoints on this machine; at least one.
        shared: the state that all pages share.
        point: the operating point in use.
        colours: of the theme.
    """

    catalogue: Catalogue
    shared: State
    point: OperatingPoint
    colours: Palette

    @property
    def card(self) -> Card:
        """Of the checkpoint in use."""
        return self.point.card

    @property
    def budget(self) -> float | None:
        """In percent, that a checkpoint for every budget is asked for; None for any other."""
        return self.point.budget

    @property
    def in_words(self) -> str:
        """The operating point in words."""
        return self.point.in_words

    @property
    def has_test_figures(self) -> bool:
        """Whether the card's test figures are those of this operating point."""
        return operating.is_cards(self.point)

    def at(self, point: OperatingPoint) -> Opened:
        """This page at another budget of its checkpoint, for what is shown of that one; controls stay as they are."""
        return replace(self, point=point, shared=replace(self.shared, budget=point.budget))

    def stamp(self, kind: Kind, *cards: Card) -> Stamp:
        """Where a view of this page comes from.

        Args:
            kind: of its figures.
            cards: of the checkpoints that they are of; of the one in use unless given.
        """
        (name, weights), *others = dict.fromkeys((card.name, card.weights_sha256) for card in cards or (self.card,))
        return Stamp(
            checkpoint=name,
            weights_sha256=weights,
            cost=MEASURES[self.shared.cost].name,
            kind=kind,
            link=state.link(self.shared, self.catalogue),
            others=tuple(others),
        )


def open_page(choose: bool = True, measure: bool = True, forms: Mapping[str, str] | None = None) -> Opened:
    """Begin a page; where there is no checkpoint to work with, say so and stop.

    Args:
        choose: whether the controls of the operating point are drawn here.
        measure: whether that of the measure of cost is among them; not on a page that shows one measure alone.
        forms: of the page's own URL parameters, as ``links.from_query`` takes them.
    """
    catalogue = cached.catalogue()
    messages.problems(catalogue)
    if not catalogue.cards:
        messages.no_checkpoints(catalogue)
        st.stop()
    cached.engine().hold_back()
    shared = state.open_state(catalogue, forms or {})
    if choose:
        point = point_controls.choose_point(catalogue, shared, point_controls.Seat(measure=measure))
    else:
        point = OperatingPoint(catalogue.named(shared.checkpoint) or catalogue.default, shared.budget)
    copy_link.copy_link()
    return Opened(catalogue, shared, point, palette(st.context.theme.type))
