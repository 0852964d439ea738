"""A starter talk tells its story with the figures of the checkpoints that are loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from made_up import ALL, CASCADE, looked_at
from pages import go_to, opened
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.answers import looks
from dashboard.answers.classes import groups
from dashboard.present import stories
from dashboard.views.points import PointRow


def point(family: str, accuracy: float, cp: float) -> PointRow:
    return cast(PointRow, {"family": family, "accuracy": accuracy, "cp": cp})


POINTS = [
    point("cascade", 99.0, 0.61),
    point("static-uniform", 90.7, 0.39),
    point("static-mixed", 91.5, 0.6),
    point("static-uniform", 92.7, 0.88),
    point("published", 99.0, 0.5),
]


@pytest.mark.parametrize(
    ("spent", "said"),
    [
        (0.61, "the best static network that costs no more is right for 91.50 %"),
        (0.99, "the best static network that costs no more is right for 92.70 %"),
        (0.3, "no static network here costs so little"),
    ],
)
def test_the_first_title_sets_the_cascade_against_the_best_static_network_at_its_cost(spent: float, said: str) -> None:
    title = stories.against_static(POINTS, 92.4, spent, "cp")
    assert title == f"A cascade is right for 92.40 % of the test images at cp {spent:.2f} %; {said}"


def test_titles_have_the_figures_of_the_traces() -> None:
    traces = looked_at()
    assert stories.where_in_doubt(traces) == (
        "It looks again where it is in doubt: at 100 % of the images of which it is less than 80 % sure,"
        " and at 0 % of the others"
    )
    rows = looks.class_rows(traces, CASCADE, ALL, groups(traces.classes))
    assert stories.by_class(rows) == "It looks again at 100 % of class c, but at 0 % of class a"
    found = looks.looked(traces, CASCADE)
    share = 100 * (1 - 0.390625 / found.costs["cp"])
    assert stories.what_it_took(found, CASCADE) == (
        f"Looking again took {share:.0f} % of cp: of 6 test images it put 1 right and 1 wrong"
    )
    sure = replace(traces, looks=replace(looks.looks_of(traces), confidence=looks.looks_of(traces).confidence * 0 + 1))
    assert stories.where_in_doubt(sure) == "It looks again at 66.7 % of the test images"


def test_the_talk_is_made_by_one_click_from_any_checkpoint(cascade_in_use: Path) -> None:
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update({"checkpoint": "tiny-dfs-20"})
    app = go_to(app, "present").run()
    app.button(key="talk_story_looking").click().run()
    assert not app.exception
    talk = app.session_state["talk"].talk
    assert talk.title == "Look again where one look was not enough"
    titles = [slide.title for slide in talk.slides]
    assert len(titles) == 5
    assert "A cascade is right for" in titles[0]
    assert "looked at again" in titles[1] or "one cheap pass was enough" in titles[1]
    assert {slide.stamp.checkpoint for slide in talk.slides} == {"tiny-cascade"}
    assert all("checkpoint=tiny-cascade" in slide.stamp.link for slide in talk.slides)


def test_without_a_cascade_its_story_is_not_offered(tiny_pretrained: Path, no_data: Path) -> None:
    app = go_to(AppTest.from_file(str(APP), default_timeout=300), "present").run()
    assert not [button for button in app.button if button.key == "talk_story_looking"]


def test_the_plain_network_has_no_talk_about_what_it_saves(tiny_pretrained: Path, no_data: Path) -> None:
    for name, offered in (("tiny-dfs-20", True), ("tiny-backbone", False)):
        app = opened("present", checkpoint=name)
        assert any(button.key == "talk_story_six" for button in app.button) is offered, name
