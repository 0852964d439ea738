"""35 gated blocks in the width that a page has at 1440 pixels: options are named, so colour is not all that tells."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import vl_convert
from made_up import traces

from dashboard.answers.costs import of_traces
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.compare.class_heatmap import class_heatmap
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import LIGHT
from dashboard.testset import shares_chart, statistics, vectors_chart
from dashboard.views.strip_chart import decision_strip
from dfs_core.checkpoints.traces import Traces
from dfs_core.model.config import ModelConfig
from dfs_core.trace import DecisionTrace

CONFIG = ModelConfig(depth=74, options="skip,2,4,8,10,12,16,full")
NAMES = CONFIG.option_set.names


def strip(config: ModelConfig = CONFIG) -> Figure:
    chosen = [NAMES[index % len(NAMES)] for index in range(config.gated_blocks)]
    trace = DecisionTrace(
        checkpoint="deep",
        budget=20.0,
        options=NAMES,
        decisions=tuple(chosen),
        fractions=tuple(CONFIG.option_set[NAMES.index(name)].cost for name in chosen),
        probabilities=((1.0, *(0.0,) * (len(NAMES) - 1)),) * config.gated_blocks,
        classes=("a", "b"),
        class_probabilities=(0.9, 0.1),
        cp=20.0,
        all_in=25.0,
        price=0.0,
    )
    picture = make_picture("p", "p", "upload", np.zeros((32, 32, 3), np.uint8))
    return decision_strip([Shown(picture, trace)], config, None, LIGHT)


def _traces() -> Traces:
    rows = np.tile(np.arange(CONFIG.gated_blocks) % len(NAMES), (6, 1))
    made = traces(decisions=rows)
    return Traces(**{field: getattr(made, field) for field in made.__dataclass_fields__} | {"options": NAMES})


def shares() -> Figure:
    rows = statistics.share_rows(_traces(), CONFIG, np.arange(6))
    return shares_chart.share_chart(rows, CONFIG, (), LIGHT, 0)


def vectors() -> Figure:
    costs = of_traces(_traces(), CONFIG)
    rows = statistics.vector_rows(_traces(), costs, np.arange(6))
    return vectors_chart.vector_chart(rows, "cp", CONFIG, "", LIGHT, 0)


@pytest.mark.parametrize(("draw", "width"), [(strip, 740), (shares, 560), (vectors, 740)])
def test_every_option_is_named_on_its_cell_where_columns_are_narrow(draw: Callable[[], Figure], width: int) -> None:
    figure = draw()
    svg = vl_convert.vegalite_to_svg(figure.spec | {"width": width, "datasets": dict(figure.data)})
    small = re.findall(r'<text[^>]*font-size="9px"[^>]*>([^<]+)<', svg)
    assert {"2", "4", "8", "10", "12", "16", "F"} <= set(small)
    assert "skip" not in small, "it would touch its neighbours"
    hidden = re.findall(r'<text[^>]*font-size="9px"[^>]* opacity="0"[^>]*>([^<]+)<', svg)
    assert not set(hidden) & set(NAMES)


WHOLE = ["stage 1 · 16 ch · 32²", "stage 2 · 32 ch · 16²", "stage 3 · 64 ch · 8²"]
SIDES = ["given and seen", "cp %", "all-in %"]


@pytest.mark.parametrize(
    ("depth", "width", "heads"),
    [
        (8, 560, ["stage 2", "stage 3"]),
        (8, 400, ["2", "3"]),
        (14, 640, ["stage 1", WHOLE[1], "stage 3"]),
        (14, 900, WHOLE),
    ],
)
def test_a_small_network_keeps_the_heads_of_its_columns(depth: int, width: int, heads: list[str]) -> None:
    figure = strip(ModelConfig(depth=depth, options=CONFIG.options))
    svg = vl_convert.vegalite_to_svg(figure.spec | {"width": width, "datasets": dict(figure.data)})
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    numbers = [str(row["block"]) for row in figure.data["blocks"]]
    assert texts[-len([*heads, *numbers, *SIDES]) :] == [*heads, *numbers, *SIDES]


def test_more_and_less_are_told_by_their_sign_where_columns_are_narrow() -> None:
    rows = [
        {"class": "cat", "block": block, "stage": 1, "a": 0.0, "b": more, "more": more}
        for block, more in ((2, 40.0), (3, -40.0), (4, 0.1))
    ]
    figure = class_heatmap(rows, CONFIG, LIGHT)
    svg = vl_convert.vegalite_to_svg(figure.spec | {"width": 560, "datasets": dict(figure.data)})
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert texts.count("+") == texts.count("\N{MINUS SIGN}") == 1
    assert not re.findall(r'<text[^>]* opacity="0"[^>]*>[+\N{MINUS SIGN}]<', svg)
