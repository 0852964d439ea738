"""The state that pages share, kept in the session and in the URL, and the widgets that show and change it."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import streamlit as st

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.networks import Network
from dashboard.answers.pictures import index_of_test, is_own_key
from dashboard.ui import cached
from dashboard.ui.links import State, from_query, link, to_query
from dfs_core.checkpoints.card import Card

__all__ = ["Control", "State", "change", "enter", "from_query", "link", "open_state", "to_query"]

_STATE, _URL, _CHOSEN, _PATH, _PAGES = "shared_state", "shared_url", "shared_chosen", "shared_path", "shared_pages"
_NETWORK = "shared_network"  # the one in use
KEYS = 8  # of a control; enough that the browser has forgotten a key's old value when it comes round
# Page parameters that speak of one network: of its blocks and costs, and of its classes.
_OF_BLOCKS = frozenset(("force", "hold", "block", "price", "taken", "policy", "of", "low", "high", "by", "passes"))
_OF_CLASSES = frozenset(("class", "answer"))
_REMOVED = "Filters and forced gates of the former network were removed."
_STALE_S = 0.5  # how long the browser may still send the URL from before ours


def enter(url_path: str) -> None:
    """Record which page is about to run; called by ``app.py``."""
    st.session_state[_PATH] = f"/{url_path}"


def open_state(catalogue: Catalogue, forms: Mapping[str, str]) -> State:
    """The session's state at the start of a run: from the URL if the user changed it, else as the controls left it.

    ``forms`` are the page's own parameters, as ``links.from_query`` takes them.
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
    # Write also if the browser already sent this URL: it may be about to apply an older one that we wrote before.
    if wanted != query or (written is not None and wanted != written[0]):
        st.query_params.from_dict(wanted)
    if written is None or wanted != written[0]:
        st.session_state[_URL] = (wanted, query, time.monotonic())
    return state


def current() -> State:
    """The session's state, including what callbacks of this run changed."""
    return cast(State, st.session_state[_STATE])


def change(**changes: Any) -> None:
    """Change fields of the session's state; for callbacks, which run before the page does.

    ``page`` is merged into the page's own parameters; an empty value removes a parameter.
    """
    state = current()
    st.session_state[_STATE] = replace(_merged(state, changes), click_id=state.click_id + 1)
    st.session_state[_CHOSEN] = True  # so that this run ignores its URL, which is older than the choice


def _merged(state: State, changes: Mapping[str, Any]) -> State:
    page = {**state.page, **changes.get("page", {})}
    own = {key: str(value) for key, value in page.items() if value not in (None, "")}
    return replace(state, **{**changes, "page": own})


@dataclass(frozen=True, slots=True)
class Control:
    """A widget that shows a part of the state. Other widgets, charts and links can change that part too.

    If they do, the widget is replaced by a new one with another key, and the old one's callback does nothing. Writing
    the new value under the old key is not enough: the browser sends the old value with the next interaction, which
    would count as a choice and undo the change. Keys come round after a while: Streamlit keeps what it knows of every
    key for as long as the session lasts.
    """

    name: str
    key: str

    @classmethod
    def showing(cls, name: str, value: Any, same: Callable[[Any, Any], bool] = operator.eq) -> Self:
        """The control of that name, showing ``value``; ``same`` tells whether the old widget already shows it."""
        control = cls(name, _control_key(name))
        if control.key in st.session_state and not same(st.session_state[control.key], value):
            st.session_state[_count(name)] = (st.session_state[_count(name)] + 1) % KEYS
            control = cls(name, _control_key(name))
        return control

    def choice(self, action: Callable[[Any], None]) -> Callable[[], None]:
        """A callback that passes the chosen value to ``action``."""

        def chosen() -> None:
            if self.key == _control_key(self.name):
                action(st.session_state[self.key])

        return chosen


def use_checkpoint(card: Card, before: Card) -> None:
    """Change to another checkpoint, and with it to its network; ``before`` is the card of the one in use."""
    changes, removed = to_another_network(current(), Network.of(before), Network.of(card))
    change(checkpoint=card.name, budget=None, note=removed, **changes)


def _to_another_data_set(shared: State) -> dict[str, Any]:
    """What ``change`` has to change with the data set: of all pictures, only one's own go with it."""
    for page in st.session_state.get(_PAGES, {}).values():
        for key in [key for key, value in page.items() if index_of_test(value) is not None]:
            del page[key]
    numbered = {key: "" for key, value in shared.page.items() if index_of_test(value) is not None}
    image = shared.image if is_own_key(shared.image) else None
    return {"image": image, "gallery": 1, "page": numbered}


def to_another_network(shared: State, before: Network, after: Network) -> tuple[dict[str, Any], str]:
    """What ``change`` has to change with the network; and a sentence if a page loses a filter or forced gate."""
    if before == after:
        return {}, ""
    same = before.dataset == after.dataset
    changes = {"page": {}} if same else _to_another_data_set(shared)
    gone = _OF_BLOCKS if same else _OF_BLOCKS | _OF_CLASSES
    lost = gone & shared.page.keys()
    changes["page"] = changes["page"] | dict.fromkeys(lost, "")
    for page in st.session_state.get(_PAGES, {}).values():
        here = gone & page.keys()
        for key in here:
            del page[key]
        lost |= here
    return changes, _REMOVED if lost - {"block", "price"} else ""


def _moved_on(state: State, linked: State | None, path: str) -> State:
    """The state after navigation: the link's, or the former one with the parameters that the new page had last."""
    pages = st.session_state.setdefault(_PAGES, {})
    pages[state.path] = state.page
    if linked is not None:
        return replace(linked, click_id=state.click_id + 1)
    return replace(state, path=path, page=pages.get(path, {}), note="", click_id=state.click_id + 1)


def _possible(state: State, catalogue: Catalogue) -> State:
    """The state with a checkpoint, a budget and a gallery page that exist."""
    card = catalogue.named(state.checkpoint)
    if card is None:  # its folder was deleted while the page was open
        network = st.session_state.get(_NETWORK)
        card = (catalogue.on(network) if network in catalogue.networks else catalogue).default
        note = f"The checkpoint '{state.checkpoint}' no longer exists. In use instead: {card.name}."
        changes, removed = to_another_network(state, network, Network.of(card)) if network else ({}, "")
        state = _merged(state, {"checkpoint": card.name, "note": f"{note} {removed}".strip(), **changes})
    st.session_state[_NETWORK] = Network.of(card)
    budget, note = operating.fit_budget(card, state.budget)
    if budget != state.budget:
        state = replace(state, budget=budget, note=state.note or note)
    if state.gallery == 1:  # always exists; counting the pages would read the images
        return state
    pages = cached.gallery_pages(cached.test_images(card), card)
    if state.gallery <= pages:
        return state
    note = f"The gallery has no page {state.gallery:,}; the last one is {pages:,}."
    return replace(state, gallery=pages, note=" ".join(filter(None, (state.note, note))))


def _count(name: str) -> str:
    return f"{name}_renewed"


def _control_key(name: str) -> str:
    return f"{name}_{st.session_state.setdefault(_count(name), 0)}"


def _is_news(query: dict[str, str], written: tuple[dict[str, str], dict[str, str], float]) -> bool:
    """Whether the user went back in the browser's history or edited the URL.

    The browser sends its URL with every interaction. Shortly after we write a new URL it may still send the one before;
    reading that would undo the user's last step.
    """
    last, before, when = written
    return query != last and not (query == before and time.monotonic() - when < _STALE_S)
