"""Why a cascade looked at the image again, and what another limit would do to this image and to the test set."""

from __future__ import annotations

import math
from html import escape

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.looks import BudgetRow, in_passes
from dashboard.answers.naming import class_name
from dashboard.answers.verdicts import marked, verdict
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.image import tables
from dashboard.image.film import Film
from dashboard.image.layout import FRAME_PARAM
from dashboard.image.looks_chart import first_limit, look_rows, looks_chart
from dashboard.image.question_panel import Answer, go_to
from dashboard.ui import html_tables, messages, state, stored_traces
from dashboard.ui.show import picked, show
from dashboard.views.cached import looks_by_budget
from dashboard.views.passes_chart import pass_keys
from dfs_core.errors import UserError

LOOKS, LIMIT = "when_again", "look_limit"


def looks(answer: Answer) -> None:
    """The passes in sentences, and the limit as a slider with its outcomes; nothing for other networks."""
    sentences = tables.passes_in_words(answer.what_if.forced)
    if not sentences:
        return
    st.markdown("\n".join(f"{number}. {messages.plain(text)}" for number, text in enumerate(sentences, start=1)))
    if answer.film is not None:
        st.markdown("### When it looks again")
        _limit(answer, answer.film)
        stored = looks_by_budget(answer.page.card)
        _outcomes(answer, stored)
        _chart(answer, answer.film, stored)
    st.caption("The blocks below are those of the last pass. Costs count every pass.")


def _limit(answer: Answer, reel: Film) -> None:
    """The slider of the first pass's limit, which is the budget's: a larger budget asks for a surer answer."""
    config, here = answer.page.card.config, answer.where
    control = state.Control.showing(LIMIT, here)

    def write(budget: float) -> str:
        return f"{first_limit(config, budget)} times, budget {budget:.4g} %"

    with st.container(key="limit_slider"):
        st.select_slider(
            "How sure the first answer must be",
            operating.told_apart(reel.positions, here, write),
            here,
            format_func=write,
            key=control.key,
            on_change=control.choice(lambda budget: state.change(budget=budget, note="")),
            help="The first answer counts if it is so many times as probable as the next class; otherwise the network"
            " looks again. Budget and limits are one setting: the limits for each budget were chosen on validation"
            " images.",
        )


def _outcomes(answer: Answer, stored: list[BudgetRow]) -> None:
    """What the limit in use does to this image and, from stored decisions, to the test set."""
    free = answer.what_if.free
    rows = [
        (
            f"this image, {answer.where:.3g} %",
            in_passes(len(free.passes)),
            marked(
                verdict(free, answer.picture), f"{escape(class_name(free.label))}, {100 * free.confidence:.0f} % sure"
            ),
            f"{free.cp:.2f} %",
            f"{free.all_in:.2f} %",
        )
    ]
    near = min(stored, key=lambda row: abs(math.log(row["budget"] / answer.where)), default=None)
    if near is not None:
        rows.append(
            (
                f"{near['images']:,} test images, {near['budget']:.3g} %",
                f"{near['again']:.1f} % looked at again",
                f"{near['accuracy']:.2f} % right",
                f"{near['cp']:.2f} %",
                f"{near['all_in']:.2f} %",
            )
        )
    heads = ("at the budget of", "passes", "answer", "cp", "all-in")
    st.html(html_tables.changes(heads, [("", row) for row in rows]))
    if near is None and isinstance(missing := stored_traces.find(answer.page.point).traces, UserError):
        stored_traces.say_missing(answer.page.point, missing, "This table")


def _chart(answer: Answer, reel: Film, stored: list[BudgetRow]) -> None:
    page, subject = answer.page, answer.subject
    st.html(legends.legend(pass_keys(subject.config, page.colours), page.colours, "Passes"))
    view = View(
        key=LOOKS,
        title=f"When {page.card.name} looks again at {answer.picture.name}",
        draw=lambda colours: looks_chart(reel, answer.where, stored, subject, colours),
        tables={"passes": lambda: look_rows(reel, subject), "test set": lambda: stored},
        alt="Passes that this image needs at every budget; share of test images looked at again, and accuracy",
        finding=" ".join(tables.passes_in_words(answer.what_if.free)),
        stamp=page.stamp("the images shown"),
        notes="Top: this image's passes and answer. Below: the whole test set at the budgets that were stored.",
    )
    show(view, page.colours, lambda: _picked(reel), FRAME_PARAM)
    st.caption(
        "Line: the budget in use. Points: budgets at which the test set's decisions are stored. A click goes there."
    )


def _picked(reel: Film) -> None:
    if found := picked(LOOKS, FRAME_PARAM):
        go_to(reel, int(found["frame"]))
