"""Whether a prediction is right: as a word, and as a mark before a text."""

from __future__ import annotations

from typing import Literal

from dashboard.answers.pictures import Picture
from dfs_core.trace import DecisionTrace

Verdict = Literal["right", "wrong", ""]  # empty if the true class is unknown
GLYPHS: dict[Verdict, str] = {"right": "✓", "wrong": "✗", "": ""}


def verdict(trace: DecisionTrace, picture: Picture) -> Verdict:
    """Whether the prediction is the picture's true class."""
    if picture.truth is None:
        return ""
    return "right" if trace.label == picture.truth else "wrong"


def marked(found: Verdict, text: str) -> str:
    """The text with the mark of the verdict before it.

    >>> marked("right", "cat"), marked("wrong", "cat"), marked("", "cat")
    ('✓ cat', '✗ cat', 'cat')
    """
    return f"{GLYPHS[found]} {text}".lstrip()
