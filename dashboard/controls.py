"""The controls that choose a checkpoint: method, budget, alpha. They always show what is in use, never a mere wish."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.catalogue import Catalogue, Family, Held, describe, format_alpha
from dfs_core.checkpoint import Card

METHOD, BUDGET, ALPHA, RUN = "method", "budget_control", "alpha_control", "run_control"
ROOM = 36  # characters of method titles that fit beside each other


def choose_checkpoint(catalogue: Catalogue, shared: state.State) -> Card:
    """Draw the controls and return the checkpoint in use, with a note where it is not what was asked for."""
    card = catalogue.named(shared.checkpoint) or catalogue.default
    family = catalogue.family_of(card)
    twins = family.twins(card)
    with st.container(key="controls"):
        places = st.columns([30, 38, 32] if len(twins) == 1 else [27, 31, 22, 20], gap="large")
        with places[0]:
            _method(catalogue, family, card)
        with places[1]:
            _budget(family, card)
        with places[2]:
            _alpha(family, card)
        if len(twins) > 1:
            with places[3]:
                _run(twins, card)
    if shared.note:
        st.warning(shared.note, icon=":material/alt_route:")
    return card


def _method(catalogue: Catalogue, family: Family, card: Card) -> None:
    titles = [other.title for other in catalogue.families]
    st.session_state[METHOD] = family.title

    def chosen() -> None:
        wished = next(f for f in catalogue.families if f.title == st.session_state[METHOD])
        budget = card.budget if wished.budgets else None
        alpha = card.alpha if wished.alphas else None
        found, note = wished.choose(budget, alpha)
        state.change(checkpoint=found.name, note=note)

    if len(" ".join(titles)) < ROOM:
        st.segmented_control(
            "Method", titles, key=METHOD, on_change=chosen, help=_METHOD_HELP, required=True, wrap=True
        )
    else:
        st.selectbox("Method", titles, key=METHOD, on_change=chosen, help=_METHOD_HELP)


def _budget(family: Family, card: Card) -> None:
    if len(family.budgets) < 2:
        _fixed("Budget", "none: this network always costs the same" if card.budget is None else f"{card.budget:g} %")
        return
    st.session_state[BUDGET] = card.budget
    st.select_slider(
        "Budget: cp that it was trained to spend",
        family.budgets,
        format_func=lambda budget: f"{budget:g} %",
        key=BUDGET,
        on_change=_pair_chosen,
        args=(family, card, "budget"),
    )


def _alpha(family: Family, card: Card) -> None:
    if len(family.alphas) < 2:
        _fixed("Alpha", "none" if card.alpha is None else format_alpha(card.alpha))
        return
    st.session_state[ALPHA] = card.alpha
    st.segmented_control(
        "Alpha: how hard training pulled towards it",
        family.alphas,
        format_func=format_alpha,
        key=ALPHA,
        required=True,
        wrap=True,
        on_change=_pair_chosen,
        args=(family, card, "alpha"),
        help="Trained pairs: " + "; ".join(_pairs(family)) + ".",
    )


def _run(twins: tuple[Card, ...], card: Card) -> None:
    names = [twin.name for twin in twins]
    st.session_state[RUN] = card.name
    st.selectbox(
        "Run",
        names,
        key=RUN,
        on_change=lambda: state.change(checkpoint=st.session_state[RUN], note=""),
        help=f"{len(names)} checkpoints were trained for {describe(card)}.",
    )


def _pair_chosen(family: Family, card: Card, hold: Held) -> None:
    """What was just moved stays; the other gives way if the pair was not trained, and a note says so."""
    budget = st.session_state.get(BUDGET, card.budget) if hold == "budget" else card.budget
    alpha = st.session_state.get(ALPHA, card.alpha) if hold == "alpha" else card.alpha
    found, note = family.choose(budget, alpha, hold=hold, near=card)
    state.change(checkpoint=found.name, note=note)


def _pairs(family: Family) -> list[str]:
    return [
        f"{format_alpha(alpha)} at {', '.join(f'{b:g}' for b in family.with_alpha(alpha))} %" for alpha in family.alphas
    ]


def _fixed(label: str, text: str) -> None:
    """In the place of a control that has nothing to choose from."""
    st.html(f'<div class="dfs-fixed"><span>{label}</span><b>{text}</b></div>')


_METHOD_HELP = (
    "DFS chooses per image and block between skipping, a few bits and full precision. SkipNet can only skip or run in"
    " full. The backbone is the plain network that both started from."
)
