"""Accuracy against the time that each checkpoint takes on this machine, beside the counted costs."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.answers.naming import counted
from dashboard.answers.networks import Network
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.ui import cached, clock, messages
from dashboard.ui.page import Opened
from dashboard.ui.read_only import read_only
from dashboard.ui.show import show
from dashboard.views.cached import points as curve_points
from dashboard.views.time_curve import in_words, time_curve, timed_rows
from dfs_core.timing.survey import Survey

TIME_CURVE, AT_A_TIME, MEASURE = "time_curve", "survey_batch", "survey_machine"  # keys of chart and controls


def time_of_all(page: Opened) -> None:
    """The panel; nothing for a checkpoint whose plain network is unknown."""
    backbone = page.card.backbone(page.catalogue.cards)
    if backbone is None:
        return
    with st.expander(
        "Accuracy and time on this machine", icon=":material/timer:", key="survey_panel", on_change="rerun"
    ) as panel:
        if not panel.open:
            return
        if backbone.name in page.catalogue.places:
            st.caption("Only published networks are timed together. *Time here* on the Image page times your own.")
            return
        survey = cached.survey(backbone.name)
        if survey is None:
            st.caption(
                "The costs above are counted, the same on every machine. Time is measured: each checkpoint of this"
                " network runs here on the engine, at some of its budgets, beside what you would run instead."
                + ("" if read_only() else " That takes one to three minutes; the app makes no predictions meanwhile.")
            )
            _measure(backbone.name, "Time all checkpoints")
            return
        _show(page, survey, clock.at_a_time(page.shared, AT_A_TIME, survey.batches, survey.batches[-1]))
        _measure(backbone.name, "Time them again")


def _show(page: Opened, survey: Survey, batch: int) -> None:
    points = curve_points(page.catalogue, Network.of(page.card), "cp")
    rows = timed_rows(survey, points, batch)
    if not rows:
        st.caption("No timed checkpoint has an accuracy on the test set.")
        return
    figure = time_curve(rows, points, page.card.name, page.budget, page.colours)
    said = in_words(rows)
    st.markdown(messages.plain(f"{said}."))
    st.html(legends.legend(figure.legend, page.colours))
    view = View(
        key=TIME_CURVE,
        title=f"Accuracy and time of {Network.of(page.card).in_words}, {counted(batch, 'image')} at a time",
        draw=lambda colours: time_curve(rows, points, page.card.name, page.budget, colours),
        tables={"times": lambda: rows},
        alt="Test accuracy against measured milliseconds an image",
        finding=said,
        stamp=replace(page.stamp("timed on one machine", cost="cp"), machine=survey.in_words),
        notes="Times were measured on one machine, in one run. Accuracies are those on the test set.",
    )
    show(view, page.colours)
    st.caption(
        messages.plain(
            f"Measured on {survey.in_words}, {survey.date[:10]}, with {counted(batch, 'image')} at a time"
            f" ({survey.source}). Checkpoints that were added later are missing: time them again."
        )
    )


def _measure(backbone: str, label: str) -> None:
    clock.measure_button(label, MEASURE, "Timing all checkpoints", lambda report: cached.take_survey(backbone, report))
