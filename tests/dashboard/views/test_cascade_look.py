"""The cascade is a family of the curve with a name, a colour and a mark of its own."""

from __future__ import annotations

from typing import cast

from dashboard.drawing.marks import SHAPES
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import accuracy_curve, point_legend
from dashboard.views.points import PointRow
from dfs_core.checkpoints.words import METHODS


def point(group: str, family: str, accuracy: float = 90.0) -> PointRow:
    row = {"group": group, "family": family, "accuracy": accuracy, "cp": 1.0, "checkpoint": family, "budget": None}
    return cast(PointRow, row | {"low": None, "high": None})


DFS, STATIC, CASCADE = point("DFS", "dfs"), point("Static uniform", "static-uniform"), point("Cascade", "cascade")


def test_a_cascade_has_a_star_and_the_other_families_keep_their_looks() -> None:
    assert METHODS["cascade"] == "Cascade"
    for colours in (LIGHT, DARK):
        before = point_legend([DFS, STATIC], colours)
        after = point_legend([DFS, CASCADE, STATIC], colours)
        assert [look for look in after if look[0] != "Cascade"] == before
        assert ("Cascade", colours.cascade, "star") in after
        assert colours.cascade not in colours.families
    assert SHAPES["star"].character == "★"


def test_a_second_cascade_is_told_apart_from_the_first() -> None:
    looks = point_legend([CASCADE, point("Cascade · ResNet-74", "cascade-resnet-74")], LIGHT)
    assert len({look[1:] for look in looks}) == 2


def test_the_star_is_drawn_as_a_path_which_vega_knows() -> None:
    (drawn,) = accuracy_curve(CurveState([CASCADE], [], "cp", "log"), LIGHT).data["measured"]
    assert drawn["shape"].startswith("M0,-.7")
    assert drawn["ink"] == LIGHT.cascade
