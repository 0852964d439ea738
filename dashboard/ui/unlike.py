"""What a network cannot know: pictures of none of its classes, and pictures unlike those that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.answers.naming import classes_in_words, listed, unbroken
from dashboard.answers.pictures import Picture
from dashboard.ui import cached
from dashboard.ui.messages import plain
from dfs_core.checkpoints.card import Card
from dfs_core.data.known import title_of

MARK = "unlike the training images"


def is_unlike(picture: Picture, card: Card) -> bool:
    """Whether a picture is marked; never where nobody measured what the training images look like."""
    return bool(_marked([picture], card))


def say_classes(card: Card) -> None:
    """Say which classes the network knows, and that it names one of them for any picture."""
    st.caption(
        f"The network knows only {plain(classes_in_words(card.classes))}. It names one of them for any picture, even if"
        " the picture shows something else, and it can be very sure of it."
    )


def say_marked(pictures: Sequence[Picture], card: Card) -> None:
    """Name the pictures that are unlike the training images, and say what the mark is worth."""
    found = cached.familiar(card)
    if isinstance(found, str):
        st.warning(plain(found), icon=":material/edit_document:")
        return
    marked = _marked(pictures, card)
    if found is None or not marked:
        return
    rates = [f"{share:.0f} % of {title_of(kind.removesuffix(', test'))}" for kind, share in found.marked.items()]
    st.caption(
        f":material/help: **{MARK.capitalize()}**: {plain(listed(picture.name for picture in marked))}. For such"
        f" a picture the answer may mean little. A picture without this mark may still show no known class: the mark"
        f" finds {plain(unbroken(listed(rates)))}."
    )


def _marked(pictures: Sequence[Picture], card: Card) -> list[Picture]:
    found = cached.familiar(card)
    if found is None or isinstance(found, str) or not pictures:
        return []
    seen = np.stack([picture.at(card.config.image_size).seen for picture in pictures])
    return [picture for picture, away in zip(pictures, found.distance(seen), strict=True) if away > found.limit]
