"""The page of an empty talk: how to fill it, and a button that makes one from the current selection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from dashboard.answers.pictures import PAGE_SIZE
from dashboard.export.talk import Slide, Talk
from dashboard.export.view import View
from dashboard.present import stories
from dashboard.present.stories import Story
from dashboard.ui import focus, image_bar, session_talk
from dashboard.ui.decide import decide
from dashboard.ui.messages import plain
from dashboard.ui.page import Opened
from dashboard.views import build
from dfs_core.checkpoints.card import Card
from dfs_core.errors import UserError


def offer(page: Opened) -> None:
    """Explain how to make a talk, and offer to make one from the current selection."""
    with st.container(key="talk_empty", border=True):
        st.markdown(
            "**Your talk is empty.** Below every chart of every page there is a button **Add to talk**. It adds the"
            " chart as it is at that moment. Here you order the slides, write notes, present them on the whole screen,"
            " and download them as PowerPoint or as an offline web page."
        )
        st.markdown(f"Or begin with views of the current selection: {plain(page.in_words)} and its images.")
        if st.button("Make a talk", icon=":material/auto_awesome:", type="primary", key="talk_make"):
            _make(Talk(), lambda: views(page))
        for story in stories.STORIES:
            if (teller := story.teller(page.catalogue, page.card)) is not None:
                _offer(page, story, teller)


def _offer(page: Opened, story: Story, teller: Card) -> None:
    """A starter talk: what it tells, and the button that makes it."""
    st.markdown(f"Or begin with a story, **{story.title}**: {story.about} It is told by {plain(teller.name)}.")
    if st.button("Make this talk", icon=":material/auto_stories:", key=f"talk_story_{story.key}"):
        _make(Talk(story.title), lambda: story.tell(page, teller))


def _make(talk: Talk, slides: Callable[[], Sequence[View | Slide]]) -> None:
    try:
        for view in slides():
            talk = talk.add(view)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if talk.slides:  # otherwise a message was shown already
        session_talk.keep(talk)
        st.rerun()


def views(page: Opened) -> list[View]:
    """Views of the current selection: curve, strip, ledger and, if it was recorded, training."""
    page = replace(page, shared=replace(page.shared, path="/", page={}))
    shown = decide(image_bar.pictures_at_hand(page.card, page.shared)[:PAGE_SIZE], page.point)
    if not shown:
        return []
    item = focus.item_in_focus(shown, page.shared)
    key = item.picture.key if item else None
    found = [
        build.curve(page, build.curve_state(page, shown, key)),
        build.strip(page, shown, key),
        build.ledger(page, shown, item),
        build.training(page),
    ]
    return [view for view in found if view is not None]
