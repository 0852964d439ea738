"""The front of a set of points: those that no other point beats. No user interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Point = TypeVar("Point")


def front(points: Iterable[Point], cost: Callable[[Point], float], accuracy: Callable[[Point], float]) -> list[Point]:
    """The points of which no other is both at most as dear and more accurate, or as accurate and cheaper.

    Points with the same cost and accuracy are on the front together.

    Returns:
        The points of the front, cheapest first.

    >>> front([(1, 90), (2, 89), (2, 93), (3, 93)], cost=lambda p: p[0], accuracy=lambda p: p[1])
    [(1, 90), (2, 93)]
    """
    found: list[Point] = []
    for point in sorted(points, key=lambda one: (cost(one), -accuracy(one))):
        if not found or accuracy(point) > accuracy(found[-1]) or _same(point, found[-1], cost, accuracy):
            found.append(point)
    return found


def _same(one: Point, other: Point, *measures: Callable[[Point], float]) -> bool:
    return all(measure(one) == measure(other) for measure in measures)
