"""A small language for pictures: shapes with gradients and soft shading, drawn large and reduced.

A picture is text, one shape a line, from back to front, on a canvas of 100 x 100 with y downwards::

    rect #4a90d9-#cfe8ff 0,0 100,100     corner, corner
    oval #fff 50,50 20,10 30             centre, radii, and degrees of rotation if any
    poly #c33 10,80 50,20 90,80          corners
    blob #c33* 10,80 50,20 90,80         a smooth closed curve through the points
    line #222 2 10,10 50,40 90,10        width, then a smooth open curve through the points
    grass #2a5 60 400 7                  first row, number of blades, and their length

A fill is a colour, or two for a gradient from the shape's top to its bottom, then any of ``*`` (shaded as a rounded
body that is lit from above left), ``~2`` (edges blurred over 2 units) and ``@0.5`` (opacity), in this order. ``mirror``
before a shape draws it a second time, mirrored about the vertical middle (``mirror:47``: about the column 47).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFilter

SIZE = 256
_SCALE = 4 * SIZE / 100  # drawn at four times the size: reduction then smooths every edge
_FILL = re.compile(r"(#\w+)(?:-(#\w+))?(\*?)(?:~([\d.]+))?(?:@([\d.]+))?")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fill:
    """How a shape is painted; ``soft`` in canvas units, ``opacity`` 0 to 1."""

    top: tuple[int, ...]
    bottom: tuple[int, ...]
    shaded: bool
    soft: float
    opacity: float

    @classmethod
    def parse(cls, text: str) -> Fill:
        """Read a fill as the module's docstring describes it."""
        match = _FILL.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a fill")
        top, bottom, shaded, soft, opacity = match.groups()
        first, last = ImageColor.getrgb(top), ImageColor.getrgb(bottom or top)
        return cls(first, last, bool(shaded), float(soft or 0), float(opacity or 1))


def render(sketch: str) -> np.ndarray:
    """Draw a picture: uint8, (256, 256, 3). The same text always gives the same pixels."""
    side = round(100 * _SCALE)
    canvas = Image.new("RGB", (side, side))
    for line in sketch.strip().splitlines():
        _draw(canvas, line.split())
    return np.array(canvas.reduce(side // SIZE))


def _draw(canvas: Image.Image, words: list[str]) -> None:
    """Draw the shape of one line, and its mirror image if that is asked for."""
    mirror = words.pop(0) if words[0].startswith("mirror") else ""
    kind, fill, *rest = words
    numbers = [tuple(map(float, word.split(","))) for word in rest]
    width = 0.0
    if kind == "grass":
        paths, width = _grass(*(number[0] for number in numbers)), 0.3
    elif kind == "line":
        paths, width = [_curve([(x, y) for x, y in numbers[1:]], closed=False)], numbers[0][0]
    else:
        paths = [_outline(kind, numbers)]
    _paint(canvas, paths, Fill.parse(fill), width)
    if mirror:
        axis = float(mirror.removeprefix("mirror").lstrip(":") or 50)
        _paint(canvas, [[(2 * axis - x, y) for x, y in path] for path in paths], Fill.parse(fill), width)


def _outline(kind: str, numbers: list[tuple[float, ...]]) -> list[Point]:
    """The closed outline of an area."""
    if kind == "rect":
        (left, top), (right, bottom) = numbers
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    if kind == "oval":
        (x, y), (wide, high) = numbers[:2]
        turn = math.radians(numbers[2][0]) if len(numbers) > 2 else 0.0
        around = [math.tau * step / 90 for step in range(90)]
        return [
            (
                x + wide * math.cos(a) * math.cos(turn) - high * math.sin(a) * math.sin(turn),
                y + wide * math.cos(a) * math.sin(turn) + high * math.sin(a) * math.cos(turn),
            )
            for a in around
        ]
    points = [(x, y) for x, y in numbers]
    return points if kind == "poly" else _curve(points, closed=True)


def _curve(points: list[Point], closed: bool, steps: int = 12) -> list[Point]:
    """A Catmull-Rom spline through the points."""
    count = len(points)
    ends = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    knots = np.array(ends)
    powers = (np.arange(steps) / steps)[:, None] ** np.arange(4)
    basis = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    pieces = [powers @ basis @ knots[start : start + 4] for start in range(count if closed else count - 1)]
    return [(float(x), float(y)) for x, y in np.concatenate(pieces)] + ([] if closed else [points[-1]])


def _grass(top: float, blades: float, length: float) -> list[list[Point]]:
    """Blades from ``top`` to the lower edge, longer towards the viewer; seeded, so always the same meadow."""
    random = np.random.default_rng(int(blades))
    depth = np.sort(random.random(int(blades)))
    feet = np.stack([random.random(len(depth)) * 104 - 2, top + depth * (104 - top)], axis=1)
    reach = length * (0.3 + depth)
    tips = feet + np.stack([reach * random.normal(0, 0.25, len(depth)), -reach], axis=1)
    return [[(float(x), float(y)) for x, y in blade] for blade in np.stack([feet, tips], axis=1)]


def _paint(canvas: Image.Image, paths: list[list[Point]], fill: Fill, width: float) -> None:
    """Fill the outlines, or stroke the paths where a width is given."""
    points = np.concatenate([np.array(path) for path in paths]) * _SCALE
    margin = width * _SCALE + 3 * fill.soft * _SCALE + 2
    low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(points.max(0) + margin), canvas.size).astype(int)
    if (high <= low).any():
        return
    mask = Image.new("L", (int(high[0] - low[0]), int(high[1] - low[1])))
    pen = ImageDraw.Draw(mask)
    for path in paths:
        local = [(x * _SCALE - low[0], y * _SCALE - low[1]) for x, y in path]
        if width:
            pen.line(local, fill=255, width=max(1, round(width * _SCALE)), joint="curve")
            radius = width * _SCALE / 2
            for x, y in (local[0], local[-1]):
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        else:
            pen.polygon(local, fill=255)
    if fill.soft:
        mask = mask.filter(ImageFilter.GaussianBlur(fill.soft * _SCALE))
    colour = _gradient(fill, mask.size)
    if fill.shaded:
        colour = _shade(colour, mask)
    if fill.opacity < 1:
        mask = mask.point(lambda value: round(value * fill.opacity))
    canvas.paste(colour, (int(low[0]), int(low[1])), mask)


def _gradient(fill: Fill, size: tuple[int, int]) -> Image.Image:
    if fill.top == fill.bottom:
        return Image.new("RGB", size, fill.top)
    ramp = np.linspace(fill.top, fill.bottom, size[1]).round().astype(np.uint8)
    return Image.fromarray(ramp[:, None, :]).resize(size)


def _shade(colour: Image.Image, mask: Image.Image) -> Image.Image:
    """Darken the lower right rim and brighten the upper left of a shape, as on a rounded body."""
    small = mask.resize([max(1, side // 8) for side in mask.size])
    depth = max(2, min(small.size) // 5)
    room = 2 * depth
    bordered = Image.new("L", (small.width + 2 * room, small.height + 2 * room))
    bordered.paste(small, (room, room))
    body = np.asarray(bordered.filter(ImageFilter.GaussianBlur(depth)), np.float32) / 255
    shift = max(1, depth // 2)
    slope = np.roll(body, (-shift, -shift), (0, 1)) - np.roll(body, (shift, shift), (0, 1))
    relief = Image.fromarray(slope[room:-room, room:-room]).resize(mask.size, Image.Resampling.BICUBIC)
    gain = 1 + np.asarray(relief)[:, :, None] * np.where(np.asarray(relief)[:, :, None] > 0, 0.35, 0.8)
    return Image.fromarray(np.clip(np.asarray(colour) * gain, 0, 255).astype(np.uint8))
