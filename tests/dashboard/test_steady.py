"""A slider's move changes numbers alone: a chart whose specification or words change is built anew, which is slow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pages import control, go_to
from places import APP
from streamlit.testing.v1 import AppTest

EVERY_BUDGET = "lowbit-resnet38-cifar10"  # shipped


def looks(app: AppTest) -> list[tuple[dict[str, Any], str]]:
    """Of each chart its specification and its words; a height follows from the number of rows."""
    found = [chart.proto for chart in app.get("vega_lite_chart")]
    return [(json.loads(proto.spec) | {"height": 0}, proto.alt) for proto in found]


def rows(app: AppTest) -> list[bytes]:
    return [one.data.data for chart in app.get("vega_lite_chart") for one in chart.proto.datasets]


@pytest.mark.parametrize("page", ["explore", "image", "compare", "testset"])
def test_a_move_of_the_budget_leaves_every_chart_in_place(no_data, page: str):
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params["checkpoint"] = EVERY_BUDGET
    app.query_params["budget"] = "0.6"
    go_to(app, page).run()
    looked, had = looks(app), rows(app)
    slider = control(app.select_slider, "budget")
    elsewhere = slider.options[slider.options.index("0.6 %") + 10]
    slider.set_value(float(elsewhere.removesuffix(" %"))).run()
    assert not app.exception
    assert looks(app) == looked
    assert rows(app) != had
