"""Confusions: which classes the network takes for which, as rows and as a chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypedDict

import altair as alt
import numpy as np

from dashboard.answers.classes import Group, group_numbers, largest
from dashboard.answers.naming import counted
from dashboard.drawing.figure import Figure, padded, room_for, table
from dashboard.drawing.palette import Palette
from dfs_core.checkpoints.traces import Traces

CONFUSION_PARAM = "confusion_pick"
_CELL, _SMALL = 26, 9  # pixels of a row; small where there are too many classes for numbers
_WIDTH, _NARROW = 20, 7  # least pixels of a column, likewise
_MANY = 30  # classes; with more, cells are small
_RIGHT, _FOOT = 8, 18  # pixels


class ConfusionRow(TypedDict):
    """Wrong predictions of one kind.

    Attributes:
        truth: class or superclass of the images.
        answer: class or superclass that was predicted; of a superclass, it may be the same.
        images: number of them.
        share: of all images of that truth, also those that are not chosen, in percent.
    """

    truth: str
    answer: str
    images: int
    share: float


def confusion_rows(traces: Traces, chosen: np.ndarray, groups: Sequence[Group]) -> list[ConfusionRow]:
    """The kinds of wrong predictions that occur, most frequent first.

    Args:
        traces: of the test set.
        chosen: indices of the images to count.
        groups: classes or superclasses, each class in one.
    """
    truths = group_numbers(traces.labels[chosen], groups)
    wrong = ~traces.correct[chosen]
    counts = np.zeros((len(groups), len(groups)), np.int64)
    np.add.at(counts, (truths[wrong], group_numbers(traces.predictions[chosen][wrong], groups)), 1)
    of_truth = np.bincount(group_numbers(traces.labels, groups), minlength=len(groups))
    rows: list[ConfusionRow] = [
        {
            "truth": groups[truth].name,
            "answer": groups[answer].name,
            "images": int(counts[truth, answer]),
            "share": 100 * float(counts[truth, answer] / of_truth[truth]),
        }
        for truth, answer in np.argwhere(counts)
    ]
    return sorted(rows, key=lambda row: -row["images"])


def drawn(rows: Sequence[ConfusionRow], groups: Sequence[Group]) -> tuple[str, ...]:
    """Names of the groups that the chart has room for: of too many, those that are confused most often."""
    often: Counter[str] = Counter({group.name: 0 for group in groups})
    for row in rows:
        often.update({row["truth"]: row["images"]})
        often.update({row["answer"]: row["images"]})
    return largest(often)


def in_words(row: ConfusionRow) -> str:
    """A kind of wrong predictions in words.

    >>> in_words({"truth": "trees", "answer": "people", "images": 1, "share": 0.2})
    'trees taken for people, 1 image'
    """
    what = f"{row['truth']} taken for {row['answer']}"
    if row["truth"] == row["answer"]:  # of a superclass
        what = f"one class of {row['truth']} taken for another"
    return f"{what}, {counted(row['images'], 'image')}"


def confusion_chart(
    rows: Sequence[ConfusionRow],
    names: tuple[str, ...],
    picked: tuple[str, str] | None,
    colours: Palette,
    click_id: int = 0,
) -> Figure:
    """A matrix: a row for each truth, a column for each answer, and how many images were confused so.

    A click on a cell puts its ``truth`` and ``answer`` into the selection ``CONFUSION_PARAM``.

    Args:
        rows: from ``confusion_rows``.
        names: the classes or superclasses to draw, in order, from ``drawn``.
        picked: the cell of the filter.
        colours: palette of the theme.
        click_id: see ``links.State``.
    """
    inside = [row for row in rows if row["truth"] in names and row["answer"] in names]
    most = max((row["images"] for row in inside), default=1)
    cells = [
        row
        | {
            "strength": 0.08 + 0.92 * row["images"] / most,
            "ink": colours.background if row["images"] > most / 2 else colours.ink,
            "edge": colours.accent if (row["truth"], row["answer"]) == picked else colours.background,
            "click_id": click_id,
        }
        for row in inside
    ]
    return Figure(_template(names, colours), {"confusions": cells})


def least_width(names: tuple[str, ...]) -> float:
    """Width in pixels of the chart in which its numbers, or else its cells, are told apart."""
    return _left(names) + _RIGHT + (_NARROW if len(names) > _MANY else _WIDTH) * len(names)


def _left(names: tuple[str, ...]) -> int:
    """Pixels left of the cells, and above them."""
    return room_for(names, 80)


@lru_cache(maxsize=16)
def _template(names: tuple[str, ...], colours: Palette) -> dict[str, Any]:
    base = table("confusions")
    many = len(names) > _MANY
    cell, room = _SMALL if many else _CELL, _left(names)
    font = 8 if many else 12
    scale: Any = {"scale": alt.Scale(domain=list(names), paddingInner=0.06, paddingOuter=0)}
    label: Any = {
        "domain": False,
        "ticks": False,
        "labelFontSize": font,
        "labelOverlap": False,
        "labelFlush": False,
        "grid": False,
    }
    x = alt.X(
        "answer:N",
        title="predicted",
        axis=alt.Axis(orient="top", labelAngle=-90, labelLimit=room - 8, titlePadding=4, **label),
        **scale,
    )
    y = alt.Y("truth:N", title=None, axis=alt.Axis(labelLimit=room - 8, **label), **scale)
    tooltip = [
        alt.Tooltip("truth:N", title="is"),
        alt.Tooltip("answer:N", title="predicted"),
        alt.Tooltip("images:Q", format=","),
        alt.Tooltip("share:Q", title="of all images of that class, %", format=".2f"),
    ]
    click = alt.selection_point(name=CONFUSION_PARAM, fields=["truth", "answer", "click_id"], on="click", empty=False)
    marks = [
        base.mark_rect(cursor="pointer", fill=colours.wrong, strokeWidth=2)
        .encode(
            x=x,
            y=y,
            fillOpacity=alt.FillOpacity("strength:Q", scale=None),
            stroke=alt.Stroke("edge:N", scale=None),
            tooltip=tooltip,
        )
        .add_params(click)
    ]
    if not many:
        marks.append(
            base.mark_text(aria=False, fontSize=12).encode(
                x=x, y=y, text="images:Q", color=alt.Color("ink:N", scale=None)
            )
        )
    return padded(alt.layer(*marks), room, _RIGHT, room + 18, _FOOT, cell * len(names) + room + 18 + _FOOT)
