"""Time here: what this image takes on this machine, part by part, beside the counted costs."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import counted, unbroken
from dashboard.answers.times import time_of
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.image.question_panel import Answer
from dashboard.image.time_chart import time_chart, time_keys, time_rows
from dashboard.ui import cached, clock, messages
from dashboard.ui.read_only import read_only
from dashboard.ui.show import show
from dfs_core.checkpoints.card import OnEngine
from dfs_core.checkpoints.words import option_label
from dfs_core.timing.calibration import Calibration

TIME, AT_A_TIME = "time_here", "time_batch"  # keys of chart and control
MEASURE = "measure_machine"


def time_here(answer: Answer) -> None:
    """The measured time of the image, or the button that measures this machine."""
    st.markdown("### Time here")
    if answer.page.card.engine is not None:
        st.caption(messages.plain(agreement(answer.page.card.engine)))
    found = cached.calibration(answer.page.card.config)
    if found is None:
        st.caption(
            "The costs above are counted, the same on every machine. Time is measured: how long each part of this"
            " network takes on this machine."
            + ("" if read_only() else " Measuring takes about 15 seconds; the app makes no predictions meanwhile.")
        )
        _measure(answer, "Measure this machine")
        return
    _show(answer, found, clock.at_a_time(answer.page.shared, AT_A_TIME, found.sizes, found.sizes[0]))
    _measure(answer, "Measure again")


def agreement(engine: OnEngine) -> str:
    """What a card says of its checkpoint on the engine, in one sentence."""
    return (
        f"On all test images, {engine.same_decisions:.2f} % of the engine's decisions and {engine.same_answers:.2f} %"
        f" of its answers are those of the float simulation. Its accuracy is {engine.accuracy:.2f} % (measured on"
        f" {engine.processor})."
    )


def _show(answer: Answer, found: Calibration, batch: int) -> None:
    page, config, cost = answer.page, answer.page.card.config, answer.page.shared.cost
    time = time_of(answer.what_if.forced, config, found, batch)
    dearest = found.of_image(config, [(config.option_set.names[-1],) * config.gated_blocks], batch)
    rows = time_rows(answer.what_if, config, cost, found, batch)
    policy = sum(time.policy)
    said = (
        f"{time.total:.3g} ms an image, {1000 / time.total:,.0f} images a second. With every block at"
        f" {option_label(config.option_set.names[-1])}: {dearest.total:.3g} ms. The policy takes"
        f" {100 * policy / time.total:.0f} % of the time."
    )
    st.markdown(messages.plain(unbroken(said)))
    st.html(legends.legend(time_keys(config, page.colours), page.colours, "Milliseconds"))
    view = View(
        key=TIME,
        title=f"Time of {answer.picture.name} through {answer.in_words}, {counted(batch, 'image')} at a time",
        draw=lambda colours: time_chart(rows, config, colours),
        tables={"time here": lambda: rows},
        alt="Measured milliseconds of each part of the network for one image",
        finding=said,
        stamp=replace(page.stamp("timed on one machine"), machine=found.in_words),
        notes=f"Bars: measured milliseconds. The table has the counted cost ({MEASURES[cost].name}, %) beside them.",
    )
    show(view, page.colours)
    st.caption(
        messages.plain(
            f"Measured on {found.in_words}, {found.date[:10]}. The time of an image is its share of a batch in which"
            " all images decide as it does."
        )
    )


def _measure(answer: Answer, label: str) -> None:
    clock.measure_button(
        label, MEASURE, "Measuring this machine", lambda report: cached.measure(answer.page.card, report)
    )
