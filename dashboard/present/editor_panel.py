"""The editor of a talk: the list of its slides, and the bar with title, files and undo."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.answers.naming import unbroken
from dashboard.export import formats
from dashboard.export.talk import Slide, SlideKind, Talk
from dashboard.export.webpage import text_html
from dashboard.present import show_panel, slides, talk_file
from dashboard.present.cached import slide_preview
from dashboard.ui import address, downloads, session_talk, state
from dashboard.ui.downloads import TalkFile
from dashboard.ui.messages import plain
from dfs_core.errors import UserError

_NEW: tuple[tuple[SlideKind, str, str], ...] = (("title", "Title slide", ""), ("text", "Text slide", "Question"))
_OPENED = "talk_opened"  # number of opened files; each has a new uploader, so that no file is read twice
_REFUSED, _FILE = "talk_refused", "talk_making"
# A download button is disabled while its file is made, because a rerun of the page could lose the file.
_MAKING = '<style>.st-key-talk_bar .stDownloadButton button:disabled::after {content: "Making the file"}</style>'


def bar(talk: Talk) -> None:
    """The bar for the whole talk: title, present, files, open, clear, undo. Files are made on demand."""
    app, empty = address.app(), not talk.slides
    with st.container(key="talk_bar", horizontal=True, vertical_alignment="bottom", gap="small"):
        if not empty:
            control = state.Control.showing("talk_title", talk.title)
            st.text_input(
                "Title of the talk",
                talk.title,
                key=control.key,
                width="stretch",
                on_change=control.choice(lambda title: session_talk.keep(session_talk.current().rename(title))),
            )
            st.button(
                "Present", icon=":material/play_arrow:", type="primary", key="talk_start", on_click=show_panel.start
            )
            _download("PowerPoint", ":material/co_present:", "pptx", lambda talk: slides.to_pptx(talk, app))
            _download("HTML", ":material/public:", "html", lambda talk: slides.to_html(talk, app))
            _download("Save", ":material/save:", "json", lambda talk: talk_file.to_json(talk).encode())
            st.html(_MAKING)
        _opener()
        if not empty:
            st.button(
                "Clear", icon=":material/delete_sweep:", key="talk_clear", on_click=session_talk.keep, args=(Talk(),)
            )
            for kind, label, title in _NEW:
                st.button(label, icon=":material/add:", key=f"talk_new_{kind}", on_click=_new, args=(kind, title))
        if session_talk.can_undo():
            st.button("Undo", icon=":material/undo:", key="talk_undo", on_click=session_talk.undo)
    if not empty:
        st.html(
            '<p class="dfs-kept">This browser keeps the talk: after a reload, open it again here. For another'
            " browser, save its file.</p>"
        )
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(plain(refused), icon=":material/error:")


def _new(kind: SlideKind, title: str) -> None:
    """Add a title slide in front, or a text slide at the end; a callback."""
    talk = session_talk.current()
    at = 0 if kind == "title" else None
    try:
        session_talk.keep(talk.add(Slide.written(kind, talk.title if kind == "title" else title), at))
    except UserError as error:
        st.session_state[_REFUSED] = str(error)


def listing(talk: Talk) -> None:
    """Every slide with its preview, title, notes and the buttons that move it."""
    for index, slide in enumerate(talk.slides):
        with st.container(border=True, key=f"slide_{index}"):
            left, middle, right = st.columns([26, 58, 16], gap="medium")
            with left:
                _preview(slide)
            with middle:
                _texts(index, slide)
            with right:
                _places(index, slide, len(talk.slides))


def _preview(slide: Slide) -> None:
    if slide.kind != "view":
        title = escape(unbroken(slide.title))
        st.html(f'<div class="dfs-written {slide.kind}"><b>{title}</b>{text_html(slide.lines)}</div>')
        return
    try:
        st.image(slide_preview(slide), width="stretch", alt=slide.alt)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/broken_image:")


def _texts(index: int, slide: Slide) -> None:
    title = state.Control.showing(f"slide_title_{index}", slide.title)
    st.text_input("Title", slide.title, key=title.key, on_change=title.choice(_edit(slide, "title")))
    if slide.kind != "view":
        text = state.Control.showing(f"slide_text_{index}", slide.text)
        st.text_area(
            "Text; a line that begins with '- ' is a point of a list",
            slide.text,
            key=text.key,
            height=140,
            on_change=text.choice(_edit(slide, "text")),
        )
    notes = state.Control.showing(f"slide_notes_{index}", slide.notes)
    st.text_area("Speaker notes", slide.notes, key=notes.key, height=80, on_change=notes.choice(_edit(slide, "notes")))
    where = f" · [open the page]({address.inside(slide.stamp.link)})" if slide.stamp.link else ""
    if slide.kind != "view":
        return
    facts = [*slide.stamp.checkpoints, slide.stamp.cost, slide.stamp.kind]
    st.caption(f"{plain(' · '.join(filter(None, facts)))}{where}")


def _edit(slide: Slide, what: Literal["title", "notes", "text"]) -> Callable[[str | None], None]:
    """The action of a slide's text field."""
    return lambda text: session_talk.change(slide.key, lambda talk, index: talk.edit(index, **{what: text or ""}))


def _places(index: int, slide: Slide, count: int) -> None:
    st.markdown(f"**{index + 1}** of {count}")
    steps: list[tuple[str, str, Callable[[Talk, int], Talk], bool]] = [
        ("Move up", "arrow_upward", lambda talk, at: talk.move(at, -1), index > 0),
        ("Move down", "arrow_downward", lambda talk, at: talk.move(at, 1), index < count - 1),
        ("Remove", "delete", lambda talk, at: talk.remove(at), True),
    ]
    for label, icon, how, possible in steps:
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"slide_{label}_{index}",
            type="tertiary",
            on_click=session_talk.change,
            args=(slide.key, how),
            disabled=not possible,
        )
    st.button(
        "Present from here",
        icon=":material/play_arrow:",
        key=f"slide_start_{index}",
        type="tertiary",
        on_click=show_panel.start,
        args=(index + 1,),
    )


def _download(label: str, icon: str, kind: str, make: Callable[[Talk], bytes]) -> None:
    """A download button of the talk. The file name is set before the click, so it does not contain the talk's title."""
    made: TalkFile = st.session_state.setdefault(f"{_FILE}_{kind}", TalkFile(session_talk.held(), make))
    name = formats.filename("Talk from DFS Explorer", talk_file.SUFFIX if kind == "json" else kind)
    downloads.button(label, made, name, kind, key=f"talk_{kind}", icon=icon, on_click=made.clicked)


def _opener() -> None:
    count = st.session_state.setdefault(_OPENED, 0)
    with st.popover("Open", icon=":material/folder_open:", key="talk_open"):
        st.caption(f"Open a saved talk (.{talk_file.SUFFIX}). It replaces this one.")
        key = f"talk_file_{count}"
        st.file_uploader(
            "A talk's file", type=None, key=key, on_change=_open, args=(key,), label_visibility="collapsed"
        )


def _open(key: str) -> None:
    file: UploadedFile | None = st.session_state[key]
    if file is None:
        return
    st.session_state[_OPENED] += 1
    try:
        session_talk.keep(talk_file.from_json(file.getvalue()))
    except UserError as error:
        st.session_state[_REFUSED] = f"{file.name}: {error}"
