"""What every page shares, kept in the session and in the URL, and the widgets that show and change a part of it."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue
from dashboard.ui import cached
from dashboard.ui.links import State, from_query, link, to_query

__all__ = ["Control", "State", "change", "enter", "from_query", "link", "open_state", "to_query"]

_STATE, _URL, _CHOSEN, _PATH, _PAGES = "shared_state", "shared_url", "shared_chosen", "shared_path", "shared_pages"
_STALE_S = 0.5


def enter(url_path: str) -> None:
    """Note which page is about to run; for ``app.py``."""
    st.session_state[_PATH] = f"/{url_path}"


def open_state(catalogue: Catalogue, forms: Mapping[str, str]) -> State:
    """The session's state at the start of a run: from the URL when that is news, else as the controls left it.

    ``forms`` are those of the page's own parameters, as ``links.from_query`` takes them.
    """
    query = st.query_params.to_dict()
    written = st.session_state.get(_URL)
    chosen = st.session_state.pop(_CHOSEN, False)
    path = st.session_state.get(_PATH, "/")
    state = cast(State | None, st.session_state.get(_STATE))
    if state is None:
        state = from_query(query, catalogue, path, forms)
    elif path != state.path:
        news = not chosen and not (written and query == written[0])
        state = _moved_on(state, from_query(query, catalogue, path, forms) if news and query else None, path)
    elif written is not None and not chosen and _is_news(query, written):
        state = from_query(query, catalogue, path, forms)
    state = _possible(state, catalogue)
    st.session_state[_STATE] = state
    wanted = to_query(state, catalogue)
    # The browser may be about to take a URL that we wrote before this one, so what it sent does not settle the matter.
    if wanted != query or (written is not None and wanted != written[0]):
        st.query_params.from_dict(wanted)
    if written is None or wanted != written[0]:
        st.session_state[_URL] = (wanted, query, time.monotonic())
    return state


def current() -> State:
    """The session's state as callbacks left it; for callbacks."""
    return cast(State, st.session_state[_STATE])


def change(**changes: Any) -> None:
    """Change fields of the session's state; for callbacks, which run before the page does.

    ``page`` sets some of the page's own parameters and leaves the others; one whose value is empty is taken away.
    """
    state = current()
    if "page" in changes:
        merged = {**state.page, **changes["page"]}
        changes["page"] = {key: str(value) for key, value in merged.items() if value not in (None, "")}
    st.session_state[_STATE] = replace(state, turn=state.turn + 1, **changes)
    st.session_state[_CHOSEN] = True  # the URL that came with this very run is from before the choice


@dataclass(frozen=True, slots=True)
class Control:
    """A widget that shows a part of the state, which other widgets, charts and links change as well.

    To write a changed value into the session under the widget's key would do for a slow user. A fast one's next
    interaction still brings the widget's old value along, which would count as a choice and undo the change. So a
    widget whose value was changed elsewhere gives way to a new one of another key, and is not listened to any more.
    """

    name: str
    key: str

    @classmethod
    def showing(cls, name: str, value: Any, same: Callable[[Any, Any], bool] = operator.eq) -> Self:
        """The control of that name, which is to show ``value``, or one that is the ``same``."""
        control = cls(name, _control_key(name))
        if control.key in st.session_state and not same(st.session_state[control.key], value):
            st.session_state[_count(name)] += 1
            control = cls(name, _control_key(name))
        return control

    def choice(self, action: Callable[[Any], None]) -> Callable[[], None]:
        """A callback that calls ``action`` with the chosen value."""

        def chosen() -> None:
            if self.key == _control_key(self.name):
                action(st.session_state[self.key])

        return chosen


def _moved_on(state: State, linked: State | None, path: str) -> State:
    """The state after navigation: a link's, or else what it was, with the own parameters that the page had last."""
    pages = st.session_state.setdefault(_PAGES, {})
    pages[state.path] = state.page
    if linked is not None:
        return replace(linked, turn=state.turn + 1)
    return replace(state, path=path, page=pages.get(path, {}), note="", turn=state.turn + 1)


def _possible(state: State, catalogue: Catalogue) -> State:
    """The state with a checkpoint that is there, a budget that it can be asked for, and a page that the gallery has."""
    card = catalogue.named(state.checkpoint)
    if card is None:  # its folder was deleted while the page was open
        note = f"The checkpoint '{state.checkpoint}' is gone."
        card = catalogue.default
        state = replace(state, checkpoint=card.name, note=note)
    budget, note = operating.fit_budget(card, state.budget)
    if budget != state.budget:
        state = replace(state, budget=budget, note=state.note or note)
    if state.gallery == 1:  # there always is a first one, so that the images need not be read to know it
        return state
    pages = cached.gallery_pages(cached.test_images(card))
    if state.gallery <= pages:
        return state
    note = f"The gallery has no page {state.gallery:,}: its last one is {pages:,}."
    return replace(state, gallery=pages, note=" ".join(filter(None, (state.note, note))))


def _count(name: str) -> str:
    return f"{name}_renewed"


def _control_key(name: str) -> str:
    return f"{name}_{st.session_state.setdefault(_count(name), 0)}"


def _is_news(query: dict[str, str], written: tuple[dict[str, str], dict[str, str], float]) -> bool:
    """Whether somebody went back in the browser's history or edited the URL.

    The browser sends the URL with every interaction. One that comes just after we wrote a new URL may still carry the
    one before; to take that for a wish would undo the user's last step.
    """
    last, before, when = written
    return query != last and not (query == before and time.monotonic() - when < _STALE_S)
