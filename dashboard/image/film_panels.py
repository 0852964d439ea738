"""The lower panels of Image: the gate film, and the stability of the decisions."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.answers.naming import class_name, counted, plain, unbroken
from dashboard.answers.times import alone
from dashboard.export.view import View
from dashboard.image import film_chart, stability_chart, tables
from dashboard.image.film import Film, StaysRight, stays_right
from dashboard.image.layout import FRAME_PARAM
from dashboard.image.question_panel import Answer, ask_stability, go_to
from dashboard.ui import cached, state
from dashboard.ui.show import picked, show
from dfs_core.model.config import PRICED, ModelConfig
from dfs_core.timing.calibration import Calibration

FRAME, FILM, STABLE = "film_frame", "film", "stability"


def film(answer: Answer) -> None:
    """The gate film with its slider, and the smallest budget from which the prediction stays right."""
    page, config, reel = answer.page, answer.page.card.config, answer.film
    if reel is None:
        why = "The prices of this network were not measured"
        if config.policy not in PRICED:
            why = "This network decides the same at every budget"
        st.caption(f"{why}, so there is no gate film.")
        return
    st.markdown("### Gate film")
    found = stays_right(reel.labels, answer.picture.truth)
    names = [film_chart.position_text(reel, frame) for frame in range(len(reel.positions))]
    here = reel.nearest(answer.where)
    static = not config.has_gates
    what, free = ("block", "no block is forced") if static else ("gate", _ALL_FREE)
    unforced = f" In the film, {free}." if answer.what_if.gates else ""
    control, clock = state.Control.showing(FRAME, here), cached.calibration(config)
    with st.container(key="film_slider"):
        st.select_slider(
            _slider_in_words(reel, names[here], answer.where),
            range(len(names)),
            here,
            format_func=names.__getitem__,
            key=control.key,
            on_change=control.choice(lambda frame: go_to(reel, frame)),
        )
    view = View(
        key=FILM,
        title=f"Gate film of {answer.picture.name}, {page.card.name}",
        draw=lambda colours: film_chart.gate_film(reel, answer.subject, answer.where, found, colours),
        tables={
            "frames": lambda: tables.frame_rows(reel, answer.picture, config, clock),
            "decisions": lambda: tables.film_rows(reel, config),
        },
        alt=f"Decisions of {config.gated_blocks} {what}s at {len(names)} points",
        finding=stays_right_in_words(answer, found),
        stamp=replace(page.stamp("the images shown"), machine="" if clock is None else clock.in_words),
        notes=(_DIAL if reel.dial else f"Each column is a budget, each row a {what}. The predictions are on top.")
        + unforced,
    )
    show(view, page.colours, lambda: _frame_picked(answer), FRAME_PARAM)
    timed = "" if clock is None else f" {_timed(reel, here, config, clock)}"
    stays = plain(unbroken(stays_right_in_words(answer, found)))
    st.caption(f"{stays}{timed}{unforced}{' ' + _DIAL if reel.dial else ''}")


def stability(answer: Answer) -> None:
    """Which gates flip under changes that do not change the class."""
    page, config = answer.page, answer.page.card.config
    st.markdown("### Stability")
    variants, free = ask_stability(answer), answer.what_if.free
    pixels = f"the {config.image_size} x {config.image_size} pixels that the network sees"
    moved = [variant.name for variant in variants if variant.trace.label != free.label]
    words = f"The prediction changes: {', '.join(moved)}." if moved else "The prediction stays the same."
    other = [variant for variant in variants if len(variant.trace.passes) != len(free.passes)]
    if free.passes:
        made = ", ".join(f"{variant.name} {len(variant.trace.passes)}" for variant in other)
        words += f" Passes: {len(free.passes)} as given{f'; {made}' if made else ', and after every change'}."
    view = View(
        key=STABLE,
        title=f"Stability of {answer.picture.name} under mirror and JPEG, {answer.in_words}",
        draw=lambda colours: stability_chart.stability_diff(free, variants, answer.picture, config, colours),
        tables={"stability": lambda: tables.stability_rows(free, variants, answer.picture, config)},
        alt="Decisions for the image as given, mirrored and after JPEG",
        finding=words,
        stamp=page.stamp("the images shown"),
        notes=f"The image is mirrored and compressed at {pixels}."
        + (" Framed gates flip." if config.has_gates else ""),
    )
    show(view, page.colours)
    gates = f"; {_ALL_FREE}" if config.has_gates else ""
    st.caption(f"{words} The image is changed at {pixels}{gates}.")


def _timed(reel: Film, here: int, config: ModelConfig, clock: Calibration) -> str:
    """The measured time of the image at the frame in use, and from the first frame to the last."""
    first, now, last = (alone(reel.traces[frame], config, clock) for frame in (0, here, -1))
    return (
        f"Measured here, alone: {now:.3g} ms at this frame; from {first:.3g} ms at the first to {last:.3g} at the last."
    )


def stays_right_in_words(answer: Answer, found: StaysRight) -> str:
    """From which budget or price the prediction stays right, as a sentence."""
    reel = answer.film
    assert reel is not None
    what = "right" if found.known else f"'{class_name(found.label)}'"
    if found.frame is None:
        sometimes = f", though right at {counted(found.earlier, 'cheaper point')}" if found.earlier else ""
        return f"Never stays right: wrong at the largest {'cost' if reel.dial else 'budget'}{sometimes}."
    trained = reel.dial and reel.positions[found.frame] == 0
    at = "price 0, as trained," if trained else film_chart.position_text(reel, found.frame)
    cost = f"its own cp there is {reel.traces[found.frame].cp:.2f} %"
    if found.frame == 0:
        return f"Stays {what} everywhere, from {at} on ({cost})."
    before = f" {counted(found.earlier, 'cheaper point')} had it and lost it again." if found.earlier else ""
    return f"Stays {what} from {at} on, also at every larger cost ({cost}).{before}"


def _slider_in_words(reel: Film, frame: str, where: float) -> str:
    """Label of the slider; if the film has no frame for the budget in use, it names both."""
    if reel.dial:
        return "Dial: a price charged to the trained gates"
    in_use = f"{where:.3g} %"
    return "Budget" if frame == in_use else f"Budget: {in_use} in use, nearest frame of the film {frame}"


def _frame_picked(answer: Answer) -> None:
    found = picked(FILM, FRAME_PARAM)
    if found and answer.film:
        go_to(answer.film, found["frame"])


_ALL_FREE = "all gates are free"
_DIAL = (
    "A dial: this checkpoint was trained for one budget. A price, charged after training, moves its gates to other"
    " options. It was trained only for price 0."
)
