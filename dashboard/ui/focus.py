"""The image in focus: the control that chooses it, and its details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from dashboard.answers.costs import measures_shown, of_trace
from dashboard.answers.naming import class_name
from dashboard.answers.pictures import Picture, loses_nothing
from dashboard.answers.tables import Shown
from dashboard.answers.verdicts import marked
from dashboard.ui import state, unlike
from dfs_core.checkpoints.card import Card
from dfs_core.trace import DecisionTrace

FOCUS = "focus"
TOP = 4  # classes listed


def item_in_focus(shown: Sequence[Shown], shared: state.State) -> Shown | None:
    """The image that the state names, or the first one; None if nothing is shown."""
    return next((item for item in shown if item.picture.key == shared.image), shown[0] if shown else None)


def panel(shown: Sequence[Shown], item: Shown | None, card: Card) -> None:
    """Show the image in focus: as given, as the network of ``card`` sees it, and its likeliest classes."""
    if item is None:
        return
    names = {other.picture.key: f"{number}. {other.picture.name}" for number, other in enumerate(shown, start=1)}
    with st.container(key="in_focus", border=True):
        choose("Image in focus", names, item.picture.key, FOCUS)
        st.html(_html(item, _spent(item, card), unlike.is_unlike(item.picture, card)))


def choose(
    label: str, names: Mapping[str, str], chosen: str, key: str, hidden: bool = False, width: int | None = None
) -> None:
    """The control that puts another image in focus.

    Args:
        label: of the control.
        names: image key -> name.
        chosen: key of the image in focus.
        key: of the control.
        hidden: whether only screen readers get the label.
        width: in pixels; None fills the container.
    """
    control = state.Control.showing(key, chosen)
    st.selectbox(
        label,
        list(names),
        list(names).index(chosen),
        format_func=names.__getitem__,
        key=control.key,
        on_change=control.choice(lambda image: state.change(image=image)),
        label_visibility="collapsed" if hidden else "visible",
        width=width or "stretch",
    )


def given_and_seen(picture: Picture) -> str:
    """HTML figures of a picture as given and as the network sees it; one figure if the two are the same."""
    figures = [
        (picture.given_uri, f"{picture.name}, as given", "as given"),
        (picture.seen_uri, f"{picture.name}, {len(picture.seen)} by {len(picture.seen)}", "as the network sees it"),
    ]
    if loses_nothing(picture):
        figures = [(picture.seen_uri, picture.name, "as given, and as the network sees it")]
    marks = [_crop_mark(picture), ""]
    return "".join(
        f'<figure><div class="dfs-crop"><img src="{uri}" alt="{escape(alt)}">{mark}</div>'
        f"<figcaption>{caption}</figcaption></figure>"
        for (uri, alt, caption), mark in zip(figures, marks, strict=False)
    )


def _crop_mark(picture: Picture) -> str:
    """The frame of the square that the network sees, over a picture that is not square."""
    width, height = picture.given_size
    side = 100 * min(width, height) / max(width, height)
    if width == height:
        return ""
    along, across = picture.crop * (100 - side), (100 - side) / 2
    left, top = (along, across) if width > height else (across, along)
    return f'<i style="left:{left:.1f}%;top:{top:.1f}%;width:{side:.1f}%"></i>'


def class_bars(trace: DecisionTrace) -> str:
    """The likeliest classes with their probabilities, as HTML list items."""
    names = map(class_name, trace.classes)
    best = sorted(zip(trace.class_probabilities, names, strict=True), reverse=True)[:TOP]
    return "".join(
        f'<li><span>{escape(name)}</span><i style="width:{100 * share:.1f}%"></i><b>{100 * share:.1f} %</b></li>'
        for share, name in best
    )


def _spent(item: Shown, card: Card) -> str:
    """The image's cost in words: cp, all-in, and the measure in use."""
    spent = of_trace(item.trace, card.config)
    return " · ".join(f"{one.name} {spent[one.column]:.2f} %" for one in measures_shown(state.current().cost))


def _html(item: Shown, spent: str, unusual: bool) -> str:
    picture, trace = item.picture, item.trace
    verdict = marked(item.verdict, picture.truth_in_words)
    origin = {"drawing": "drawing", "test": "test image", "upload": "upload", "camera": "camera"}[picture.origin]
    about = escape(" · ".join([origin, verdict, spent, *([unlike.MARK] if unusual else [])]))
    words = f"<div><p>{about}</p><ol>{class_bars(trace)}</ol></div>"
    return f'<div class="dfs-focus">{given_and_seen(picture)}{words}</div>'
