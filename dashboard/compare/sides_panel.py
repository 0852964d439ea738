"""The controls of both sides of a comparison, and the pairs that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import streamlit as st

from dashboard.answers import nearest
from dashboard.answers.naming import class_name, told_apart, unbroken
from dashboard.answers.pictures import Picture, index_of_test, is_own_key
from dashboard.compare import rivals
from dashboard.compare.differences import Pair, Side
from dashboard.compare.rivals import BUDGET, RIGHT
from dashboard.ui import cached, image_bar, messages, own_panel, point_controls, state
from dashboard.ui.decide import decide
from dashboard.ui.page import Opened
from dashboard.ui.point_controls import ControlGroup, Wish, choose_measure
from dashboard.ui.switch import switch
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import DIGITS, OperatingPoint

POINTS, IMAGES = "points", "images"
KINDS = {POINTS: "Two operating points", IMAGES: "Two images"}
KIND, OTHER = "what", "other"
_NOTE = "rival_note"


def _move(name: str, **changes: Any) -> None:
    """Set side B; takes ``checkpoint``, ``budget`` and ``note``, as ``state.change`` does. The images are A's.

    ``name`` is B's checkpoint. It is kept from now on: by default, B would follow what is chosen for A.
    """
    own = {RIGHT: changes.get("checkpoint", name)}
    if "checkpoint" in changes:
        own[BUDGET] = ""
    if changes.get("budget") is not None:
        own[BUDGET] = f"{changes['budget']:.{DIGITS}g}"
    state.change(page=own, note="")
    st.session_state[_NOTE] = changes.get("note", ""), _choice(state.current().page)


def _said(own: Mapping[str, str]) -> str:
    """The note of the last choice of side B; empty if side B has changed since."""
    said, of = st.session_state.get(_NOTE, ("", None))
    return said if of == _choice(own) else ""


def _choice(own: Mapping[str, str]) -> tuple[str, str]:
    return own.get(RIGHT, ""), own.get(BUDGET, "")


A_CONTROLS = ControlGroup(brief=True, measure=False)


def _controls_of_b(card: Card) -> ControlGroup:
    return ControlGroup("b_", partial(_move, card.name), brief=True, measure=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """What the page compares.

    Attributes:
        pairs: sides A and B of each comparison; empty if a checkpoint cannot be loaded.
        points: the operating points of A and B.
        title: of the comparison.
    """

    pairs: list[Pair]
    points: tuple[OperatingPoint, OperatingPoint]
    title: str


def choose_kind(page: Opened) -> str:
    """Draw the switch between two operating points and two images, and return its value."""
    wished = page.shared.page.get(KIND, "")
    kind = wished if wished in KINDS else POINTS
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="compare_bar"
    ):
        switch("compare_kind", "Compare", KINDS, kind, _compare)
        if kind == POINTS:  # for two images it is among the controls of the operating point
            choose_measure(page.shared, 170)
    return kind


def _compare(kind: str) -> None:
    state.change(page={KIND: "" if kind == POINTS else kind})


def two_points(page: Opened) -> Compared:
    """Two operating points on the same images: A is the shared one, B has its own controls."""
    shared = page.shared
    other, note = rivals.rival(shared.page, page.catalogue, page.point, cached.traced_budgets, _said(shared.page))
    with st.container(key="sides"):
        places = st.columns(2, gap="large")
        with places[0], st.container(border=True):
            st.html(_heading("A", page.in_words, page.card))
            point_controls.choose_point(page.catalogue, shared, A_CONTROLS)
        with places[1], st.container(border=True):
            st.html(_heading("B", page.told(other), other.card))
            view = replace(shared, checkpoint=other.card.name, budget=other.budget, note=note)
            point_controls.choose_point(page.catalogue, view, _controls_of_b(other.card))
            _match(page, other)
    points = page.point, other
    pictures = image_bar.choose_pictures(page.card, shared)
    own_panel.own_panel(next((p for p in pictures if p.key == shared.image), pictures[0]), page.card)
    sizes = [point.card.config.image_size for point in points]
    if sizes[0] != sizes[1]:
        st.caption(
            f"A takes images of {sizes[0]} pixels, B of {sizes[1]}: test images are read for A and resized for B."
        )
    left, right = (decide(pictures, point) for point in points)
    pairs = [
        (Side(a, page.card.config), Side(b, other.card.config))
        for a, b in zip(left, right, strict=False)  # one is empty if its checkpoint cannot be loaded
    ]
    in_words = told_apart(*points)
    return Compared(pairs, points, f"A: {in_words[0]}; B: {in_words[1]}")


def _match(page: Opened, other: OperatingPoint) -> None:
    """The button that gives B the cost of A: two methods are compared fairly at one cost."""
    cp, family = nearest.cp_of(page.point), page.catalogue.family_of(other.card)
    same = family == page.catalogue.family_of(page.card)

    def match() -> None:
        _controls_of_b(other.card).follow(*nearest.at_cost(family, cp, other.card), Wish(cp, other.card))

    st.button(
        "Match B's cost to A's",
        icon=":material/balance:",
        key="match_cost",
        disabled=same or cp is None,
        on_click=match,
        help="A and B are one method: at one cost they would be the same. Choose another method for B."
        if same
        else "The cost of A is not on its card."
        if cp is None
        else f"Move B to the budget that is nearest to A's cp, {cp:.3g} %",
    )


def two_images(page: Opened) -> Compared:
    """Two pictures at the shared operating point."""
    point = point_controls.choose_point(page.catalogue, page.shared)
    pictures = image_bar.choose_pictures(page.card, page.shared)
    first = next((p for p in pictures if p.key == page.shared.image), pictures[0])
    at_hand = image_bar.pictures_at_hand(page.card, page.shared)  # used if the page shows only one upload
    others = {p.key: p for p in [*_linked(page), *pictures, *([] if len(pictures) > 1 else at_hand)]}
    rest = [p for p in others.values() if p.key != first.key] or [first]  # if there is no other picture
    wished = page.shared.page.get(OTHER, "")
    second = next((p for p in rest if p.key == wished), rest[0])
    if wished not in ("", first.key, second.key) and not is_own_key(wished):
        none_here = isinstance(cached.test_images(page.card), str)
        messages.no_image(wished, second.name, page.card.dataset if none_here else "")
    places = st.columns(2, gap="large")
    with places[0]:
        _picture("A", pictures, first, lambda key: state.change(image=key))
        own_panel.own_panel(first, page.card)
    with places[1]:
        _picture("B", rest, second, lambda key: state.change(page={OTHER: key}))
        if second.key != first.key:
            own_panel.own_panel(second, page.card, place="_b")
    shown = decide([first, second], point)
    config = page.card.config
    pairs = [(Side(shown[0], config), Side(shown[1], config))] if shown else []
    return Compared(pairs, (point, point), f"A: {first.name}; B: {second.name}; both under {page.in_words}")


def _linked(page: Opened) -> list[Picture]:
    """Image B, if it is a test image or a drawing that the page of the gallery does not show."""
    key, images = page.shared.page.get(OTHER), cached.test_images(page.card)
    index = index_of_test(key)
    if index is None or isinstance(images, str):
        size = page.card.config.image_size
        return [picture.at(size) for picture in cached.drawn(page.card) if picture.key == key]
    found = cached.test_picture(images, index) if index < len(images) else ""
    return [found] if isinstance(found, Picture) else []


def _picture(letter: str, pictures: Sequence[Picture], chosen: Picture, action: Callable[[str], None]) -> None:
    names = {
        picture.key: picture.name + (f", {class_name(picture.truth)}" if picture.truth else "") for picture in pictures
    }
    control = state.Control.showing(f"image_{letter}", chosen.key)
    st.selectbox(
        f"Image {letter}",
        list(names),
        list(names).index(chosen.key),
        format_func=names.__getitem__,
        key=control.key,
        on_change=control.choice(action),
    )
    name = escape(chosen.name)
    st.html(f'<div class="dfs-focus"><figure><img src="{chosen.given_uri}" alt="{name}"></figure></div>')


def _heading(letter: str, words: str, card: Card) -> str:
    said = escape(unbroken(words))
    return f'<div class="dfs-side"><b>{letter}</b><span>{said}</span><code>{escape(card.name)}</code></div>'
