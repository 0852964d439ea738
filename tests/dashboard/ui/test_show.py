"""What a click in a chart chooses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.ui import show


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({}, None),
        ({"pick": []}, None),
        ({"pick": [{"checkpoint": "a", "click_id": 3}]}, "a"),
        ({"pick": [{"checkpoint": "a", "click_id": 3}], "tick": [{"checkpoint": "b", "click_id": 4}]}, "b"),
        ({"pick": [{"checkpoint": ""}]}, None),  # a published point: nothing to load
        ({"pick": [{}], "tick": [{"checkpoint": "b", "click_id": 1}]}, "b"),  # a title between the marks
        (
            {"pick": [{"click_id": 5}], "tick": [{"checkpoint": "b", "click_id": 5}]},
            "b",
        ),  # the mark is the second one's
        ({"pick": [{"checkpoint": None, "click_id": 5}], "tick": [{"checkpoint": "b", "click_id": 5}]}, "b"),
        ({"other": [{"checkpoint": "c", "click_id": 9}]}, None),
    ],
)
def test_the_newest_choice_counts_and_what_is_not_there_to_be_clicked_does_not(
    selection: dict[str, Any], chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show.st, "session_state", {"curve": SimpleNamespace(selection=selection)})
    found = show.picked("curve", "pick", "tick")
    assert (found and found["checkpoint"]) == chosen
