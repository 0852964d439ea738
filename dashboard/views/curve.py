"""The accuracy/cost curve before it is drawn: which points and images it shows, what its axes span. No Streamlit."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from dashboard.answers.costs import MEASURES, Column, Cost
from dashboard.answers.naming import DIAL_KEY, PUBLISHED_KEY, SHUFFLED_KEY
from dashboard.answers.tables import SAME_BUDGET, Rows, Scale
from dashboard.views.points import PointRow

OTHERS = (DIAL_KEY, SHUFFLED_KEY, PUBLISHED_KEY)  # points that are no checkpoint's own
NEAR = 6.0  # times as dear, or as cheap, as the point in use is still close to it


@dataclass(frozen=True)
class CurveState:
    """What the curve is of. Each thing that follows from it is computed once, whoever asks.

    Attributes:
        points: as ``points.point_rows`` gives them, of all families, all with the chosen cost.
        images: as ``tables.image_rows`` gives them.
        cost: the measure on the x axis.
        scale: of the x axis.
        checkpoint: name of the one in use.
        budget: what a checkpoint for every budget is asked for, in percent.
        focus: key of the image in focus.
        hidden: keys of the families that are switched off.
        close: whether the axes span the points that cost about as much as the one in use, not all costs up to 100 %.
        turn: comes back with a click; by another one a second click on the same point is told from the first.
    """

    points: Sequence[PointRow]
    images: Rows
    cost: Cost
    scale: Scale
    checkpoint: str = ""
    budget: float | None = None
    focus: str | None = None
    hidden: Collection[str] = ()
    close: bool = False
    turn: int = 0

    @property
    def column(self) -> Column:
        """The measure's name in tables."""
        return MEASURES[self.cost].column

    def cost_of(self, point: PointRow) -> float:
        """The cost of a point by the measure on the axis, which all of ``points`` have."""
        cost = point[self.column]
        assert cost is not None
        return cost

    @cached_property
    def visible(self) -> Sequence[PointRow]:
        """The points of the families that are not switched off.

        A dial and shuffled decisions are made from a checkpoint, and go with the family that its own points are of.
        """
        owners = {point["checkpoint"]: point["family"] for point in self.points if point["family"] not in OTHERS}
        return [
            point
            for point in self.points
            if not {point["family"], owners.get(point["checkpoint"], point["family"])} & set(self.hidden)
        ]

    @cached_property
    def near(self) -> Sequence[PointRow] | None:
        """Close up, the points that cost about as much as the one in use; all of them where its cost is unknown.

        The centre is the power of two nearest to the cost in use, so that a slider's move leaves the axis as it is
        until it has come far. In use is the point of the checkpoint with the nearest budget.
        """
        if not self.close:
            return None
        own = [p for p in self.visible if p["checkpoint"] == self.checkpoint and p["family"] not in OTHERS]
        point = min(own, key=lambda one: abs((one["budget"] or 0.0) - (self.budget or 0.0)), default=None)
        if point is None or not self.cost_of(point):
            return self.visible
        centre = 2.0 ** round(math.log2(self.cost_of(point)))
        return [p for p in self.visible if centre / NEAR <= self.cost_of(p) <= centre * NEAR] or self.visible

    @cached_property
    def costs(self) -> tuple[float, float]:
        """From and to of the cost axis, in percent: a little more than the near points span, or all up to 100 %.

        A logarithmic axis of all costs starts at the power of ten below the cheapest point or image.
        """
        if self.near and (found := _span([self.cost_of(point) for point in self.near], self.scale)):
            return found
        if self.scale == "linear":
            return 0.0, 105.0
        costs = (*map(self.cost_of, self.visible), *(image[self.column] for image in self.images))
        cheapest = min((cost for cost in costs if cost > 0), default=1.0)
        return 10.0 ** math.floor(math.log10(cheapest)), 150.0  # room for a number above a point at 100 %

    @cached_property
    def accuracies(self) -> tuple[float, float]:
        """From and to of the accuracy axis, in percent, with room for the images at its foot."""
        points = self.near or self.visible
        found = (bound for point in points for bound in (point["accuracy"], point["low"], point["high"]))
        bounds = [bound for bound in found if bound is not None]
        if not bounds:
            return 0.0, 100.0
        low, high = min(bounds), max(bounds)
        span = max(high - low, 0.5)
        return max(0.0, low - 0.14 * span), min(100.0, high + 0.08 * span)

    @cached_property
    def images_inside(self) -> Rows:
        """The images whose cost has a place on the axis.

        Where the axis spans all costs, one of 0 stands at the left end of a logarithmic axis. Close up, another cost
        would stand there too, and an image would seem dearer than it is.
        """
        low, high = self.costs
        return [row for row in self.images if row[self.column] <= high and (row[self.column] >= low or not self.close)]

    @property
    def outside(self) -> int:
        """How many of the images have no place on the axis."""
        return len(self.images) - len(self.images_inside)

    def in_use(self, point: PointRow) -> bool:
        """Whether a point is the operating point: its checkpoint and, where it serves every budget, its budget too."""
        if point["checkpoint"] != self.checkpoint or point["family"] in OTHERS:
            return False
        own = point["budget"]
        return self.budget is None or own is None or math.isclose(own, self.budget, rel_tol=SAME_BUDGET)


def _span(costs: list[float], scale: Scale) -> tuple[float, float] | None:
    """The costs' axis with a little room at both ends; None where none of them has a place on it."""
    known = [cost for cost in costs if cost > 0 or scale == "linear"]
    if not known:
        return None
    low, high = min(known), max(known)
    if scale == "log":
        room = max(high / low, 1.5) ** 0.06
        return low / room, high * room
    room = 0.06 * max(high - low, 1.0)
    return max(0.0, low - room), high + room
