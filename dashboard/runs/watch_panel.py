"""The runs on this machine: a table, and the metrics of the chosen ones, drawn again while one is in progress."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st

from dashboard.answers.tables import Rows
from dashboard.drawing import legends
from dashboard.export.stamp import Kind, Stamp
from dashboard.export.view import View
from dashboard.runs import chart, logs
from dashboard.ui import cached, session_talk, state
from dashboard.ui.messages import plain
from dashboard.ui.page import Opened
from dashboard.ui.show import show
from dashboard.views.cached import log_in
from dfs_core.checkpoints.locate import runs_dir

CHOSEN = "runs_chosen"
MOST = 6  # runs in one chart
_COLUMNS = {
    "steps": st.column_config.NumberColumn("of steps", format="%d"),
    "epoch": st.column_config.NumberColumn(format="%.2f"),
    "loss": st.column_config.NumberColumn(format="%.3f"),
    "accuracy": st.column_config.NumberColumn("accuracy %", format="%.2f"),
    "cp": st.column_config.NumberColumn("cp %", format="%.2f"),
    "validation_accuracy": st.column_config.NumberColumn("validation accuracy %", format="%.2f"),
    "minutes since": st.column_config.NumberColumn("minutes since its last log line", format="%.1f"),
}
EVERY_S, IDLE_S = 5.0, 20.0  # interval at which runs are read again: while one is in progress, and otherwise


def watch(page: Opened) -> None:
    """Draw the table and the charts; nothing but a hint if there are no runs. A run that begins appears by itself."""
    alive, talk = _alive(), session_talk.current()

    @st.fragment(run_every=EVERY_S if alive else IDLE_S)
    def look() -> None:
        if _alive() != alive or session_talk.current() is not talk:  # the whole page hands a talk to the browser
            st.rerun()
        _look(page)

    look()


def _runs() -> list[logs.Run]:
    return logs.find(cached.own_roots(), {folder: name for name, folder in cached.on_disk().folders.items()})


def _alive() -> bool:
    """Whether a run is in progress."""
    return any(run.state(time.time()) == "in progress" for run in _runs())


def _look(page: Opened) -> None:
    now, runs = time.time(), _runs()
    if not runs:
        st.info(
            f"There are no runs in {plain(str(runs_dir()))}. `python -m dfs_core train RUN --data-dir DIR` begins one."
            " It appears here by itself, and its checkpoint on all pages when it has ended.",
            icon=":material/directions_run:",
        )
        return
    found: dict[str, Rows] = {}
    for run in runs:
        log = log_in(run.folder)
        if isinstance(log, str):
            st.warning(plain(log), icon=":material/edit_document:")
        found[run.name] = [] if isinstance(log, str) else log
    table = logs.overview(runs, found, now)
    filled = [key for key in table[0] if any(row[key] is not None for row in table)]
    st.dataframe(
        table,
        hide_index=True,
        height=min(300, 40 + 35 * len(table)),
        column_order=filled,
        column_config=_COLUMNS,
        placeholder="-",
    )
    going = [row["run"] for row in table if row["state"] == "in progress"]
    chosen = st.multiselect("Runs to draw", list(found), (going or list(found))[:MOST], max_selections=MOST, key=CHOSEN)
    for name in chosen:
        for line in found[name]:
            if "note" in line:
                st.caption(plain(f"{name}: {line['note'].rstrip('.')}."))
    for metric, (axis, title) in logs.METRICS.items():
        rows = logs.metric_rows({name: found[name] for name in chosen}, metric)
        if rows:
            _draw(page, metric, title, axis, rows)


def _draw(page: Opened, metric: str, title: str, axis: str, rows: Rows) -> None:
    names = list(dict.fromkeys(row["run"] for row in rows))
    measure, others = "cp" if metric == "cp" else "", tuple((name, "") for name in names[1:])
    kind: Kind = "validation images" if metric.startswith("validation") else "training batches"
    draw = partial(chart.metric, rows, axis)
    st.markdown(f"### {title}")
    st.html(legends.legend(draw(page.colours).legend, page.colours))
    show(
        View(
            key=f"runs_{metric}",
            title=f"{title}: {', '.join(names)}",
            draw=draw,
            tables={metric.replace("_", " "): lambda: rows},
            alt=f"{title} over steps",
            stamp=Stamp(names[0], "", measure, kind, state.link(page.shared, page.catalogue, whole=True), others),
        ),
        page.colours,
    )
