"""What every page shares: the checkpoint in use, the image in focus and the axes, kept in the session and in the URL.

The checkpoint says which budget and alpha are in use, so it is the one thing that is stored; budget and alpha stand in
the URL as well, because people read and edit them there. Defaults drop out:

    /                                                    where the app opens
    /?checkpoint=resnet38-dfs-30&budget=30               another budget, the usual alpha
    /?budget=25                                          edited by hand: the nearest trained budget, and a note
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, cast, get_args

import streamlit as st

from dashboard.catalogue import Catalogue, format_alpha
from dashboard.pictures import OWN_KEYS
from dashboard.tables import Cost, Scale

_STATE, _URL, _CHOSEN = "shared_state", "shared_url", "shared_chosen"
_STALE_S = 0.5


@dataclass(frozen=True, slots=True)
class State:
    """The state that pages share.

    Attributes:
        checkpoint: name of the checkpoint in use.
        image: key of the image in focus; None for the first one shown.
        gallery: page of the gallery, from 1.
        cost: the measure on the cost axis.
        scale: of the cost axis.
        note: why the checkpoint is another than was asked for; shown until the next choice.
        turn: number of choices so far. Charts hand it back with a click, so that a second click on the same mark is
            another selection than the first.
    """

    checkpoint: str
    image: str | None = None
    gallery: int = 1
    cost: Cost = "cp"
    scale: Scale = "linear"
    note: str = ""
    turn: int = 0


def from_query(query: Mapping[str, str], catalogue: Catalogue) -> State:
    """Read a link. Whatever it asks for that does not exist gives the nearest thing that does, and a note."""
    notes = []
    card = catalogue.named(query["checkpoint"]) if "checkpoint" in query else catalogue.default
    if card is None:
        notes.append(f"There is no checkpoint '{query['checkpoint']}' here.")
        card = catalogue.default
    budget, alpha = _number(query, "budget", notes), _number(query, "alpha", notes)
    if budget is not None or alpha is not None:
        wished = (card.budget if budget is None else budget, card.alpha if alpha is None else alpha)
        card, note = catalogue.family_of(card).choose(*wished, near=card)
        notes.append(note)
    page = query.get("gallery", "")
    return State(
        checkpoint=card.name,
        image=query.get("image") or None,
        gallery=int(page) if page.isascii() and page.isdigit() and 0 < int(page) < 10**6 else 1,
        cost=cast(Cost, _one_of(query, "cost", get_args(Cost))),
        scale=cast(Scale, _one_of(query, "scale", get_args(Scale))),
        note=" ".join(filter(None, notes)),
    )


def to_query(state: State, catalogue: Catalogue) -> dict[str, str]:
    """Write a link: short, and without what is as it is by default. ``from_query`` gives the same state back."""
    query = {}
    card, default = catalogue.named(state.checkpoint), catalogue.default
    if card is not None and card is not default:
        query["checkpoint"] = card.name
        if card.budget is not None and card.budget != default.budget:
            query["budget"] = f"{card.budget:g}"
        if card.alpha is not None and card.alpha != default.alpha:
            query["alpha"] = format_alpha(card.alpha)
    if state.image and not state.image.startswith(OWN_KEYS):  # one's own pictures cannot travel in a link
        query["image"] = state.image
    if state.gallery != 1:
        query["gallery"] = str(state.gallery)
    if state.cost != get_args(Cost)[0]:
        query["cost"] = state.cost
    if state.scale != get_args(Scale)[0]:
        query["scale"] = state.scale
    return query


def open_state(catalogue: Catalogue) -> State:
    """The session's state at the start of a run: from the URL when that is news, else as the controls left it."""
    query = st.query_params.to_dict()
    written = st.session_state.get(_URL)
    chosen = st.session_state.pop(_CHOSEN, False)
    if _STATE not in st.session_state or (written is not None and not chosen and _is_news(query, written)):
        st.session_state[_STATE] = from_query(query, catalogue)
    state = cast(State, st.session_state[_STATE])
    if catalogue.named(state.checkpoint) is None:  # its folder was deleted while the page was open
        note = f"The checkpoint '{state.checkpoint}' is gone."
        state = replace(state, checkpoint=catalogue.default.name, note=note)
        st.session_state[_STATE] = state
    wanted = to_query(state, catalogue)
    # The browser may be about to take a URL that we wrote before this one, so what it sent does not settle the matter.
    if wanted != query or (written is not None and wanted != written[0]):
        st.query_params.from_dict(wanted)
    if written is None or wanted != written[0]:
        st.session_state[_URL] = (wanted, query, time.monotonic())
    return state


def change(**changes: Any) -> None:
    """Change fields of the session's state; for callbacks, which run before the page does."""
    state = cast(State, st.session_state[_STATE])
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
    def showing(cls, name: str, value: Any) -> Self:
        """The control of that name, which is to show ``value``."""
        control = cls(name, _control_key(name))
        if control.key in st.session_state and st.session_state[control.key] != value:
            st.session_state[_count(name)] += 1
            control = cls(name, _control_key(name))
        return control

    def choice(self, action: Callable[[Any], None]) -> Callable[[], None]:
        """A callback that calls ``action`` with the chosen value."""

        def chosen() -> None:
            if self.key == _control_key(self.name):
                action(st.session_state[self.key])

        return chosen


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


def _number(query: Mapping[str, str], key: str, notes: list[str]) -> float | None:
    if key not in query:
        return None
    try:
        value = float(query[key])
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        notes.append(f"The link's {key} '{query[key]}' is not a positive number.")
        return None
    return value


def _one_of(query: Mapping[str, str], key: str, allowed: tuple[str, ...]) -> str:
    return query[key] if query.get(key) in allowed else allowed[0]
