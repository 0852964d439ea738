"""What the axes of the accuracy/cost curve span, and which images have a place on them. No Streamlit in it."""

from __future__ import annotations

import math

from dashboard.answers.tables import Rows, Scale

NEAR = 6.0  # times as dear, or as cheap, as the point in use is still close to it


def neighbours(points: Rows, cost: float | None, column: str) -> Rows:
    """The points that cost about as much as the one in use, at ``cost`` percent; all of them where that is unknown.

    From a power of two at the cost in use, so that a slider's move leaves the axis as it is until it has come far.
    """
    if not cost:
        return points
    centre = 2.0 ** round(math.log2(cost))
    return [point for point in points if centre / NEAR <= point[column] <= centre * NEAR] or points


def cost_domain(points: Rows, images: Rows, column: str, scale: Scale, near: Rows | None = None) -> tuple[float, float]:
    """From and to of the cost axis, in percent.

    Args:
        points: that are drawn.
        images: that are shown.
        column: of the cost.
        scale: of the axis. A logarithmic one starts at the power of ten below the cheapest point or image.
        near: points that the axis spans with a little more, where there are any, and not all costs up to 100 %.
    """
    if near and (found := _close([row[column] for row in near], scale)):
        return found
    if scale == "linear":
        return 0.0, 105.0
    cheapest = min((row[column] for row in (*points, *images) if row[column] > 0), default=1.0)
    return 10.0 ** math.floor(math.log10(cheapest)), 150.0  # room for a number above a point at 100 %


def _close(costs: list[float], scale: Scale) -> tuple[float, float] | None:
    known = [cost for cost in costs if cost > 0 or scale == "linear"]
    if not known:
        return None
    low, high = min(known), max(known)
    if scale == "log":
        room = max(high / low, 1.5) ** 0.06
        return low / room, high * room
    room = 0.06 * max(high - low, 1.0)
    return max(0.0, low - room), high + room


def in_view(images: Rows, column: str, domain: tuple[float, float], close: bool) -> Rows:
    """The images whose cost has a place on the axis.

    Where the axis spans all costs, one of 0 stands at the left end of a logarithmic axis. Close up, another cost would
    stand there too, and an image would seem dearer than it is.
    """
    low, high = domain
    return [image for image in images if image[column] <= high and (image[column] >= low or not close)]


def accuracy_domain(points: Rows) -> tuple[float, float]:
    """From and to of the accuracy axis, in percent, with room for the images at its foot."""
    bounds = [point[key] for point in points for key in ("accuracy", "low", "high") if point[key] is not None]
    if not bounds:
        return 0.0, 100.0
    low, high = min(bounds), max(bounds)
    span = max(high - low, 0.5)
    return max(0.0, low - 0.14 * span), min(100.0, high + 0.08 * span)
