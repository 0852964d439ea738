"""How every page begins: read the catalogue and the state, draw the controls, or say what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import listed
from dashboard.answers.networks import Network
from dashboard.drawing.palette import Palette, palette
from dashboard.export.stamp import Kind, Stamp
from dashboard.ui import cached, copy_link, messages, point_controls, state
from dashboard.ui.state import State
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened page.

    Attributes:
        catalogue: the checkpoints on this machine; at least one.
        shared: the state that all pages share.
        point: the operating point in use.
        colours: palette of the theme.
    """

    catalogue: Catalogue
    shared: State
    point: OperatingPoint
    colours: Palette

    @property
    def card(self) -> Card:
        """Card of the checkpoint in use."""
        return self.point.card

    @property
    def budget(self) -> float | None:
        """Budget in percent, for an every-budget checkpoint; None for any other."""
        return self.point.budget

    @property
    def in_words(self) -> str:
        """The operating point in words, with its data set if the checkpoints here are of several."""
        return self.told(self.point)

    def told(self, point: OperatingPoint) -> str:
        """The same of another operating point."""
        several = len({card.dataset for card in self.catalogue.cards}) > 1
        return point.with_data_set if several else point.in_words

    @property
    def has_test_figures(self) -> bool:
        """Whether the card's test figures were measured at this operating point."""
        return operating.is_cards(self.point)

    def at(self, point: OperatingPoint) -> Opened:
        """This page at another operating point, also of another checkpoint. The controls do not change."""
        return replace(self, point=point, shared=replace(self.shared, checkpoint=point.card.name, budget=point.budget))

    def stamp(self, kind: Kind, *cards: Card, cost: str | None = None) -> Stamp:
        """The provenance stamp of a view of this page.

        Args:
            kind: what its figures are.
            cards: of the checkpoints shown; by default the one in use.
            cost: name of the measure of cost that it shows, empty if none; by default the one in use.
        """
        cards = cards or (self.card,)
        (name, weights), *others = dict.fromkeys((card.name, card.weights_sha256) for card in cards)
        return Stamp(
            checkpoint=name,
            weights_sha256=weights,
            cost=MEASURES[self.shared.cost].name if cost is None else cost,
            kind=kind,
            link=state.link(self.shared, self.catalogue, whole=True),
            others=tuple(others),
            network=listed(dict.fromkeys(Network.of(card).in_words for card in cards)),
        )


def open_page(choose: bool = True, measure: bool = True, forms: Mapping[str, str] | None = None) -> Opened:
    """Begin a page; if there is no checkpoint, say so and stop the run.

    Args:
        choose: whether to draw the controls of the operating point.
        measure: whether to draw the control of the measure of cost; not on a page that shows one measure only.
        forms: the page's own URL parameters, as ``links.from_query`` takes them.
    """
    catalogue = cached.catalogue()
    messages.problems(catalogue)
    if not catalogue.cards:
        messages.no_checkpoints(catalogue)
        st.stop()
    cached.shared_predictor().hold_back()
    shared = state.open_state(catalogue, forms or {})
    if choose:
        point = point_controls.choose_point(catalogue, shared, point_controls.ControlGroup(measure=measure))
    else:
        point = OperatingPoint(catalogue.named(shared.checkpoint) or catalogue.default, shared.budget)
    copy_link.copy_link()
    return Opened(catalogue, shared, point, palette(st.context.theme.type))
