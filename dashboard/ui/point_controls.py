"""The controls that choose an operating point, method, budget and alpha, and the measure of its cost.

They show what is in use, never a mere wish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue, Family, Held
from dashboard.answers.costs import MEASURES
from dashboard.ui import messages, state
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import DIGITS, OperatingPoint
from dfs_core.checkpoints.words import format_alpha, option_label

METHOD, RUN = "method", "run"
ROOM = 36  # characters of method titles that fit beside each other
_COST_WIDTH = 17  # percent of what the other controls have together
_WHY = (
    "Budget and alpha are two views of one setting: alpha is the price of computation, budget what is spent at that"
    " price. Moving one moves the other, by a table that was measured on validation images."
)
COST = "cost"
BUDGET, ALPHA = "budget", "alpha"
_ASKED = "alpha_asked"


@dataclass(frozen=True, slots=True)
class Seat:
    """Which operating point the controls choose: the one that pages share, or another that a page has beside it.

    Attributes:
        prefix: of the controls' names.
        move: takes ``checkpoint``, ``budget`` and ``note``, as ``state.change`` does.
        brief: whether there is room for short labels only.
        measure: whether the measure of cost is chosen here too: only once on a page that shows costs.
    """

    prefix: str = ""
    move: Callable[..., None] = state.change
    brief: bool = False
    measure: bool = True

    def showing(self, name: str, value: Any) -> state.Control:
        """The control of that name in this seat, which is to show ``value``."""
        return state.Control.showing(self.prefix + name, value)

    def label(self, text: str) -> str:
        """A label: all of it, or what stands before its colon."""
        return text.partition(":")[0] if self.brief else text


SHARED = Seat()


def fixed(label: str, text: str) -> None:
    """In the place of a control that has nothing to choose from."""
    st.html(f'<div class="dfs-fixed"><span>{escape(label)}</span><b>{escape(text)}</b></div>')


def choose_point(catalogue: Catalogue, shared: state.State, seat: Seat = SHARED) -> OperatingPoint:
    """Draw the controls and return the operating point, with a note where it is not what was asked for.

    Args:
        catalogue: the checkpoints on this machine.
        shared: the state, with the checkpoint and the budget that the controls are to show.
        seat: whose choice it is.

    Returns:
        What is in use; its budget is None unless the checkpoint serves every budget.
    """
    card = catalogue.named(shared.checkpoint) or catalogue.default
    point = OperatingPoint(card, shared.budget)
    family = catalogue.family_of(card)
    twins = family.twins(card)
    steady = shared.budget is None and card.budget is None  # it always costs the same
    with st.container(key=f"{seat.prefix}controls"):
        widths = [30, 70] if steady else [30, 38, 32] if len(twins) == 1 else [27, 31, 22, 20]
        gap: Literal["small", "large"] = "small" if seat.brief else "large"
        places = st.columns([*widths, _COST_WIDTH] if seat.measure else widths, gap=gap)
        with places[0]:
            _method(catalogue, family, card, seat)
        if steady:
            with places[1]:
                _network(twins, card, seat)
        elif shared.budget:
            with places[1]:
                _every_budget(point, seat)
            with places[2]:
                _every_alpha(point, seat)
        else:
            with places[1]:
                _trained_budget(family, card, seat)
            with places[2]:
                _trained_alpha(family, card, seat)
        if not steady and len(twins) > 1:
            with places[3]:
                _run(twins, card, seat)
        if seat.measure:
            with places[-1]:
                choose_measure(shared)
        if shared.budget and not seat.brief:
            st.caption(_WHY)
    if shared.note:
        st.warning(messages.plain(shared.note), icon=":material/alt_route:")
    return point


def _method(catalogue: Catalogue, family: Family, card: Card, seat: Seat) -> None:
    titles = [other.title for other in catalogue.families]
    control = seat.showing(METHOD, family.title)

    def choose(title: str) -> None:
        wished = next(other for other in catalogue.families if other.title == title)
        budget = card.budget if wished.budgets else None
        alpha = card.alpha if wished.alphas else None
        found, note = wished.choose(budget, alpha)
        seat.move(checkpoint=found.name, budget=None, note=note)

    chosen = control.choice(choose)
    if len(" ".join(titles)) < ROOM:
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


def _network(twins: tuple[Card, ...], card: Card, seat: Seat) -> None:
    """In the place of budget and alpha: which of the networks of a family that always cost the same."""
    bits = {one.name: set(one.config.constant) for one in twins}
    uniform = card.method == "static" and all(len(found) == 1 for found in bits.values())
    label = "Bits, the same for every image and block" if uniform else "Network, which always costs the same"
    if len(twins) == 1:
        fixed(label, card.name)
        return
    control = seat.showing(RUN, card.name)
    st.segmented_control(
        seat.label(label),
        list(bits),
        default=card.name,
        format_func=lambda name: option_label(*bits[name]) if uniform else messages.plain(name),
        key=control.key,
        required=True,
        wrap=True,
        on_change=control.choice(lambda name: seat.move(checkpoint=name, budget=None, note="")),
    )


def _run(twins: tuple[Card, ...], card: Card, seat: Seat) -> None:
    names = [twin.name for twin in twins]
    control = seat.showing(RUN, card.name)
    st.selectbox(
        "Run",
        names,
        names.index(card.name),
        key=control.key,
        on_change=control.choice(lambda name: seat.move(checkpoint=name, note="")),
        help=f"{len(names)} checkpoints were trained for {messages.plain(OperatingPoint(card).in_words)}.",
    )


_HELP = (
    "DFS chooses per image and block between skipping, a few bits and full precision; SkipNet can only skip or run in"
    " full; BlockDrop decides for all blocks at once; static networks decide the same for every image. A backbone is"
    " a plain network that others start from."
)


def choose_measure(shared: state.State, width: int | Literal["stretch"] = "stretch") -> None:
    """The measure by which all pages show costs.

    Args:
        shared: the state, with the measure in use.
        width: in pixels, or as wide as its place.
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


def _trained_budget(family: Family, card: Card, seat: Seat) -> None:
    """The budgets in percent that a family was trained for."""
    assert card.budget is not None
    if len(family.budgets) < 2:
        fixed("Budget", f"{card.budget:g} %")
        return
    control = seat.showing(BUDGET, card.budget)
    st.select_slider(
        seat.label("Budget: cp that it was trained to spend"),
        family.budgets,
        card.budget,
        format_func=lambda budget: f"{budget:g} %",
        key=control.key,
        on_change=control.choice(lambda budget: _choose(seat, family, card, budget, card.alpha, "budget")),
    )


def _trained_alpha(family: Family, card: Card, seat: Seat) -> None:
    """The alphas that a family was trained with."""
    if card.alpha is None or len(family.alphas) < 2:
        fixed("Alpha", "none" if card.alpha is None else format_alpha(card.alpha))
        return
    control = seat.showing(ALPHA, card.alpha)
    st.segmented_control(
        seat.label("Alpha: how hard training pulled towards it"),
        family.alphas,
        default=card.alpha,
        format_func=format_alpha,
        key=control.key,
        required=True,
        wrap=True,
        on_change=control.choice(lambda alpha: _choose(seat, family, card, card.budget, alpha, "alpha")),
        help="Trained pairs: " + "; ".join(_pairs(family)) + ".",
    )


def _every_budget(point: OperatingPoint, seat: Seat) -> None:
    """All budgets in percent that a checkpoint serves."""
    assert point.budget is not None
    _log_slider(
        seat.showing(BUDGET, point.budget),
        seat.label("Budget: average cp to spend, on a logarithmic scale"),
        operating.positions(*operating.budget_bounds(point.card), point.budget),
        point.budget,
        lambda value: f"{value:.4g} %",
        lambda value: seat.move(budget=value, note=""),
    )


def _every_alpha(point: OperatingPoint, seat: Seat) -> None:
    """The same as alphas: that of the budget is shown, and one that is chosen leads to its budget."""
    card = point.card
    # Several alphas can lead to budgets that are the same to all their digits: the one that was chosen stays.
    asked = st.session_state.get(seat.prefix + _ASKED)
    alpha = asked if asked and operating.budget_for(card, asked) == point.budget else point.alpha
    assert alpha is not None

    def choose(value: float) -> None:
        st.session_state[seat.prefix + _ASKED] = value
        seat.move(budget=operating.budget_for(card, value), note="")

    _log_slider(
        seat.showing(ALPHA, alpha),
        seat.label("Alpha: the price of computation, on a logarithmic scale"),
        operating.positions(*operating.alpha_bounds(card), alpha),
        alpha,
        lambda value: format_alpha(value, DIGITS),
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
    st.select_slider(label, values, value, format_func=write, key=control.key, on_change=control.choice(action))


def _choose(seat: Seat, family: Family, card: Card, budget: float | None, alpha: float | None, hold: Held) -> None:
    """What was just moved stays; the other gives way if the pair was not trained, and a note says so."""
    found, note = family.choose(budget, alpha, hold=hold, near=card)
    seat.move(checkpoint=found.name, note=note)


def _pairs(family: Family) -> list[str]:
    return [
        f"{format_alpha(alpha)} at {', '.join(f'{b:g}' for b in family.with_alpha(alpha))} %" for alpha in family.alphas
    ]
