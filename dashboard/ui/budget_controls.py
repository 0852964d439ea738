"""The controls of budget and alpha: those that were trained, or two linked sliders where every budget is served."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.family import Family, Held
from dashboard.answers.naming import format_alpha
from dashboard.ui.seat import Seat, fixed
from dfs_core.checkpoints.card import Card

BUDGET, ALPHA = "budget", "alpha"
_ASKED = "alpha_asked"


def trained_budget(family: Family, card: Card, seat: Seat) -> None:
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


def trained_alpha(family: Family, card: Card, seat: Seat) -> None:
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


def every_budget(card: Card, budget: float, seat: Seat) -> None:
    """All budgets in percent that a checkpoint serves."""
    bounds = operating.budget_bounds(card)
    _log_slider(
        seat,
        BUDGET,
        seat.label("Budget: average cp to spend, on a logarithmic scale"),
        operating.positions(*bounds, budget),
        budget,
        lambda value: f"{value:.4g} %",
        lambda value: seat.move(budget=value, note=""),
    )


def every_alpha(card: Card, budget: float, seat: Seat) -> None:
    """The same as alphas: that of the budget is shown, and one that is chosen leads to its budget."""
    # Several alphas can lead to budgets that are the same to all their digits: the one that was chosen stays.
    asked = st.session_state.get(seat.prefix + _ASKED)
    alpha = asked if asked and operating.budget_for(card, asked) == budget else operating.alpha_for(card, budget)

    def choose(value: float) -> None:
        st.session_state[seat.prefix + _ASKED] = value
        seat.move(budget=operating.budget_for(card, value), note="")

    bounds = operating.alpha_bounds(card)
    _log_slider(
        seat,
        ALPHA,
        seat.label("Alpha: the price of computation, on a logarithmic scale"),
        operating.positions(*bounds, alpha),
        alpha,
        lambda value: format_alpha(value, operating.DIGITS),
        choose,
    )


def _log_slider(
    seat: Seat,
    name: str,
    label: str,
    values: list[float],
    value: float,
    write: Callable[[float], str],
    action: Callable[[float], None],
) -> None:
    control = seat.showing(name, value)
    st.select_slider(label, values, value, format_func=write, key=control.key, on_change=control.choice(action))


def _choose(seat: Seat, family: Family, card: Card, budget: float | None, alpha: float | None, hold: Held) -> None:
    """What was just moved stays; the other gives way if the pair was not trained, and a note says so."""
    found, note = family.choose(budget, alpha, hold=hold, near=card)
    seat.move(checkpoint=found.name, note=note)


def _pairs(family: Family) -> list[str]:
    return [
        f"{format_alpha(alpha)} at {', '.join(f'{b:g}' for b in family.with_alpha(alpha))} %" for alpha in family.alphas
    ]
