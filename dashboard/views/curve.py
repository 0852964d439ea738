"""The state of the accuracy/cost curve: which points and images it shows, and the ranges of its axes."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from dashboard.answers.costs import MEASURES, Column, Cost
from dashboard.answers.naming import LIVE_KEY
from dashboard.answers.tables import SAME_BUDGET, Rows, Scale
from dashboard.views.front import front
from dashboard.views.points import GROUPS, PointRow

OTHERS = tuple(GROUPS)  # families of points that are not a checkpoint's own figures on the test set
ROOM = 1.2  # the left end of a logarithmic axis is at least this factor below the cheapest point, which is drawn whole
NEAR = 6.0  # points within this factor of the cost in use are near


@dataclass(frozen=True)
class CurveState:
    """What the curve shows. Derived values are computed once.

    Attributes:
        points: from ``points.point_rows``, for all families; all have the chosen cost.
        images: from ``tables.image_rows``.
        cost: the measure on the x axis.
        scale: of the x axis.
        checkpoint: name of the checkpoint in use.
        budget: requested budget in percent, for an every-budget checkpoint.
        focus: key of the image in focus.
        hidden: keys of the hidden families.
        beside: points of another network of the same data set, drawn beside the others; all have the chosen cost.
        only_front: whether points that are not on the front are left out.
        close: whether the axes show only the points near the one in use, instead of all costs up to 100 %.
        click_id: see ``links.State``.
    """

    points: Sequence[PointRow]
    images: Rows
    cost: Cost
    scale: Scale
    checkpoint: str = ""
    budget: float | None = None
    focus: str | None = None
    hidden: Collection[str] = ()
    beside: Sequence[PointRow] = ()
    only_front: bool = False
    close: bool = False
    click_id: int = 0

    @property
    def column(self) -> Column:
        """The measure's column in tables."""
        return MEASURES[self.cost].column

    def cost_of(self, point: PointRow) -> float:
        """The cost of a point by the measure on the axis, in percent."""
        cost = point[self.column]
        assert cost is not None
        return cost

    @cached_property
    def visible(self) -> Sequence[PointRow]:
        """The points of families that are not hidden.

        Dial and shuffled points are made from a checkpoint, so hiding its family hides them too.
        """
        owners = {point["checkpoint"]: point["family"] for point in self.points if point["family"] not in OTHERS}
        return [
            point
            for point in self.points
            if not {point["family"], owners.get(point["checkpoint"], point["family"])} & set(self.hidden)
        ]

    @cached_property
    def front(self) -> Sequence[PointRow]:
        """The front of the visible points that are checkpoints' own, cheapest first."""
        return self._front(self.visible)

    @cached_property
    def front_beside(self) -> Sequence[PointRow]:
        """The front of the other network, whose costs are not those of this one."""
        return self._front([one for one in self.beside if one["family"] not in self.hidden])

    @cached_property
    def shown(self) -> Sequence[PointRow]:
        """The points that are drawn: the visible ones, or only the front and the point in use."""
        if not self.only_front:
            return self.visible
        kept = {id(point) for point in self.front}
        return [point for point in self.visible if id(point) in kept or self.in_use(point)]

    @cached_property
    def shown_beside(self) -> Sequence[PointRow]:
        """The points of the other network that are drawn: checkpoints' own only."""
        if self.only_front:
            return self.front_beside
        return [one for one in self.beside if one["family"] not in OTHERS and one["family"] not in self.hidden]

    def _front(self, points: Sequence[PointRow]) -> Sequence[PointRow]:
        own = (point for point in points if point["family"] not in OTHERS)
        return front(own, self.cost_of, lambda point: point["accuracy"])

    @property
    def has_live(self) -> bool:
        """Whether it shows points tuned live, whose accuracy is not that on the test set."""
        return any(point["family"] == LIVE_KEY for point in self.shown)

    @cached_property
    def near(self) -> Sequence[PointRow] | None:
        """The points near the one in use, or all if its cost is unknown; None unless the axes are close up.

        The range is centred on the power of two nearest to the cost in use, so that small moves of the slider do not
        change the axis. The point in use is the checkpoint's point with the nearest budget.
        """
        if not self.close:
            return None
        own = [p for p in self.visible if p["checkpoint"] == self.checkpoint and p["family"] not in OTHERS]
        point = min(own, key=lambda one: abs((one["budget"] or 0.0) - (self.budget or 0.0)), default=None)
        drawn = [*self.shown, *self.shown_beside]
        if point is None or not self.cost_of(point):
            return drawn
        centre = 2.0 ** round(math.log2(self.cost_of(point)))
        return [p for p in drawn if centre / NEAR <= self.cost_of(p) <= centre * NEAR] or drawn

    @cached_property
    def costs(self) -> tuple[float, float]:
        """Range of the cost axis in percent: slightly wider than the near points, or all costs.

        It ends above 100 %, or above the dearest point: the passes of a cascade add up.
        A logarithmic axis of all costs starts at a power of ten that is well below the cheapest point or image.
        """
        if self.near and (found := _span([self.cost_of(point) for point in self.near], self.scale)):
            return found
        drawn = (*self.shown, *self.shown_beside)
        most = max((100.0, *map(self.cost_of, drawn)))
        if self.scale == "linear":
            return 0.0, 1.05 * most
        costs = (*map(self.cost_of, drawn), *(image[self.column] for image in self.images))
        cheapest = min((cost for cost in costs if cost > 0), default=1.0)
        return 10.0 ** math.floor(math.log10(cheapest / ROOM)), 1.5 * most  # room for a number above the last point

    @cached_property
    def accuracies(self) -> tuple[float, float]:
        """Range of the accuracy axis in percent, with room for the images at the bottom.

        It goes on above 100 %, so that a point at 100 % is drawn whole, with its number.
        """
        points = self.near or [*self.shown, *self.shown_beside]
        found = (bound for point in points for bound in (point["accuracy"], point["low"], point["high"]))
        bounds = [bound for bound in found if bound is not None]
        if not bounds:
            return 0.0, 100.0
        low, high = min(bounds), max(bounds)
        span = max(high - low, 0.5)
        return max(0.0, low - 0.14 * span), high + 0.08 * span

    @cached_property
    def images_inside(self) -> Rows:
        """The images whose cost is on the axis.

        If a logarithmic axis shows all costs, an image of cost 0 is drawn at its left end. Close up it is left out,
        because there the left end is a much higher cost.
        """
        low, high = self.costs
        return [row for row in self.images if row[self.column] <= high and (row[self.column] >= low or not self.close)]

    @property
    def outside(self) -> int:
        """Number of images outside the axis."""
        return len(self.images) - len(self.images_inside)

    def in_use(self, point: PointRow) -> bool:
        """Whether a point is the operating point in use."""
        if point["checkpoint"] != self.checkpoint or point["family"] in OTHERS:
            return False
        budget = point["budget"]
        return self.budget is None or budget is None or math.isclose(budget, self.budget, rel_tol=SAME_BUDGET)


def _span(costs: list[float], scale: Scale) -> tuple[float, float] | None:
    """Range of an axis for these costs, with a margin at both ends; None if none of them is on the scale."""
    known = [cost for cost in costs if cost > 0 or scale == "linear"]
    if not known:
        return None
    low, high = min(known), max(known)
    if scale == "log":
        room = max(high / low, 1.5) ** 0.06
        return low / room, high * room
    room = 0.06 * max(high - low, 1.0)
    return max(0.0, low - room), high + room
