"""The upper panels of Image: the choice of image, its decision vector, its gates, and forcing them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from dashboard.answers.costs import MEASURES
from dashboard.answers.looks import in_passes
from dashboard.answers.naming import class_name, counted
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import gated_numbers
from dashboard.answers.verdicts import marked
from dashboard.drawing import legends
from dashboard.drawing.diverging import signed
from dashboard.export.view import View
from dashboard.image import gates_chart, path_chart, tables
from dashboard.image.layout import BLOCK_PARAM, GATE_PARAM, Line
from dashboard.image.question_panel import FORCE as FORCE_KEY
from dashboard.image.question_panel import HOLD, Answer, impose
from dashboard.ui import focus, html_tables, messages, state, unlike
from dashboard.ui.show import picked, show
from dfs_core.checkpoints.words import option_label
from dfs_core.model.layout import FIRST_GATED

IMAGE, WHICH, CHOICE, HELD = "image_shown", "gate_block", "gate_option", "gate_hold"
PATH, GATES = "path", "gates"
STATIC = "This network has no gates: each block does the same for every image."
CASCADE = "A cascade has no gates: each pass runs every block at the bits of that pass."
FREE, AS_TRAINED = "free", "as trained"  # names of the unforced decisions: with gates, and of a static network


def choose_image(pictures: Sequence[Picture], picture: Picture) -> None:
    """The control that chooses the image."""
    names = {other.key: other.name for other in pictures}
    focus.choose("Image", names, picture.key, IMAGE, hidden=True, width=220)


def summary(answer: Answer) -> None:
    """The operating point in words, and its prediction for the image, free and forced."""
    picture, config = answer.picture, answer.page.card.config
    column, name = MEASURES[answer.page.shared.cost].column, MEASURES[answer.page.shared.cost].name
    rows = tables.change_rows(answer.what_if, picture, config)
    lines = [
        (
            _free_in_words(answer) if row["decisions"] == FREE else row["decisions"],
            marked(row["verdict"], escape(class_name(row["prediction"]))),
            f"{row['confidence']:.1f} %",
            f"{row[column]:.2f} %",
            str(row.get("passes") or (row["changed"] if index else "")),
        )
        for index, row in enumerate(rows)
    ]
    if len(rows) > 1:
        free, forced = rows
        same = "same" if free["prediction"] == forced["prediction"] else "another class"
        confidence, cost = forced["confidence"] - free["confidence"], forced[column] - free[column]
        lines.append(("change", same, signed(confidence, 1), signed(cost), ""))
    truth = escape(picture.truth_in_words)
    truth += f", {unlike.MARK}" if unlike.is_unlike(picture, answer.page.card) else ""
    changed = f"{_thing(answer)}s changed" if len(rows) > 1 else " "
    heads = dict.fromkeys(("prediction", "confidence", name, "passes" if config.passes else changed), "")
    heading = f"<h2>{escape(answer.in_words)}</h2><p>{escape(picture.name)}, {truth}</p>"
    st.html(html_tables.ledger(heading, heads, lines))
    unlike.say_marked([picture], answer.page.card)
    if answer.note:
        st.warning(messages.plain(answer.note), icon=":material/alt_route:")


def path(answer: Answer) -> None:
    """The image's path through the network; a click on a block chooses it."""
    page, config = answer.page, answer.page.card.config
    st.html(legends.options(config.option_set, page.colours))
    forced = f", {counted(len(answer.what_if.gates), _thing(answer))} forced" if answer.what_if.gates else ""
    view = View(
        key=PATH,
        title=f"{answer.picture.name} through {answer.in_words}{forced}",
        draw=lambda colours: path_chart.network_path(answer.what_if, answer.subject, answer.block, colours),
        tables={"blocks": lambda: tables.path_rows(answer.what_if, config, page.shared.cost)},
        alt=f"Path of an image through {config.gated_blocks} gated blocks",
        finding=_path_in_words(answer),
        stamp=page.stamp("the images shown"),
        notes="The filled part of a block is its share of the full block's cost. The thick line is the way of the"
        " image; it takes the shortcut past skipped blocks.",
        least=Line.of(config).least_width,
    )
    show(view, page.colours, _block_picked, BLOCK_PARAM)


def gates(answer: Answer) -> None:
    """The gates' probabilities; a click on a cell forces that option, and a second click frees the gate."""
    page, config, click_id = answer.page, answer.page.card.config, answer.page.shared.click_id
    if _is_static(answer):
        why = CASCADE if config.passes else STATIC
        st.caption(why + (" Below you can force a block to another option." if len(config.option_set) > 1 else ""))
        return
    close = sum(row["near_tie"] for row in tables.margin_rows(answer.what_if.forced, config))
    view = View(
        key=GATES,
        title=f"Gates of {answer.in_words} for {answer.picture.name}",
        draw=lambda colours: gates_chart.gate_board(answer.what_if, config, answer.block, colours, click_id),
        tables={
            "gates": lambda: tables.gate_rows(answer.what_if, config),
            "margins": lambda: tables.margin_rows(answer.what_if.forced, config),
        },
        alt=f"Probability of each option in {config.gated_blocks} gates",
        finding=f"Near ties: {close}",
        stamp=page.stamp("the images shown"),
        notes="A gate takes its most probable option. If its margin is small, a small change can flip the decision.",
        least=Line.of(config).least_width,
    )
    show(view, page.colours, lambda: _gate_picked(answer), GATE_PARAM, rows=gates_chart.row_names(config))


def force_bar(answer: Answer) -> None:
    """Controls that force a block's option, hold the other decisions, and reset."""
    config, imposed = answer.page.card.config, answer.what_if.gates
    asked = FORCE_KEY in answer.page.shared.page  # maybe a gate or an option that this network does not have
    if len(config.option_set) == 1:
        if asked:
            _reset(asked)
        return
    numbers = list(gated_numbers(config))
    block = answer.block or numbers[0]
    index = block - FIRST_GATED
    with st.container(horizontal=True, vertical_alignment="bottom", key="force_bar"):
        which = state.Control.showing(WHICH, block)
        st.selectbox(
            "Block" if _is_static(answer) else "Gate of block",
            numbers,
            numbers.index(block),
            key=which.key,
            width=110,
            on_change=which.choice(lambda number: state.change(page={"block": number})),
        )
        current = imposed.get(index, FREE)
        choice = state.Control.showing(CHOICE, current)
        st.segmented_control(
            "Its decision",
            [FREE, *config.option_set.names],
            default=current,
            format_func=lambda name: _free_in_words(answer) if name == FREE else option_label(name),
            key=choice.key,
            required=True,
            wrap=True,
            on_change=choice.choice(lambda option: impose(imposed, index, None if option == FREE else option)),
        )
        if not (_is_static(answer) or _decides_once(answer)):
            _hold(answer)
        _reset(asked)
    st.caption(_consequence(answer))


def _reset(asked: bool) -> None:
    st.button(
        "Reset",
        icon=":material/undo:",
        key="force_reset",
        disabled=not asked,
        on_click=lambda: state.change(page={FORCE_KEY: "", HOLD: ""}),
    )


def _hold(answer: Answer) -> None:
    held = state.Control.showing(HELD, answer.what_if.held)
    st.toggle(
        "Hold all other decisions",
        answer.what_if.held,
        key=held.key,
        on_change=held.choice(lambda on: state.change(page={HOLD: "1" if on else ""})),
        help="If off, the gates after a forced one get another input and decide again.",
    )


def _is_static(answer: Answer) -> bool:
    """Whether the network has no gates."""
    return not answer.page.card.config.has_gates


def _decides_once(answer: Answer) -> bool:
    """Whether all decisions are made before the first gated block, so that forcing one changes no other."""
    return answer.page.card.config.policy == "one-shot"


def _thing(answer: Answer) -> str:
    return "block" if _is_static(answer) else "gate"


def _free_in_words(answer: Answer) -> str:
    return AS_TRAINED if _is_static(answer) else FREE


def _consequence(answer: Answer) -> str:
    what_if = answer.what_if
    if what_if.gates and what_if.free.passes:
        before, after = (in_passes(len(trace.passes)) for trace in (what_if.free, what_if.forced))
        made = f"The network makes {after}" + ("" if before == after else f" instead of {before}")
        return f"Every pass runs a forced block at the forced option. {made}."
    if _is_static(answer):
        return "All other blocks stay as they are." if what_if.gates else "Click a block to choose it."
    if not what_if.gates:
        return "Click a block to choose its gate, or a cell of the board to force that option."
    if _decides_once(answer):
        return "This network decides once, from the first block's output. All other decisions stay as they are."
    if what_if.held:
        return "All other gates are held at their free decisions."
    followed = [str(block + FIRST_GATED) for block in what_if.followed]
    if not followed:
        return "The gates after a forced one decided again, with the same result."
    where = f"block {followed[0]}" if len(followed) == 1 else f"blocks {', '.join(followed)}"
    return f"The gates after a forced one decided again. Changed: {where}."


def _path_in_words(answer: Answer) -> str:
    trace = answer.what_if.forced
    taken = [name for name in trace.options if name in trace.decisions]
    counts = [f"{trace.decisions.count(name)} at {option_label(name)}" for name in taken]
    told = f"Prediction for {answer.picture.name}: {class_name(trace.label)}"
    return f"{told}; blocks: {', '.join(counts)}; cp {trace.cp:.2f} %"


def _block_picked() -> None:
    found = picked(PATH, BLOCK_PARAM)
    if found and found["block"] >= FIRST_GATED:
        state.change(page={"block": found["block"]})


def _gate_picked(answer: Answer) -> None:
    found = picked(GATES, GATE_PARAM)
    if found:
        index, imposed = found["block"] - FIRST_GATED, answer.what_if.gates
        impose(imposed, index, None if imposed.get(index) == found["option"] else found["option"])
