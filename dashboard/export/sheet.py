"""A chart as a sheet: title, legend, the chart at a fixed width, and the stamp at the bottom.

The sheet is one SVG, from which the other formats are made. Text stays text, and images are embedded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from dashboard.drawing.figure import Figure, Key
from dashboard.drawing.marks import drawn
from dashboard.drawing.palette import LIGHT, Palette
from dashboard.export import drawing
from dashboard.export.stamp import Stamp
from dfs_core.errors import UserError

WIDTH = 960  # of a chart, in pixels of 1/96 inch: ten inches
_MARGIN, _TITLE, _TEXT, _SMALL = 28, 20, 13, 11
_LEAST = 560  # pixels: least width of a sheet, so that the texts fit
FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"
# If a font lacks one of these characters, the renderer sets the whole line in some other font. We name a similar one.
_SYMBOL = "\u2190-\u2bff"
_WITH_SYMBOLS = re.compile(rf"<text( [^>]*>[^<]*[{_SYMBOL}][^<]*)</text>")
_SYMBOL_FONT = "'DejaVu Sans', 'Liberation Sans', Arial, sans-serif"
# Widths of Helvetica's characters in thousandths of the font size; all others count as wide as a digit.
_WIDTHS = {**dict.fromkeys("ijl'|", 222), **dict.fromkeys(" .,:;!/ft()[]I-·", 290), **dict.fromkeys("mwMW%@—", 880)}
_WIDTHS |= dict.fromkeys("ABCDEFGHKNOPQRSTUVXYZ&", 700)


def picture(
    figure: Figure, title: str, stamp: Stamp | None, alt: str, unit: float = 1.0, colours: Palette = LIGHT
) -> str:
    """The whole sheet as SVG.

    Args:
        figure: drawn in ``colours``.
        title: above the chart; may be empty.
        stamp: at the bottom; None for no stamp.
        alt: description of the chart for screen readers.
        unit: SVG units for one pixel; PDF needs 0.75, which makes them points.
        colours: palette; the light one for exports.

    Raises:
        UserError: the chart cannot be drawn.
    """
    chart, width, height = _chart(figure, colours)
    room = max(width, _LEAST)
    y = float(_MARGIN)
    parts: list[str] = []
    for line in wrap(title, _TITLE * 1.06, room):
        y += _TITLE
        parts.append(_text(_MARGIN, y, line, _TITLE, colours.ink, "bold"))
        y += 6
    if figure.legend:
        legend, y = _legend(figure.legend, y + 4, room, colours)
        parts += legend
    y += 14
    parts.append(
        f'<svg x="{_MARGIN}" y="{y:g}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
        f' overflow="visible">{chart}</svg>'
    )
    y += height
    if stamp is not None:
        y += 14
        parts.append(f'<path d="M{_MARGIN},{y:g}h{room:g}" stroke="{colours.faint}"/>')
        y += 4
        for line in wrap(stamp.line(), _SMALL, room):
            y += _SMALL + 4
            parts.append(_text(_MARGIN, y, line, _SMALL, colours.muted))
    size = room + 2 * _MARGIN, y + _MARGIN
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" role="img"'
        f' width="{size[0] * unit:g}" height="{size[1] * unit:g}" viewBox="0 0 {size[0]:g} {size[1]:g}"'
        f' font-family="{FONT}"><title>{escape(title)}</title><desc>{escape(alt)}</desc>'
        f'<rect width="{size[0]:g}" height="{size[1]:g}" fill="{colours.background}"/>{"".join(parts)}</svg>'
    )
    return _WITH_SYMBOLS.sub(_in_symbol_font, svg)


def sized(spec: Mapping[str, Any], width: int = WIDTH) -> dict[str, Any]:
    """The specification with a fixed width, if it would otherwise fill its container."""
    fills = ("mark" in spec or "layer" in spec) and not isinstance(spec.get("width"), int | float | dict)
    return {**spec, "width": width} if fills else dict(spec)


def styled(spec: Mapping[str, Any], colours: Palette) -> dict[str, Any]:
    """The specification with the project's axis and text styles, which its own styles override."""
    axis = {
        "labelColor": colours.muted,
        "titleColor": colours.ink,
        "gridColor": colours.faint,
        "domainColor": colours.faint,
        "tickColor": colours.faint,
        "titleFontWeight": "normal",
        "labelFontSize": _SMALL + 1,
        "titleFontSize": _TEXT,
        "titlePadding": 10,
    }
    legend = {"labelColor": colours.ink, "titleColor": colours.muted, "titleFontWeight": "normal"}
    title = {"color": colours.ink, "anchor": "start", "fontSize": _TEXT + 1, "subtitleColor": colours.muted}
    header = {"labelColor": colours.ink, "titleColor": colours.muted, "titleFontWeight": "normal"}
    base = {"font": FONT, "axis": axis, "legend": legend, "title": title, "header": header, "view": {"stroke": None}}
    return {"background": None, **spec, "config": _merged(base, spec.get("config", {}))}


def wrap(text: str, size: float, room: float) -> list[str]:
    """Break a text into lines of at most ``room`` pixels at that font size; longer words are split."""
    lines, line = [], ""
    for word in _words(text, size, room):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size) > room:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def text_width(text: str, size: float) -> float:
    """Estimated width of a text in pixels, rather too large than too small."""
    return sum(_WIDTHS.get(char, 560) for char in text) * size / 1000


def _words(text: str, size: float, room: float) -> Iterator[str]:
    for word in text.split():
        while text_width(word, size) > room:
            cut = next(n for n in range(1, len(word) + 1) if text_width(word[: n + 1], size) > room)
            yield word[:cut]
            word = word[cut:]
        yield word


def _chart(figure: Figure, colours: Palette) -> tuple[str, float, float]:
    """Content of the chart's SVG, with its width and height."""
    spec = styled(sized(figure.spec), colours) | {"datasets": figure.data}
    try:
        svg = drawing.vegalite_to_svg(spec)
    except ValueError as error:
        raise UserError(f"this chart could not be drawn: {str(error).strip().splitlines()[0][:200]}") from error
    head, _, inner = svg.partition(">")
    sizes = dict(re.findall(r'\b(width|height)="([\d.]+)"', head))
    inner = inner.removesuffix("</svg>")
    return inner, float(sizes["width"]), float(sizes["height"])


def _in_symbol_font(text: re.Match[str]) -> str:
    attributes = re.sub(r' font-family="[^"]*"', "", text[1].partition(">")[0])
    return f'<text font-family="{_SYMBOL_FONT}"{attributes}>{text[1].partition(">")[2]}</text>'


def _text(x: float, y: float, text: str, size: float, colour: str, weight: str = "normal") -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(text)}</text>'


def _legend(keys: Iterable[Key], top: float, room: float, colours: Palette) -> tuple[list[str], float]:
    """Marks and texts of the legend, wrapped into lines, and the y at which it ends."""
    parts, x, y = [], float(_MARGIN), top + 16
    for key in keys:
        width = 24 + text_width(key.text, _TEXT)
        if x > _MARGIN and x + width > _MARGIN + room:
            x, y = float(_MARGIN), y + 22
        mark = f'<g transform="translate({x + 9:g},{y - 4.5:g})">{drawn(key, colours.ink, colours.faint)}</g>'
        parts += [mark, _text(x + 24, y, key.text, _TEXT, colours.ink)]
        x += width + 20
    return parts, y + 2


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(base[key], over[key]) if isinstance(base[key], dict) and isinstance(over[key], dict) else over[key]
        for key in base.keys() & over.keys()
    }
    return {**base, **over, **both}
