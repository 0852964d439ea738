"""The upper panels of the laboratory: whether the checkpoint can be tuned, and the settings of the next run."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard.answers.networks import Network
from dashboard.answers.pictures import Picture
from dashboard.laboratory import runs
from dashboard.laboratory.cached import laboratory
from dashboard.laboratory.jobs import Job
from dashboard.ui import cached, messages, state
from dashboard.ui.page import Opened
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import format_alpha
from dfs_core.data.known import title_of
from dfs_core.errors import UserError
from dfs_core.training.lab_run import STEPS, Settings, can_tune

OWNER, REFUSED = "laboratory_owner", "laboratory_refused"
USUAL_START = 20.0  # percent: a budget with lower and higher targets far enough away
INTRODUCTION = (
    "In training, the *signed cost* pushes the gates towards cheaper options while cp is above the target, and towards"
    " more expensive ones while it is below. **Alpha** says how hard. Watch it here: choose a target and an alpha, and"
    " the gates of the checkpoint in use are fine-tuned for a few dozen steps. The rest of the network does not change,"
    " nor does the checkpoint."
)
NO_DATA = (
    "The training images are not on this machine, so a run learns from the images shown here. Such a toy run shows how"
    " cp follows its target, but its result says nothing about other images."
)


def owner() -> str:
    """The session's identity in the laboratory."""
    return st.session_state.setdefault(OWNER, uuid.uuid4().hex)


def has_data(page: Opened) -> bool:
    """Whether the training images of the checkpoint's data set are on this machine."""
    return cached.has_training_images(page.card)


def current(page: Opened) -> Job | None:
    """The run that the link names; None if it names none, or the run is gone or of another network."""
    key = page.shared.page.get("run", "")
    job = laboratory().jobs.get(key) if key else None
    return job if job and Network.of(job.about.parent) == Network.of(page.card) else None


def cannot(page: Opened) -> bool:
    """Whether this checkpoint cannot be tuned; then show a message that offers checkpoints that can."""
    if can_tune(page.card):
        return False
    near = [card for card in page.catalogue.on(Network.of(page.card)).cards if can_tune(card)]
    others = near or [card for card in page.catalogue.cards if can_tune(card)]
    with st.container(key="elsewhere", border=True):
        st.markdown(
            f"**{messages.plain(page.in_words)}** cannot be tuned here. The laboratory tunes only gates of the paper's"
            " kind that were trained for one budget, and this checkpoint has none."
            + ("" if others else " Train or copy a DFS checkpoint first.")
        )
        if others:
            _go_on_with(page, others)
    return True


def _go_on_with(page: Opened, cards: Sequence[Card]) -> None:
    """A primary button for the most suitable checkpoint, and secondary ones for the others."""
    usual = min(cards, key=lambda card: (abs((card.budget or 0.0) - USUAL_START), card.alpha != runs.PAPER_ALPHA))
    _start_from(page, usual, f"Continue with {_named(page, usual)}", "primary")
    if others := [card for card in cards if card is not usual]:
        st.caption("Or with another checkpoint that has such gates:")
        with st.container(horizontal=True, key="starts"):
            for card in others:
                _start_from(page, card, _named(page, card), "secondary")


def _named(page: Opened, card: Card) -> str:
    """A checkpoint in words, with its data set where that is another one."""
    elsewhere = "" if card.dataset == page.card.dataset else f" on {title_of(card.dataset)}"
    return messages.plain(OperatingPoint(card).in_words + elsewhere)


def _start_from(page: Opened, card: Card, label: str, kind: Literal["primary", "secondary"]) -> None:
    st.button(
        label,
        key=f"start_{card.name}",
        type=kind,
        icon=":material/arrow_forward:" if kind == "primary" else None,
        on_click=state.use_checkpoint,
        args=(card, page.card),
    )


def wish(page: Opened) -> Settings:
    """The settings that the link asks for."""
    return runs.settings_from(page.shared.page, page.card)


def form(page: Opened, pictures: Sequence[Picture] | None) -> Settings:
    """Draw the controls of the next run and its start button, and return the settings.

    Args:
        page: the opened page.
        pictures: training images if the data set is missing; else None.
    """
    asked = wish(page)
    with st.container(key="wish", horizontal=True, vertical_alignment="bottom", gap="medium"):
        target = state.Control.showing("target", asked.budget)
        st.number_input(
            "Target: cp to reach, %",
            *runs.BUDGETS,
            asked.budget,
            step=1.0,
            format="%g",
            key=target.key,
            on_change=target.choice(lambda value: state.change(page={"target": f"{value:g}"})),
            width=170,
        )
        pull = state.Control.showing("pull", asked.alpha)
        st.select_slider(
            "Alpha: how hard training enforces it",
            runs.alphas(asked.alpha),
            asked.alpha,
            format_func=lambda value: format_alpha(value, 3),
            key=pull.key,
            on_change=pull.choice(lambda value: state.change(page={"pull": format_alpha(value, 3)})),
            help="The paper trains with 5e-6. In a run as short as this, that changes trained gates very little."
            " You can try any value between 1e-7 and 1e-3.",
            width=330,
        )
        steps = state.Control.showing("steps", asked.steps)
        st.slider(
            "Steps",
            *STEPS,
            asked.steps,
            10,
            key=steps.key,
            on_change=steps.choice(lambda value: state.change(page={"steps": str(value)})),
            width=240,
        )
        busy = any(not other.ended for other in laboratory().jobs.of(owner()))
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key="start",
            disabled=busy,
            on_click=_start,
            args=(page.card, pictures),
        )
    shown = current(page)
    for job in (job for job in laboratory().jobs.of(owner()) if not job.ended and job is not shown):
        st.info(f"Your run from {_named(page, job.about.parent)} goes on.", icon=":material/pending:")
        st.button("Show it", key=f"show_{job.key}", on_click=_show, args=(job, page.card))
    if refused := st.session_state.pop(REFUSED, ""):
        st.error(messages.plain(refused), icon=":material/error:")
    return asked


def _show(job: Job, before: Card) -> None:
    """Go to the checkpoint that a run started from, and to the run."""
    if job.about.parent.name != before.name:
        state.use_checkpoint(job.about.parent, before)
    state.change(page={"run": job.key})


def _start(card: Card, pictures: Sequence[Picture] | None) -> None:
    """Start a run with the settings in the state, which include changes that came with the click."""
    wish = runs.settings_from(state.current().page, card)
    data_dir = cached.data_dir() if pictures is None else None
    try:
        job = laboratory().start(owner(), card, wish, data_dir, pictures or ())
    except UserError as error:
        st.session_state[REFUSED] = str(error)
    else:
        state.change(page={"run": job.key})
