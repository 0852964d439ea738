"""The panels of Learn: six steps on one image, each with a picture and a few sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.answers import looks, operating, tables
from dashboard.answers.naming import plain, unbroken
from dashboard.answers.networks import Network
from dashboard.answers.parameters import whole_number
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Shown, gated_numbers
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.learn import charts, lesson, looking, why
from dashboard.learn.glossary import explained
from dashboard.ui import cached, focus, image_bar, own_panel, state, stored_traces, unlike, uploads
from dashboard.ui.decide import decide
from dashboard.ui.messages import cannot_decide
from dashboard.ui.page import Opened
from dashboard.ui.read_only import read_only
from dashboard.ui.show import picked, show
from dashboard.ui.switch import switch
from dashboard.views import build
from dashboard.views.cached import measured, where_it_pays
from dfs_core.checkpoints.operating_point import OperatingPoint, round_to
from dfs_core.checkpoints.words import option_label
from dfs_core.errors import UserError
from dfs_core.trace import DecisionTrace

DRAWN = "drawn"  # page parameter: show a drawing below an image that loses nothing
GATES, STEP, BLOCK = "gates", "step", "block"
BUDGETS_TRIED = 12
OTHERS_SHOWN = 5  # images beside the one in focus, in the step on looking again


def picture_step(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    """Step 1: draw the pictures and return the sentences."""
    drawing = None
    with controls:
        if lesson.loses_nothing(item.picture) and _wants_drawing(page):
            drawing = lesson.drawing_like(item.picture, cached.drawn(page.card)).at(len(item.picture.seen))
        _upload()
    st.html(large_html(item, drawing))
    return lesson.picture_words(item, drawing, unlike.is_unlike(item.picture, page.card))


def large_html(item: Shown, drawing: Picture | None = None) -> str:
    """HTML with the image as given, as the network sees it, its likeliest classes, and the drawing if there is one."""
    bars = f'<div class="dfs-focus"><ol>{focus.class_bars(item.trace)}</ol></div>'
    below = "" if drawing is None else f'<div class="dfs-lesson">{focus.given_and_seen(drawing)}</div>'
    return f'<div class="dfs-lesson">{focus.given_and_seen(item.picture)}{bars}</div>{below}'


def _wants_drawing(page: Opened) -> bool:
    wished = DRAWN in page.shared.page
    control = state.Control.showing(DRAWN, wished)
    st.toggle(
        "Compare with a larger drawing",
        wished,
        key=control.key,
        on_change=control.choice(lambda on: state.change(page={DRAWN: "1" if on else ""})),
    )
    return wished


def _upload() -> None:
    """The uploader; a new upload becomes the image in focus."""
    before = [picture.key for picture in uploads.pictures()]
    if read_only():
        return
    st.caption("Or upload an image of your own:")
    uploads.uploader()
    image_bar.say_refused()
    after = [picture.key for picture in uploads.pictures()]
    if after != before:
        st.rerun()  # because this run collected its images before the upload


def navigation(page: Opened) -> str:
    """Draw the row of steps, and return the open one."""
    place = lesson.place_of(page.shared.page.get("step"))
    size = page.card.config.image_size
    steps = {key: f"{key} {lesson.title_of(key, size)}" for key in lesson.STEPS}
    titles = steps | {lesson.QUIZ: "Quiz", lesson.GLOSSARY: "Glossary"}
    switch(STEP, "Part of the lesson", titles, place, _go)
    return place


def onward(place: str) -> None:
    """Draw the buttons Back and Next, and the progress."""
    index = lesson.PLACES.index(place)
    with st.container(key="onward", horizontal=True, vertical_alignment="center"):
        for label, icon, target in (
            ("Back", ":material/arrow_back:", index - 1),
            ("Next", ":material/arrow_forward:", index + 1),
        ):
            inside = 0 <= target < len(lesson.PLACES)
            st.button(
                label,
                icon=icon,
                key=f"go_{label}",
                type="primary" if label == "Next" else "secondary",
                disabled=not inside,
                on_click=_go,
                args=(lesson.PLACES[target] if inside else place,),
            )
        st.progress((index + 1) / len(lesson.STEPS), f"Step {place} of {len(lesson.STEPS)}")


def step(page: Opened, place: str, shown: Sequence[Shown], item: Shown) -> None:
    """One step: its sentences on the left, its picture on the right."""
    if place == lesson.PLACES[0]:
        st.html(why.as_html(page.colours))
    with st.container(key="lesson"):
        left, right = st.columns([34, 66], gap="large")
    with left:
        st.markdown(f"## {place}. {lesson.title_of(place, page.card.config.image_size)}")
        words = st.container(key="words")
        focus.choose(
            "Image", {other.picture.key: other.picture.name for other in shown}, item.picture.key, "lesson_image"
        )
        if place != lesson.PLACES[0]:  # whose picture is the image
            st.html(f'<div class="dfs-lesson small">{focus.given_and_seen(item.picture)}</div>')
        own_panel.own_panel(item.picture, page.card)
        controls = st.container()
    with right:
        said = _STEPS[place](page, item, controls)
    with words:
        known: set[str] = set()
        for sentence in said:
            st.markdown(unbroken(explained(sentence, known)))


def _gates(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    config = page.card.config
    blocks = gated_numbers(config)
    block = whole_number(page.shared.page.get(BLOCK), blocks[0], blocks[-1]) or blocks[len(blocks) // 2]
    control = state.Control.showing(BLOCK, block)
    controls.slider(
        "Block",
        blocks[0],
        blocks[-1],
        block,
        key=control.key,
        on_change=control.choice(lambda value: state.change(page={BLOCK: str(value)})),
    )
    rows = charts.gate_rows(item, config)
    if not config.has_gates:
        whose = f"{item.picture.name}, last pass" if config.passes else "every image"
        share = "taken in the last pass, %" if config.passes else "share of images, %"
        fixed = [{key: row[key] for key in ("block", "option")} for row in rows if row["chosen"]]
        view = View(
            GATES,
            f"What the blocks of {page.in_words} do for {whose}",
            lambda colours: charts.gates(rows, block, colours, page.shared.click_id, share),
            {"blocks": lambda: fixed},
            f"The option of each of {config.gated_blocks} blocks for {whose}; block {block} is marked",
            page.stamp("the images shown"),
            f"A column is a block; in it is its option for {whose}.",
        )
    else:
        view = View(
            GATES,
            f"The gates of {page.in_words} for {item.picture.name}",
            lambda colours: charts.gates(rows, block, colours, page.shared.click_id),
            {"gates": lambda: rows},
            f"Probability of each option before each of {config.gated_blocks} blocks; block {block} is marked",
            page.stamp("the images shown"),
            "A column is a block; the framed option is taken.",
        )
    show(view, page.colours, _block_picked, charts.BLOCK_PARAM)
    return lesson.gate_words(item, page.card, block)


def _options(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    names = page.card.config.option_set.names
    asked = page.shared.page.get("force", "")
    forced = asked if asked in names else None
    control = state.Control.showing("force", forced)
    controls.segmented_control(
        "What if every block took ...",
        names,
        default=forced,
        format_func=option_label,
        key=control.key,
        on_change=control.choice(lambda name: state.change(page={"force": name})),
    )
    rows = charts.option_rows(item, page.card.config)
    view = View(
        "options",
        f"The cost of each option, and the options that {item.picture.name} takes",
        lambda colours: charts.options(rows, colours),
        {"options": lambda: rows},
        "Cost of a block for each option, in percent of the full block",
        page.stamp("the images shown", cost="cp"),
        "The bar is the cost of one block; the text says how many blocks of this image take the option.",
    )
    show(view, page.colours)
    if forced is None:
        return lesson.option_words(item, page.card, None)
    trace = ask_forced(page, [item], forced)[0]
    return lesson.option_words(item, page.card, (forced, trace))


def _budget(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    time = page.card.for_time  # such a budget is a share of the time, and no cp to compare with
    rows = [] if time else lesson.budget_rows(page.point, _at_other_budgets(page, item), measured())
    if rows and len({row["budget"] for row in rows}) == 1:
        st.caption("This is the only budget that was trained for this network, so there is nothing to compare it with.")
    elif rows:
        view = View(
            "bought",
            f"Budget and cp of {item.picture.name}",
            lambda colours: charts.bought(rows, "log" if page.card.budget_range else "linear", colours),
            {"budgets": lambda: rows},
            "cp of this image and of the test set against the budget",
            page.stamp("the images shown", cost="cp"),
            "On the dashed line, cp equals the budget.",
        )
        show(view, page.colours)
    if not read_only() and controls.button(
        "See alpha at work in the laboratory", icon=":material/science:", key="to_laboratory"
    ):
        st.switch_page("laboratory/page.py")
    return lesson.budget_words(item, page.point, rows)


def _sum(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    view = replace(build.curve(page, build.curve_state(page, [item], item.picture.key)), key="sum")
    st.html(legends.legend(view.draw(page.colours).legend, page.colours))
    show(view, page.colours)
    figures = tables.test_figures(page.point, measured())
    plain = lesson.plain_network(page.catalogue, page.card)
    own, full = stored_traces.exactly(page.point), stored_traces.exactly(OperatingPoint(plain)) if plain else None
    return lesson.sum_words(item, figures, own, None if plain is page.card else full)


def _again(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    """The passes over this image and over some others, by the checkpoint in use or by another cascade."""
    card = page.catalogue.cascade_like(page.card)
    if card is None:
        elsewhere = next((one for one in page.catalogue.cards if one.config.passes), None)
        if elsewhere is not None:
            there = Network.of(elsewhere).in_words
            controls.button(
                f"See it with {plain(there)}",
                icon=":material/swap_horiz:",
                key="to_cascade",
                on_click=state.use_checkpoint,
                args=(elsewhere, page.card),
            )
        return looking.no_cascade_words()
    point = page.point if card is page.card else operating.usual(card)
    others = [one for one in image_bar.pictures_at_hand(page.card, page.shared) if one.key != item.picture.key]
    shown = decide([item.picture, *others[:OTHERS_SHOWN]], point)
    if not shown:
        return []
    first, rest = shown[0], sorted(shown[1:], key=lambda one: len(one.trace.passes))
    at = page.at(point)
    st.html(legends.options(card.config.option_set, page.colours))
    view = replace(build.strip(at, [first, *rest], first.picture.key), key="again")
    show(view, page.colours)
    st.caption("The image is on top; below it are others, easy ones first. A lane is a pass; blank is what was saved.")
    traces = stored_traces.exactly(point)
    found = None if traces is None or traces.looks is None else looks.looked(traces, card.config)
    words = looking.again_words(first, card, found, card is not page.card)
    return [*words, *filter(None, [where_it_pays(Network.of(card))])]


_STEPS: dict[str, Callable[[Opened, Shown, st.delta_generator.DeltaGenerator], list[str]]] = {
    "1": picture_step,
    "2": _gates,
    "3": _options,
    "4": _budget,
    "5": _sum,
    lesson.LOOKING: _again,
}


def ask_forced(page: Opened, shown: Sequence[Shown], option: str) -> list[DecisionTrace]:
    """Traces of images with every block forced to one option."""
    config = page.card.config
    forced = np.full((len(shown), config.gated_blocks), config.option_set.index(option))
    return cached.shared_predictor().predict([item.picture for item in shown], page.point, forced=forced)


def _at_other_budgets(page: Opened, item: Shown) -> list[tuple[OperatingPoint, DecisionTrace]]:
    """Traces of the image at other budgets of the checkpoint, or of its family at the same alpha."""
    card, shared = page.card, cached.shared_predictor()
    if card.budget_range is not None and page.budget is not None:
        low, high = operating.budget_bounds(card)
        grid = [round_to(low * (high / low) ** (i / (BUDGETS_TRIED - 1))) for i in range(BUDGETS_TRIED)]
        budgets = sorted({*(min(max(value, low), high) for value in grid), page.budget})
        points = [OperatingPoint(card, budget) for budget in budgets]
    else:
        family = page.catalogue.family_of(card).cards
        points = [OperatingPoint(other) for other in family if other.budget and other.alpha == card.alpha]
    found = []
    for point in points:
        try:
            found.append((point, shared.predict([item.picture], point)[0]))
        except UserError as error:
            cannot_decide(error)
    return found


def _go(place: str) -> None:
    state.change(page={"step": "" if place == lesson.PLACES[0] else place})


def _block_picked() -> None:
    if found := picked(GATES, charts.BLOCK_PARAM):
        state.change(page={BLOCK: str(int(found["block"]))})
