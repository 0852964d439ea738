"""Presenting: one slide on the whole screen, with keys to move."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.answers.naming import unbroken
from dashboard.answers.parameters import whole_number
from dashboard.drawing import marks
from dashboard.export.talk import NO_STAMP, Slide, Talk
from dashboard.export.webpage import text_html
from dashboard.present import keys_panel
from dashboard.ui import address, session_talk, state

SHOW, NOTES = "show", "notes"  # this page's own parameters in the URL
_HIDDEN_KEYS = {"PageUp": -1, "PageDown": 1, "Home": -(10**6), "End": 10**6}  # as remote controls send them


def number(shared: state.State, talk: Talk) -> int | None:
    """Number of the presented slide, from 1; None in the editor."""
    wished = whole_number(shared.page.get(SHOW), 0)
    return None if wished is None or not talk.slides else min(max(wished, 1), len(talk.slides))


def start(at: int = 1) -> None:
    """Present the slide with that number, from 1; a callback."""
    state.change(page={SHOW: at})


def stop() -> None:
    """Return to the editor; a callback."""
    state.change(page={SHOW: "", NOTES: ""})


def present(talk: Talk, at: int, shared: state.State, theme: str | None) -> None:
    """Draw the slide with number ``at``, from 1, and the buttons."""
    slide, count = talk.slides[at - 1], len(talk.slides)
    notes = shared.page.get(NOTES) == "on"
    with st.container(key="talk_stage"):
        place = st.container()  # filled last, so that keys work at once
        with st.container(
            key="talk_moves", horizontal=True, horizontal_alignment="center", vertical_alignment="center"
        ):
            _move("Previous", ":material/chevron_left:", at - 1, at > 1, "ArrowLeft")
            st.markdown(f"**{at}&nbsp;/&nbsp;{count}**", width="content")
            _move("Next", ":material/chevron_right:", at + 1, at < count, "ArrowRight")
            st.button(
                "Hide notes" if notes else "Notes",
                key="talk_notes",
                icon=":material/speaker_notes:",
                type="tertiary",
                shortcut="N",
                on_click=state.change,
                kwargs={"page": {NOTES: "" if notes else "on"}},
            )
            keys_panel.keys(talk, at, start)
            st.button("End", key="talk_end", icon=":material/close:", type="tertiary", shortcut="Escape", on_click=stop)
        with st.container(key="talk_keys"):
            for key, by in _HIDDEN_KEYS.items():
                to = min(max(at + by, 1), count)
                st.button(key, key=f"talk_{key}", shortcut=key, on_click=start, args=(to,), disabled=to == at)
        place.html(_slide(slide, at, count, theme, notes))


def _move(label: str, icon: str, to: int, possible: bool, shortcut: str) -> None:
    st.button(
        label,
        key=f"talk_{label.lower()}",
        icon=icon,
        type="tertiary",
        shortcut=shortcut,
        on_click=start,
        args=(to,),
        disabled=not possible,
    )


def _slide(slide: Slide, at: int, count: int, theme: str | None, notes: bool) -> str:
    said = escape(slide.notes) or "No notes for this slide."
    aside = f'<aside aria-label="Speaker notes">{said}</aside>' if notes else ""
    bar = f'<i style="width:{100 * at / count:.1f}%"></i>'
    title = escape(unbroken(slide.title))
    if slide.kind == "view":
        kind, shown = "", marks.image(slide.picture(theme), slide.alt)
    else:
        kind, shown = f" {slide.kind}", f'<div class="dfs-text">{text_html(slide.lines)}</div>'
    stamp = slide.stamp.absolute(address.app()).line() if slide.stamp != NO_STAMP else ""
    return f"""<article class="dfs-slide{kind}">
{bar}
<h1>{title}</h1>
{shown}
{f'<p class="dfs-stamp">{escape(stamp)}</p>' if stamp else ""}
{aside}
</article>"""


def show_missing(shared: state.State) -> None:
    """Say if the link is to a slide but the session has no talk."""
    if SHOW in shared.page and not session_talk.current().slides:
        st.info(
            "This link is to a slide of a talk that is not open here. Open it below: as this browser kept it, or from"
            " its file."
        )
