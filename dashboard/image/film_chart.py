"""The gate film as a chart, layers x budgets. Tables and colours in, an Altair figure out; no Streamlit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, pairwise

from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Rows, stage_rows
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import Palette
from dashboard.image.film import Film, Settled
from dashboard.image.film_marks import BAND, GAP, film_template
from dashboard.image.layout import GLYPHS
from dashboard.image.tables import frame_rows
from dfs_core.model.config import ModelConfig

ROW, STAGE_GAP = 14, 7  # pixels
COST = 70  # pixels of the image's own cost below them
_EVERY = 6  # frames between two labels of a dial's axis


def gate_film(
    film: Film,
    picture: Picture,
    config: ModelConfig,
    cost: Cost,
    where: float,
    settled: Settled,
    colours: Palette,
    turn: int = 0,
) -> Figure:
    """Every gate's decision at every budget, what the image is taken for on top, and what it costs at the foot.

    The frame nearest to where the page stands is framed; a flag marks the first of those in which the prediction stays
    right. A click on a frame gives its number to the selection ``FRAME_PARAM``, with ``turn``.

    Args:
        film: of the image.
        picture: the image.
        config: of the checkpoint that decided.
        cost: the measure at the foot.
        where: the budget in percent, or on a dial the price, that the page stands at.
        settled: from where on the prediction stays right.
        colours: of the theme.
        turn: comes back with a selection, so that a second click is told from the first.
    """
    frames = frame_rows(film, picture, config)
    rows = {block: y for block, y, _ in _places(config)}
    gates_end = max(rows.values()) + ROW
    foot = gates_end + GAP + COST
    column = MEASURES[cost].column
    most = max(1e-9, *(row[column] for row in frames)) * 1.05
    here, flag = film.nearest(where), _flag(film, settled)
    edges = (here, here + 1)
    data = {
        "cells": _cells(film, rows, colours),
        "options": _options(film, rows, (*edges, *(row["centre"] for row in flag)), colours),
        "bands": _bands(frames, edges, colours),
        "frames": [
            row
            | {"start": row["frame"], "end": row["frame"] + 1, "centre": row["frame"] + 0.5, "turn": turn}
            | {"y": foot - COST * row[column] / most, "cost": row[column], "at": position_text(film, row["frame"])}
            | {"about": f"{position_text(film, row['frame'])}: {row['prediction']}, {row[column]:.2f} %"}
            for row in frames
        ],
        "ticks": _ticks(film),
        "here": [{"start": here, "end": here + 1, "centre": here + 0.5}],
        "flag": flag,
        "blocks": [{"block": block, "y": y + ROW / 2} for block, y, _ in _places(config)],
        "stages": _stages(config),
        "scale": [
            {"y": foot, "text": "0 %"},
            {"y": foot - COST / 1.05, "text": f"{max(row[column] for row in frames):.3g} %"},
        ],
    }
    axis = "dial: price of a block in full, in nats; not trained" if film.dial else "budget, % of cp"
    return Figure(film_template(len(frames), gates_end, foot, axis, MEASURES[cost].name, colours), data)


def position_text(film: Film, frame: int) -> str:
    """A frame's place in words: its budget, or the dial's price."""
    position = film.positions[frame]
    if not film.dial:
        return f"{position:.3g} %"
    return "as trained" if position == 0 else f"price {position:+.2g}"


def _places(config: ModelConfig) -> list[tuple[int, float, int]]:
    """Number, y and stage of every gated block, from the top; a gap between stages."""
    places, y = [], float(BAND + GAP)
    for stage in stage_rows(config):
        for block in range(stage["first"], stage["last"] + 1):
            places.append((block, y, stage["stage"]))
            y += ROW
        y += STAGE_GAP
    return places


def _stages(config: ModelConfig) -> Rows:
    places = _places(config)
    return [
        {"stage": f"stage {stage}", "y": ys[0], "y2": ys[-1] + ROW}
        for stage, ys in ((key, [y for _, y, _ in group]) for key, group in groupby(places, key=lambda p: p[2]))
    ]


def _cells(film: Film, rows: dict[int, float], colours: Palette) -> Rows:
    """Neighbouring frames in which a gate decides the same, as one cell: a tenth of the marks."""
    fills = {name: colours.option(name) for name in film.traces[0].options}
    return [
        {"start": start, "end": end, "y": y, "y2": y + ROW, "skipped": option == "skip", "option": option}
        | {"fill": fills[option], "ink": colours.text_on(fills[option])}
        for option, start, end, y in _runs(film, rows)
    ]


def _options(film: Film, rows: dict[int, float], lines: Iterable[float], colours: Palette) -> Rows:
    """Names of the options in the cells, apart from these, which stay as they are when the page moves on."""
    # Colour is never alone: a run of frames that is long enough names its option.
    return [
        {"option": option, "y": y + ROW / 2, "ink": colours.text_on(colours.option(option))} | _room(start, end, lines)
        for option, start, end, y in _runs(film, rows)
        if option != "skip" and end - start >= 2
    ]


def _runs(film: Film, rows: dict[int, float]) -> list[tuple[str, int, int, float]]:
    """Option, first frame, frame behind the last, and y of every run of frames in which a gate decides the same."""
    runs = []
    for index, (_, y) in enumerate(sorted(rows.items())):
        start = 0
        for option, group in groupby(trace.decisions[index] for trace in film.traces):
            end = start + sum(1 for _ in group)
            runs.append((option, start, end, y))
            start = end
    return runs


def _room(start: float, end: float, lines: Iterable[float]) -> dict[str, float]:
    """A run's middle, and its longest piece that no line of the chart crosses: there is room for its name."""
    cuts = [start, *sorted(line for line in lines if start < line < end), end]
    low, high = max(pairwise(cuts), key=lambda piece: piece[1] - piece[0])
    return {"centre": (start + end) / 2, "low": low, "high": high}


def _bands(frames: Rows, lines: Iterable[float], colours: Palette) -> Rows:
    """Neighbouring frames with the same prediction as one band."""
    bands: Rows = []
    for (label, verdict), group in groupby(frames, key=lambda row: (row["prediction"], row["verdict"])):
        members = list(group)
        start, end = members[0]["frame"], members[-1]["frame"] + 1
        wrong = verdict == "wrong"
        bands.append(
            _room(start, end, lines)
            | {
                "start": start,
                "end": end,
                "label": f"{GLYPHS[verdict]}{label}",
                "short": GLYPHS[verdict].strip(),
                "ink": colours.wrong if wrong else colours.ink,
                "dash": wrong,
            }
        )
    return bands


def _ticks(film: Film) -> Rows:
    """Labels of the axis: round budgets, mostly between frames; on a dial some frames, the trained point too."""
    if film.dial:
        middle = film.positions.index(0.0)
        frames = [f for f in range(len(film.positions)) if (f - middle) % _EVERY == 0]
        return [{"centre": f + 0.5, "text": position_text(film, f).removeprefix("price ")} for f in frames]
    low, high = film.positions[0], film.positions[-1]
    digits = (1, 2, 5) if high >= 10 * low else range(1, 10)
    budgets = [budget for power in range(-3, 3) for digit in digits if low <= (budget := digit * 10.0**power) <= high]
    return [{"centre": film.fraction(budget) + 0.5, "text": f"{budget:.3g} %"} for budget in budgets]


def _flag(film: Film, settled: Settled) -> Rows:
    if settled.frame is None:
        return []
    text = f"stays {'right' if settled.known else settled.label} from here"
    # In the middle of its frame, where the axis has this frame's budget.
    return [{"frame": settled.frame, "centre": settled.frame + 0.5, "text": text}]
