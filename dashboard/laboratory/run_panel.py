"""The lower panels of the laboratory: the running run, its result, and recorded trainings."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.answers.naming import counted, unbroken
from dashboard.answers.networks import Network
from dashboard.answers.tables import Rows
from dashboard.export.view import View
from dashboard.laboratory import chart, runs
from dashboard.laboratory.cached import laboratory
from dashboard.laboratory.form_panel import owner
from dashboard.laboratory.jobs import Job
from dashboard.laboratory.tuning import Reading, latest, steps_of
from dashboard.ui import cached, html_tables, kept, messages, state
from dashboard.ui.page import Opened
from dashboard.ui.show import show
from dashboard.views.cached import training_log, training_log_problem
from dfs_core.checkpoints.locate import runs_dir
from dfs_core.checkpoints.words import format_alpha
from dfs_core.errors import UserError
from dfs_core.training.lab_run import Settings, Tuned

SAVED = "laboratory_saved"
SHOWN = 4  # runs in one chart
EVERY_S = 1.0  # interval at which a run's progress is shown
BATCHES = (
    "This is accuracy on training batches of {batch} images, with the gates as they were before each step. It is not"
    " test accuracy. Dots: single batches. Line: the mean of the last {smoothed}."
)
READING = "Reading the images"
DOING = {"before": "Measuring the checkpoint as it is:", "tuning": "Step", "after": "Measuring the new gates:"}


def watch(page: Opened, job: Job) -> None:
    """Show an unfinished run, updated every second until it ends."""

    @st.fragment(run_every=EVERY_S)
    def look() -> None:
        if job.ended:
            st.rerun()
        progress(job)
        curves(page, job)

    look()


def progress(job: Job) -> None:
    """The progress bar of a run, and its cancel button."""
    news, jobs = latest(job), laboratory().jobs
    with st.container(key="progress", horizontal=True, vertical_alignment="center"):
        if job.state == "waiting":
            ahead = jobs.ahead_of(job)
            share, text = 0.0, f"Waiting for {counted(ahead, 'other run')} to end"
        elif job.cancelling:
            share, text = 0.0, "Cancelling"
        elif news is None:
            share, text = 0.0, READING
        else:
            share = news.done / news.total
            doing = READING if isinstance(news, Reading) else DOING[news.doing]
            text = f"{doing} {news.done:,} of {news.total:,}"
        st.progress(share, text)
        st.button(
            "Cancel", icon=":material/stop:", key="cancel", disabled=job.cancelling, on_click=jobs.cancel, args=(job,)
        )


def curves(page: Opened, job: Job | None) -> None:
    """cp and its target, and accuracy, with earlier runs of this session on this network in the background."""
    wish = job.about.settings if job else runs.settings_from(page.shared.page, page.card)
    network = Network.of(page.card)
    mine = [other for other in laboratory().jobs.of(owner()) if other is not job and steps_of(other)]
    mine = [other for other in mine if Network.of(other.about.parent) == network]
    drawn = [*mine[-SHOWN + 1 :], *([job] if job else [])]
    rows = runs.chase_rows(drawn, job)
    tables = {"steps": lambda: rows}
    title = f"cp towards {wish.budget:g} %, alpha {format_alpha(wish.alpha, 3)}"
    parents = [one.about.parent for one in reversed(drawn)]
    show(
        View(
            "chase",
            title,
            lambda colours: chart.chase(rows, wish.budget, wish.steps, colours),
            tables,
            f"cp of each step's batch against the target of {wish.budget:g} %",
            page.stamp("live run", *parents, cost="cp"),
            "Line: cp of each step's batch. Dashed: the target. Thin: earlier runs.",
        ),
        page.colours,
    )
    show(
        View(
            "chase_accuracy",
            f"Accuracy of training batches while {title}",
            lambda colours: chart.accuracy(rows, wish.steps, colours),
            {"accuracies": lambda: [row for row in rows if row["current"]]},
            "Accuracy of each step's training batch and its running mean",
            page.stamp("live run", *parents, cost=""),
            BATCHES.format(batch=wish.batch, smoothed=runs.SMOOTHED),
        ),
        page.colours,
    )
    st.caption(BATCHES.format(batch=wish.batch, smoothed=runs.SMOOTHED))


def ended(page: Opened, job: Job) -> None:
    """The result of a run, or why there is none."""
    if job.state == "failed":
        st.error(f"The run failed: {messages.plain(job.error)}", icon=":material/error:")
    elif job.state == "cancelled":
        st.info(
            f"Cancelled after {counted(len(steps_of(job)), 'step')}. Nothing was kept.", icon=":material/stop_circle:"
        )
    else:
        _result(page, job)


def _result(page: Opened, job: Job) -> None:
    tuned: Tuned = job.result
    if tuned.toy:
        st.warning(messages.plain(tuned.toy), icon=":material/toys:")
    lines = [
        (
            escape(row["what"]),
            f"{row['images']:,}",
            html_tables.accuracy(row["accuracy"], row["low"], row["high"], digits=1),
            f"{row['cp']:.2f} %",
            f"{row['all_in']:.2f} %",
            str(row["vectors"]),
        )
        for row in runs.result_rows(tuned, job.about.parent)
    ]
    what = "images at hand" if tuned.toy else "validation images"
    heads = dict.fromkeys((what, "accuracy, 95 % interval", "cp", "all-in", "decision vectors"), "")
    st.html(html_tables.ledger("", heads, lines))
    st.markdown(unbroken(" ".join(runs.verdict(tuned))))
    name = tuned.checkpoint.card.name
    with st.container(key="keeping", horizontal=True, vertical_alignment="center"):
        if not (name in kept.names() and cached.shared_predictor().adopted([name])):
            st.button("Keep as a session checkpoint", key="keep", type="primary", on_click=_keep, args=(job,))
            st.caption(
                "It stays in memory, for this session and everyone who has its link, and is marked as tuned live."
            )
        else:
            if st.button("See it in Explore", key="see", type="primary", icon=":material/search:"):
                state.use_checkpoint(tuned.checkpoint.card, page.card)
                st.switch_page("explore/page.py")
            if (runs_dir() / name).is_dir():
                st.button(
                    "Delete it from disk", key="unwrite", icon=":material/delete:", on_click=_delete, args=(name,)
                )
            else:
                st.button("Write it to disk", key="write", icon=":material/save:", on_click=_write, args=(job,))
            toy = " It has no point on the curve, because a toy run is not measured." if tuned.toy else ""
            st.caption(f"Kept as {messages.plain(name)}.{toy}")
    if said := st.session_state.pop(SAVED, ""):
        st.markdown(said)


def recorded(page: Opened, wish: Settings) -> None:
    """cp and its target in recorded trainings, for comparison."""
    found = runs.recorded_rows(page.catalogue, page.card, wish.budget, training_log)
    kin = page.catalogue.on(Network.of(page.card)).cards
    for problem in filter(None, (training_log_problem(card.name) for card in kin)):
        st.warning(messages.plain(problem), icon=":material/edit_document:")
    if not found:
        st.caption("No checkpoint of this network has a training log of cp.")
    for place, (budget, rows) in enumerate(found.items()):
        st.markdown(unbroken(f"### Recorded: the checkpoints' own training at {budget:g} %"))
        _recorded(page, f"recorded_{place}", budget, rows)


def _recorded(page: Opened, key: str, budget: float, rows: Rows) -> None:
    names = sorted({row["run"] for row in rows})
    drawn = {row["checkpoint"] for row in rows}
    cards = [card for card in page.catalogue.cards if card.name in drawn]
    view = View(
        key,
        f"cp in recorded training at {budget:g} %",
        lambda colours: chart.recorded(rows, colours),
        {f"training at {budget:g} %": lambda: rows},
        f"cp of training batches against a target of {budget:g} %: {', '.join(names)}",
        page.stamp("training batches", *cards, cost="cp"),
        runs.how_recorded(cards),
    )
    show(view, page.colours)
    st.caption(view.notes)


def _keep(job: Job) -> None:
    kept.add(laboratory().keep(job).name)


def _write(job: Job) -> None:
    try:
        folder = laboratory().keep_on_disk(job, runs_dir())
        st.session_state[SAVED] = (
            f":material/check: Written to {messages.plain(str(folder))}; its card says how it was made."
        )
    except UserError as error:
        st.session_state[SAVED] = f":material/error: {messages.plain(str(error))}"


def _delete(name: str) -> None:
    try:
        laboratory().delete_from_disk(runs_dir() / name)
        st.session_state[SAVED] = ":material/check: Deleted from disk; it stays in memory."
    except UserError as error:
        st.session_state[SAVED] = f":material/error: {messages.plain(str(error))}"
