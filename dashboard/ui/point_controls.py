"""The controls for an operating point (network, method, budget, alpha) and for the measure of cost.

They show what is in use. If a choice cannot be met, they move to the nearest possible one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Literal, NamedTuple

import streamlit as st

from dashboard.answers import nearest, operating
from dashboard.answers.catalogue import Catalogue, Family, Held
from dashboard.answers.costs import MEASURES
from dashboard.answers.networks import Network
from dashboard.ui import messages, state
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import DIGITS, OperatingPoint
from dfs_core.checkpoints.words import format_alpha, format_number, option_label
from dfs_core.model.options import FULL_BITS
from dfs_core.model.prices import price_of

NETWORK, METHOD, RUN = "network", "method", "run"
ROOM, ROOM_BESIDE = 36, 24  # characters of method titles that fit side by side: alone, and beside the network
_COST_WIDTH = 17  # percent of the width of all other controls together
_NETWORK_WIDTH = 29  # likewise
_WHY = (
    "Budget and price are one setting: the price is what a full block is charged, and the budget is the cp that is"
    " spent at that price. If you move one, the other follows, by a table measured on validation images."
)
COST = "cost"
BUDGET, ALPHA = "budget", "alpha"
_ASKED, _KEPT = "alpha_asked", "cp_kept"


class Wish(NamedTuple):
    """What a change of method or network is to keep: the cp in percent, if it is known, and a card with the method."""

    cp: float | None
    like: Card


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The controls of one operating point: the shared one, or a page's second one.

    Attributes:
        prefix: of the controls' names.
        move: sets ``checkpoint``, ``budget`` and ``note``, as ``state.change`` does. Only that one also gets ``image``,
            ``gallery`` and ``page``: the page shows its test images.
        brief: whether labels are short.
        measure: whether the measure of cost is among the controls; once a page at most.
    """

    prefix: str = ""
    move: Callable[..., None] = state.change
    brief: bool = False
    measure: bool = True

    def showing(self, name: str, value: Any) -> state.Control:
        """The control of this group with that name, showing ``value``."""
        return state.Control.showing(self.prefix + name, value)

    def label(self, text: str) -> str:
        """The label, or only the part before its colon if labels are short."""
        return text.partition(":")[0] if self.brief else text

    def wish(self, point: OperatingPoint) -> Wish:
        """What to keep when the method or the network changes.

        It is what was in use before the first of several such changes: a method that cannot meet its cp does not end
        it, nor does a network that lacks its method.
        """
        kept: tuple[Wish, str, float | None] | None = st.session_state.get(self.prefix + _KEPT)
        if kept is not None and kept[1:] == (point.card.name, point.budget):
            return kept[0]
        return Wish(nearest.cp_of(point), point.card)

    def follow(self, point: OperatingPoint, note: str, wish: Wish, **more: Any) -> None:
        """Use another method's or network's operating point, and remember the wish that it was chosen for."""
        st.session_state[self.prefix + _KEPT] = wish, point.card.name, point.budget
        self.move(checkpoint=point.card.name, budget=point.budget, note=note, **more)


SHARED = ControlGroup()


def fixed(label: str, text: str) -> None:
    """A value in the place of a control, where there is only one to choose."""
    st.html(f'<div class="dfs-fixed"><span>{escape(label)}</span><b>{escape(text)}</b></div>')


def choose_point(catalogue: Catalogue, shared: state.State, group: ControlGroup = SHARED) -> OperatingPoint:
    """Draw the controls and return the operating point in use; show the state's note, if it has one.

    Args:
        catalogue: the checkpoints on this machine.
        shared: the state, with the checkpoint and the budget to show.
        group: the controls to draw.
    """
    card = catalogue.named(shared.checkpoint) or catalogue.default
    point = OperatingPoint(card, shared.budget)
    family = catalogue.family_of(card)
    twins = family.twins(card)
    constant_cost = shared.budget is None and card.budget is None
    with st.container(key=f"{group.prefix}controls"):
        widths = [30, 70] if constant_cost else [30, 38, 32] if len(twins) == 1 else [27, 31, 22, 20]
        gap: Literal["small", "large"] = "small" if group.brief else "large"
        several = len(catalogue.networks) > 1
        if several and group.brief:  # half a page has no room for all of them side by side
            _network(catalogue, point, shared, group)
        beside = [_NETWORK_WIDTH] if several and not group.brief else []
        cost = _COST_WIDTH + 5 * bool(beside)  # with one more gap, its label would not fit in a line
        places = st.columns([*beside, *widths, *([cost] if group.measure else [])], gap=gap)
        if beside:
            with places.pop(0):
                _network(catalogue, point, shared, group)
        with places[0]:
            _method(catalogue, family, point, group)
        if constant_cost:
            with places[1]:
                _checkpoint(twins, card, group)
        elif shared.budget:
            with places[1]:
                _every_budget(point, group)
            with places[2]:
                _every_alpha(point, group)
        else:
            with places[1]:
                _trained_budget(family, card, group)
            with places[2]:
                _trained_alpha(family, card, group)
        if not constant_cost and len(twins) > 1:
            with places[3]:
                _run(twins, card, group)
        if group.measure:
            with places[-1]:
                choose_measure(shared)
        if shared.budget and not group.brief:
            st.caption(_WHY)
    if shared.note:
        st.warning(messages.plain(shared.note), icon=":material/alt_route:")
    return point


def _network(catalogue: Catalogue, point: OperatingPoint, shared: state.State, group: ControlGroup) -> None:
    """The control of the network, which keeps method and cost where it can."""
    used = Network.of(point.card)
    control = group.showing(NETWORK, used)

    def choose(network: Network) -> None:
        wish = group.wish(point)
        like = wish.like if catalogue.named(wish.like.name) else point.card  # it may be gone
        found, note = nearest.on_network(catalogue, network, like, wish.cp, nearest.cp_of(point))
        own = group.move is state.change  # a second group changes neither the images nor what the page filters
        more, removed = state.to_another_network(shared, used, network) if own else ({}, "")
        group.follow(found, f"{note} {removed}".strip(), wish, **more)

    st.selectbox(
        "Network",
        catalogue.networks,
        catalogue.networks.index(used),
        format_func=lambda network: network.in_words,
        key=control.key,
        on_change=control.choice(choose),
        help="Methods are compared within one network: one depth, trained on one data set.",
    )


def _method(catalogue: Catalogue, family: Family, point: OperatingPoint, group: ControlGroup) -> None:
    families = {other.title: other for other in catalogue.on(Network.of(point.card)).families}
    titles = list(families)
    control = group.showing(METHOD, family.title)

    def choose(title: str) -> None:
        wish = group.wish(point)
        found, note = nearest.at_cost(families[title], wish.cp, point.card, nearest.cp_of(point))
        group.follow(found, note, Wish(wish.cp, found.card))

    chosen = control.choice(choose)
    if len(" ".join(titles)) < (ROOM if len(catalogue.networks) == 1 else ROOM_BESIDE):
        st.segmented_control(
            "Method",
            titles,
            default=family.title,
            format_func=messages.plain,
            key=control.key,
            on_change=chosen,
            help=_HELP,
            required=True,
            wrap=True,
        )
    else:
        st.selectbox("Method", titles, titles.index(family.title), key=control.key, on_change=chosen, help=_HELP)


def _checkpoint(twins: tuple[Card, ...], card: Card, group: ControlGroup) -> None:
    """The control for families without budgets: which checkpoint."""
    by_name = {one.name: one for one in twins}
    uniform = card.method == "static" and all(len(set(one.config.constant)) == 1 for one in twins)
    constant = all(one.config.policy == "constant" for one in twins)
    label = "Checkpoint: its cost is always the same" if constant else "Checkpoint: its card names no budget"
    if uniform:
        label = "Bits, the same for every image and block"
    if len(twins) == 1:
        fixed(group.label(label), _bits_in_words(card) if uniform else card.name)
        return
    bits = Counter(map(_bits_in_words, twins)) if uniform else Counter()

    def in_words(name: str) -> str:
        if not uniform:
            return messages.plain(name)
        said = _bits_in_words(by_name[name])
        return said if bits[said] == 1 else f"{said} ({messages.plain(name)})"  # one's own beside the published one

    control = group.showing(RUN, card.name)
    st.segmented_control(
        group.label(label),
        list(by_name),
        default=card.name,
        format_func=in_words,
        key=control.key,
        required=True,
        wrap=True,
        on_change=control.choice(lambda name: group.move(checkpoint=name, budget=None, note="")),
    )


def _bits_in_words(card: Card) -> str:
    """The bits of a static network: ``3 bits``, and those of stem, first block and classifier if these are not full."""
    bits = option_label(card.config.constant[0])
    return bits if card.config.ungated == FULL_BITS else f"{bits}, ungated parts {card.config.ungated} bits"


def _run(twins: tuple[Card, ...], card: Card, group: ControlGroup) -> None:
    names = [twin.name for twin in twins]
    control = group.showing(RUN, card.name)
    st.selectbox(
        "Run",
        names,
        names.index(card.name),
        key=control.key,
        on_change=control.choice(lambda name: group.move(checkpoint=name, note="")),
        help=f"{len(names)} checkpoints were trained alike, or their cards name no budget; choose one.",
    )


_HELP = (
    "DFS chooses for each image and block: skip, run at a few bits, or run in full. DFS every budget is one network"
    " for any budget. SkipNet chooses only between skip and full. BlockDrop decides for all blocks at once. A cascade"
    " runs the whole network cheaply, and again at more bits where its answer is in doubt. Static networks decide the"
    " same for every image: mixed has its own bits in each block, uniform the same in all. A backbone is the plain"
    " network that the others are trained from."
)


def choose_measure(shared: state.State, width: int | Literal["stretch"] = "stretch") -> None:
    """The control of the measure of cost, which all pages share.

    Args:
        shared: the state, with the measure in use.
        width: in pixels, or ``stretch`` to fill the container.
    """
    control = state.Control.showing(COST, shared.cost)
    st.selectbox(
        "Cost measured as",
        list(MEASURES),
        list(MEASURES).index(shared.cost),
        format_func=lambda cost: MEASURES[cost].name,
        key=control.key,
        on_change=control.choice(lambda cost: state.change(cost=cost)),
        help="\n\n".join(f"**{measure.name}**: {measure.about}" for measure in MEASURES.values()),
        width=width,
    )


def _trained_budget(family: Family, card: Card, group: ControlGroup) -> None:
    """The control of a trained budget."""
    assert card.budget is not None
    if len(family.budgets) < 2:
        fixed("Budget", f"{card.budget:g} %")
        return
    control = group.showing(BUDGET, card.budget)
    st.select_slider(
        group.label(f"Budget: the {'time' if card.for_time else 'cp'} it was trained to spend"),
        family.budgets,
        card.budget,
        format_func=lambda budget: f"{budget:g} %",
        key=control.key,
        on_change=control.choice(lambda budget: _choose(group, family, card, budget, card.alpha, "budget")),
    )


def _trained_alpha(family: Family, card: Card, group: ControlGroup) -> None:
    """The control of a trained alpha."""
    if card.alpha is None or len(family.alphas) < 2:
        fixed("Alpha", "none" if card.alpha is None else format_alpha(card.alpha))
        return
    control = group.showing(ALPHA, card.alpha)
    st.segmented_control(
        group.label("Alpha: weight of the cost"),
        family.alphas,
        default=card.alpha,
        format_func=format_alpha,
        key=control.key,
        required=True,
        wrap=True,
        on_change=control.choice(lambda alpha: _choose(group, family, card, card.budget, alpha, "alpha")),
        help="Trained pairs: " + "; ".join(_pairs(family)) + ".",
    )


def _every_budget(point: OperatingPoint, group: ControlGroup) -> None:
    """The budget slider of an every-budget checkpoint."""
    assert point.budget is not None
    _log_slider(
        group.showing(BUDGET, point.budget),
        group.label("Budget: average cp to spend, log scale"),
        operating.positions(*operating.budget_bounds(point.card), point.budget),
        point.budget,
        lambda value: f"{value:.4g} %",
        lambda value: group.move(budget=value, note=""),
    )


def _every_alpha(point: OperatingPoint, group: ControlGroup) -> None:
    """The price slider of an every-budget checkpoint: shows the budget's price and sets the chosen price's budget.

    Its values are alphas: prices in the unit of the training's weight. A link may ask for one.
    """
    card = point.card
    # Several alphas can round to the same budget. Then the slider keeps the one that the user chose.
    asked = st.session_state.get(group.prefix + _ASKED)
    alpha = asked if asked and operating.budget_for(card, asked) == point.budget else point.alpha
    assert alpha is not None

    def choose(value: float) -> None:
        st.session_state[group.prefix + _ASKED] = value
        group.move(budget=operating.budget_for(card, value), note="")

    _log_slider(
        group.showing(ALPHA, alpha),
        "Price" if group.brief else "Price of a full block, log scale",
        operating.positions(*operating.alpha_bounds(card), alpha),
        alpha,
        lambda value: format_number(price_of(value), DIGITS),
        choose,
    )


def _log_slider(
    control: state.Control,
    label: str,
    values: list[float],
    value: float,
    write: Callable[[float], str],
    action: Callable[[float], None],
) -> None:
    values = operating.told_apart(values, value, write)
    st.select_slider(label, values, value, format_func=write, key=control.key, on_change=control.choice(action))


def _choose(
    group: ControlGroup, family: Family, card: Card, budget: float | None, alpha: float | None, hold: Held
) -> None:
    """Keep the value that was just moved (``hold``); if the pair was not trained, change the other, with a note."""
    found, note = family.choose(budget, alpha, hold=hold, near=card)
    group.move(checkpoint=found.name, note=note)


def _pairs(family: Family) -> list[str]:
    return [
        f"{format_alpha(alpha)} at {', '.join(f'{b:g}' for b in family.with_alpha(alpha))} %" for alpha in family.alphas
    ]
