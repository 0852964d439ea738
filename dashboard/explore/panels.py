"""The panels of Explore: figures at the top, strip, curve, where the cost goes, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, get_args

import streamlit as st

from dashboard.answers import nearest, operating, tables
from dashboard.answers.costs import MEASURES, measures_shown
from dashboard.answers.naming import listed, unbroken
from dashboard.answers.networks import Network
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Scale, Shown
from dashboard.drawing import legends
from dashboard.explore import families_panel
from dashboard.ui import cached, html_tables, messages, state, unlike
from dashboard.ui.page import Opened
from dashboard.ui.show import picked, show
from dashboard.ui.switch import switch
from dashboard.views import build, curve_chart
from dashboard.views.cached import measured, measured_problem, training_log_problem, where_it_pays
from dashboard.views.curve import OTHERS
from dashboard.views.strip_chart import FOCUS_PARAMS
from dfs_core.checkpoints.words import SESSION
from dfs_core.data.known import title_of

_PICKED = (curve_chart.POINT_PARAM, curve_chart.BESIDE_PARAM, curve_chart.TICK_PARAM)
AHEAD = 12  # operating points that are predicted in advance


def think_ahead(page: Opened, pictures: Sequence[Picture]) -> None:
    """Predict in the background for likely next clicks: slider steps, the family's checkpoints, other methods."""
    family, cp = page.catalogue.family_of(page.card), nearest.cp_of(page.point)
    families = page.catalogue.on(Network.of(page.card)).families
    others = [nearest.at_cost(other, cp, page.card)[0] for other in families if other.key != family.key]
    own = [operating.usual(card) for card in family.cards]
    points = [*operating.neighbours(page.point), *own, *others]
    cached.shared_predictor().look_ahead(pictures, points[:AHEAD])


def ledger(page: Opened, shown: Sequence[Shown]) -> None:
    """The operating point in words, with its figures on the test set and on the images shown."""
    test = tables.test_figures(page.point, measured())
    measures = measures_shown(page.shared.cost)
    rows = []
    for row in tables.ledger_rows(shown, page.card, test):
        accuracy = "-"
        if row["accuracy"] is not None and row["low"] is not None and row["high"] is not None:
            accuracy = html_tables.accuracy(row["accuracy"], row["low"], row["high"])
        elif row["known"]:
            accuracy = f"{row['right']} of {row['known']} right"
        elif row["accuracy"] is not None:
            accuracy = f"about {row['accuracy']:.2f} %"
        costs = [row[measure.column] for measure in measures]
        cost = ["-" if value is None else f"{value:.2f} %" for value in costs]
        rows.append((row["what"], f"{row['images']:,}" if row["images"] else "-", accuracy, *cost))
    heading = (
        f"<h2>{escape(page.in_words)}</h2><p>in use: <code>{escape(page.card.name)}</code>,"
        f" trained on {escape(title_of(page.card.dataset))}{_made_of(page)}</p>"
    )
    heads = {"images": "", "accuracy, 95 % interval": ""} | {one.name: one.about for one in measures}
    st.html(html_tables.ledger(heading, heads, rows))


def _made_of(page: Opened) -> str:
    """Whose checkpoint it is, its backbone and the backbone's accuracy, so that nobody takes one for another."""
    place = page.catalogue.places.get(page.card.name)
    own = f", your own in {escape(place)}" if place else ""
    backbone = page.card.backbone(page.catalogue.cards)
    if backbone is None or backbone.name == page.card.name:
        return own
    found = backbone.metrics.get("test")
    accuracy = f" (accuracy {found['accuracy']:.2f} %)" if found else ""
    return f", from the backbone <code>{escape(backbone.name)}</code>{accuracy}{own}"


def strip(page: Opened, shown: Sequence[Shown], in_focus: Shown | None) -> None:
    """The decision strip with its legend; a click on a row puts that image in focus."""
    if not shown or in_focus is None:
        return
    st.html(legends.options(page.card.config.option_set, page.colours))
    view = build.strip(page, shown, in_focus.picture.key)
    show(view, page.colours, _row_picked, FOCUS_PARAMS)
    unlike.say_marked([item.picture for item in shown], page.card)
    if page.card.config.decides_alike:
        st.caption("A static network decides the same for every image, so all rows are equal.")
    if page.card.config.passes:
        st.caption(
            "A row has a lane for each pass, the first on top; an easy image has only one. Right of it: how sure the"
            " answer was, how many times as probable it was as the next class, and how many times as probable it had to"
            " be to stop."
        )


def curve(page: Opened, shown: Sequence[Shown], in_focus: Shown | None) -> None:
    """Accuracy against cost, with its switches; a click chooses an operating point or an image."""
    shared = page.shared
    with st.container(horizontal=True, vertical_alignment="center", key="curve_bar"):
        st.markdown("### Accuracy and cost", width="stretch")
        _scale(shared.scale)
    curve = build.curve_state(page, shown, in_focus.picture.key if in_focus else None)
    if problem := measured_problem():
        st.warning(f"Measured points are missing: {messages.plain(problem)}", icon=":material/warning:")
    points = [*curve.points, *curve.beside]
    families_panel.switches(points, shared, page.colours, build.can_be_beside(page), build.beside(page))
    show(build.curve(page, curve), page.colours, _point_picked, _PICKED, on_row=_use_point)
    beyond = f"{words}. " if (words := build.outside_in_words(curve)) else ""
    missing = "" if shared.cost == "cp" else f" Points without a figure for {MEASURES[shared.cost].name} are left out."
    if page.card.method == SESSION:
        missing += (
            " The gates in use were tuned live and measured on validation images, not on the test set. Their point is"
            " not comparable with the others, so it is hidden until you choose 'tuned live' above."
        )
    origins = {point["backbone"] for point in curve.shown if point["backbone"]}
    if len(origins) > 1:
        names = messages.plain(listed(sorted(origins)))
        missing += f" The points come from several backbones ({names}); a point's tooltip names its own."
    st.caption(
        f"{beyond}Click a point to use it, and click again for the next one in the same place; or choose a row of the"
        f" table. Click a tick at the bottom to see that image. Zoom: pinch, or Ctrl and mouse"
        f" wheel. Move: Shift and drag. Reset: double-click.{missing}"
    )
    if not any(point["family"] not in OTHERS for point in curve.points):
        st.caption(f"No checkpoint of {page.card.config.layout.title} on this data set was measured on the test set.")
    if words := where_it_pays(Network.of(page.card)):
        st.markdown(unbroken(words))


def where_it_goes(page: Opened, shown: Sequence[Shown], in_focus: Shown | None) -> None:
    """The ledger: the cost of every part of the network and of every decision, and their sum."""
    name = MEASURES[page.shared.cost].name
    title = f"Where the cost goes: {name} of every part and decision"
    with st.expander(title, icon=":material/receipt_long:", key="costs_panel", on_change="rerun") as panel:
        if not panel.open:
            return
        if not shown:
            st.caption("No image is shown.")
            return
        view = build.ledger(page, shown, in_focus)
        st.html(legends.legend(view.draw(page.colours).legend, page.colours))
        show(view, page.colours)
        without = ""
        if not page.has_test_figures and page.card.evaluation("test") is not None:
            usual = operating.usual_budget(page.card)
            without = f" The cost of each part on the test set is known only at the usual budget, {usual:.3g} %."
        st.caption(f"{MEASURES[page.shared.cost].about} Figures in percent; the last line is their sum.{without}")


def training(page: Opened) -> None:
    """cp and its target during training; nothing if the log has no cp."""
    if problem := training_log_problem(page.card.name):
        st.warning(messages.plain(problem), icon=":material/edit_document:")
    view = build.training(page)
    if view is None:
        return
    title = "cp and its target in training"
    with st.expander(title, icon=":material/show_chart:", key="training_panel", on_change="rerun") as panel:
        if not panel.open:
            return
        st.html(legends.legend(view.draw(page.colours).legend, page.colours))
        show(view, page.colours)
        if view.notes:
            st.caption(view.notes)


def _scale(value: Scale) -> None:
    words = {scale: scale.capitalize() for scale in get_args(Scale)[::-1]}
    switch("scale", "Scale of the axis", words, value, lambda chosen: state.change(scale=chosen))


def _point_picked() -> None:
    found = picked(build.CURVE, *_PICKED)
    if found and "key" in found:
        state.change(image=found["key"])
    elif found:
        _use_point(found)


def _use_point(found: Mapping[str, Any]) -> None:
    """Use the operating point of a point of the curve. If it is of the network beside, the two change places."""
    catalogue = cached.catalogue()
    before, card = catalogue.named(state.current().checkpoint), catalogue.named(found["checkpoint"])
    if card is None:
        if found["checkpoint"]:  # the results name it; what was published has none
            state.change(note=f"The checkpoint '{found['checkpoint']}' is not on this machine.")
        return
    changes: dict[str, Any] = {}
    removed = ""
    if before is not None and Network.of(before) != Network.of(card):
        changes, removed = state.to_another_network(state.current(), Network.of(before), Network.of(card))
        changes["page"] = changes["page"] | {build.BESIDE: Network.of(before).key}
    budget = found.get("budget") if card.budget_range else None
    state.change(checkpoint=card.name, budget=budget, note=removed, **changes)


def _row_picked() -> None:
    if found := picked(build.STRIP, *FOCUS_PARAMS):
        state.change(image=found["key"])
