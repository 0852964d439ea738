"""The controls that choose an operating point, method, budget and alpha, and the measure of its cost.

They show what is in use, never a mere wish.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.family import Family
from dashboard.answers.naming import describe, option_label
from dashboard.ui import budget_controls, messages, state
from dashboard.ui.measure import choose_measure
from dashboard.ui.seat import SHARED, Seat, fixed
from dfs_core.checkpoints.card import Card

METHOD, RUN = "method", "run"
ROOM = 36  # characters of method titles that fit beside each other
_COST_WIDTH = 17  # percent of what the other controls have together


def choose_point(catalogue: Catalogue, shared: state.State, seat: Seat = SHARED) -> tuple[Card, float | None]:
    """Draw the controls and return the operating point, with a note where it is not what was asked for.

    Args:
        catalogue: the checkpoints on this machine.
        shared: the state, with the checkpoint and the budget that the controls are to show.
        seat: whose choice it is.

    Returns:
        The checkpoint's card, and the budget in percent that is asked of it: None unless it serves every budget.
    """
    card = catalogue.named(shared.checkpoint) or catalogue.default
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
                budget_controls.every_budget(card, shared.budget, seat)
            with places[2]:
                budget_controls.every_alpha(card, shared.budget, seat)
        else:
            with places[1]:
                budget_controls.trained_budget(family, card, seat)
            with places[2]:
                budget_controls.trained_alpha(family, card, seat)
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
    return card, shared.budget


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
        format_func=lambda name: option_label(*bits[name]) if uniform else name,
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
        help=f"{len(names)} checkpoints were trained for {describe(card)}.",
    )


_WHY = (
    "Budget and alpha are two views of one setting: alpha is the price of computation, budget what is spent at that"
    " price. Moving one moves the other, by a table that was measured on validation images."
)
_HELP = (
    "DFS chooses per image and block between skipping, a few bits and full precision; SkipNet can only skip or run in"
    " full; BlockDrop decides for all blocks at once; static networks decide the same for every image. A backbone is"
    " a plain network that others start from."
)
