"""The quiz on the Learn page: predict, reveal, and the score."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from dashboard.answers import tables
from dashboard.answers.naming import plain, unbroken
from dashboard.answers.parameters import whole_number
from dashboard.answers.tables import Shown
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.learn import quiz, steps_panel
from dashboard.learn.quiz import Question
from dashboard.ui import cached, image_bar, state
from dashboard.ui.page import Opened
from dashboard.ui.read_only import read_only
from dashboard.ui.show import show
from dashboard.views import strip_chart
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError
from dfs_core.trace import DecisionTrace

GIVEN, AT = "quiz_given", "question"
KEPT = 32  # quizzes whose answers a session keeps


def panel(page: Opened, shown: Sequence[Shown]) -> None:
    """The score, the open question and, when all are answered, the decision vectors behind the answers."""
    asked = quiz.questions(shown, page.card.config, page.shared.cost, _doubled(page, shown), _cheapest(page, shown))
    if not asked:
        more = "show the gallery" if read_only() else "show the gallery, or upload more"
        st.info(f"A quiz needs at least two images: {more}.", icon=":material/quiz:")
        return
    given = _given(page, shown)
    _score(asked, given)
    if quiz.ways(shown) == 1:
        st.info(
            "All these images have the same decision vector here, so some answers are the same for every image. For a"
            " better quiz, choose a checkpoint above whose decisions depend on the image.",
            icon=":material/info:",
        )
    index = min(whole_number(page.shared.page.get(AT)) or 1, len(asked)) - 1
    with st.container(key="quiz", border=True):
        _ask(asked[index], (index, len(asked)), given, shown, _sitting(page, shown))
    _around(page, index, len(asked))
    if all(question.key in given for question in asked):
        _evidence(page, shown)


def _ask(
    question: Question, place: tuple[int, int], given: dict[str, int], shown: Sequence[Shown], sitting: str
) -> None:
    """One question with its choices, and its answer if one was given.

    Args:
        question: the question.
        place: its index, from 0, and the number of questions.
        given: from ``_given``.
        shown: the images of the quiz.
        sitting: from ``_sitting``. The choices are kept under it, as the answers are.
    """
    st.markdown(f"**Question {place[0] + 1} of {place[1]}**")
    st.markdown(unbroken(f"## {question.text}"))
    st.html(_pictures(question.shown or shown))
    answered = given.get(question.key)
    chosen = st.radio(
        "Your prediction",
        range(len(question.choices)),
        index=answered,
        format_func=lambda index: plain(unbroken(question.choices[index])),
        key=f"quiz_{question.key}_{sitting}",
        disabled=answered is not None,
        horizontal=True,
    )
    if answered is None:
        st.button(
            "Reveal",
            type="primary",
            key="reveal",
            icon=":material/visibility:",
            disabled=chosen is None,
            on_click=given.__setitem__,
            args=(question.key, chosen),
        )
    elif answered == question.answer:
        st.success(unbroken(f"Right. {question.verdict}"), icon=":material/check:")
    else:
        st.error(unbroken(question.verdict), icon=":material/close:")


def _around(page: Opened, index: int, count: int) -> None:
    """Buttons to the other questions, and to other images."""
    with st.container(key="quiz_bar", horizontal=True, vertical_alignment="center"):
        st.button("Previous question", key="previous", disabled=not index, on_click=_to, args=(index,))
        st.button("Next question", key="following", disabled=index + 1 == count, on_click=_to, args=(index + 2,))
        st.button("Again with other images", icon=":material/refresh:", key="others", on_click=_others, args=(page,))


def _score(asked: Sequence[Question], given: dict[str, int]) -> None:
    done = [question for question in asked if question.key in given]
    right = sum(given[question.key] == question.answer for question in done)
    text = f"{right} of {len(done)} right" if done else "Predict first, then reveal"
    st.progress(len(done) / len(asked), f"{text}; {len(done)} of {len(asked)} answered")


def _evidence(page: Opened, shown: Sequence[Shown]) -> None:
    """The decision vectors from which all answers were computed."""
    st.markdown("### The decisions behind the answers")
    config = page.card.config
    st.html(legends.options(config.option_set, page.colours))
    view = View(
        "quiz_strip",
        f"Decisions of {page.in_words}",
        lambda colours: strip_chart.decision_strip(shown, config, None, colours, cost=page.shared.cost),
        {"decisions": lambda: tables.decision_rows(shown, config)},
        f"Decisions of {page.in_words} for {len(shown)} images in each of {config.gated_blocks} gated blocks",
        page.stamp("the images shown"),
    )
    show(view, page.colours)


def _pictures(shown: Sequence[Shown]) -> str:
    """Pictures in HTML, with numbers instead of names, because a name may be the class."""
    numbered = tuple(f"Image {number}" for number in range(1, len(shown) + 1))
    names = {1: ("This image",), 2: quiz.PAIR}.get(len(shown), numbered)
    parts = "".join(
        f'<figure><img src="{item.picture.given_uri if len(shown) < 3 else item.picture.thumb_uri}"'
        f' alt="{name}"><figcaption>{name}</figcaption></figure>'
        for item, name in zip(shown, names, strict=True)
    )
    return f'<div class="dfs-quiz{" dfs-many" if len(shown) > 2 else ""}">{parts}</div>'


def _doubled(page: Opened, shown: Sequence[Shown]) -> tuple[float, float, list[DecisionTrace]] | None:
    """Traces of the same images at twice the budget; None if no checkpoint has it."""
    budget = page.point.target
    if budget is None or page.card.for_time:
        return None
    twice = 2 * budget
    other = _serving(page, twice)
    if other is None:
        return None
    try:
        traces = cached.shared_predictor().predict([item.picture for item in shown], other)
    except UserError:
        return None  # the question is left out; users who choose that checkpoint see the error
    return budget, twice, traces


def _serving(page: Opened, budget: float) -> OperatingPoint | None:
    card = page.card
    if card.budget_range is not None:
        return OperatingPoint(card, budget) if card.budget_range[0] <= budget <= card.budget_range[1] else None
    family = page.catalogue.family_of(card).cards
    same = [other for other in family if other.budget == budget]
    found = next((other for other in same if other.alpha == card.alpha), same[0] if same else None)
    return None if found is None else OperatingPoint(found)


def _cheapest(page: Opened, shown: Sequence[Shown]) -> tuple[str, list[DecisionTrace]] | None:
    running = [option.name for option in page.card.config.option_set if not option.is_skip]
    if len(running) < 2 or page.card.config.passes:  # no question about it
        return None
    return running[0], steps_panel.ask_forced(page, shown, running[0])


def _given(page: Opened, shown: Sequence[Shown]) -> dict[str, int]:
    """This session's answers for these images at this operating point, question key -> choice."""
    quizzes = st.session_state.setdefault(GIVEN, {})
    key = _sitting(page, shown)
    while len(quizzes) >= KEPT and key not in quizzes:
        del quizzes[next(iter(quizzes))]
    return quizzes.setdefault(key, {})


def _sitting(page: Opened, shown: Sequence[Shown]) -> str:
    """A short text that differs if the images, the operating point or the measure of cost do: so may the answers."""
    images = "".join(item.picture.digest for item in shown)
    text = f"{page.card.weights_sha256} {page.budget} {page.shared.cost} {images}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _to(number: int) -> None:
    state.change(page={AT: str(number)})


def _others(page: Opened) -> None:
    """Go to the next gallery page, after the last one to the first, and to the first question."""
    state.change(gallery=image_bar.next_page(page.card, page.shared), image=None, note="", page={AT: ""})
