"""Legends of charts, as HTML that wraps on narrow pages."""

from __future__ import annotations

from html import escape

from dashboard.drawing import marks
from dashboard.drawing.figure import Key
from dashboard.drawing.palette import Palette
from dfs_core.model.options import OptionSet


def option_keys(option_set: OptionSet, colours: Palette) -> tuple[Key, ...]:
    """Legend of the options, cheapest first: name, colour and share of the full block's cost."""
    names = {"skip": "skip, 0", "full": "full, 1"}
    return tuple(
        Key(
            names.get(option.name) or f"{option.name} bits, {_share(option.cost)}",
            colours.option(option.name),
            "skip" if option.is_skip else "cell",
        )
        for option in option_set
    )


def options(option_set: OptionSet, colours: Palette) -> str:
    """The legend of the options as HTML."""
    return legend(option_keys(option_set, colours), colours, "Decisions", "of the full block")


def legend(keys: tuple[Key, ...], colours: Palette, title: str = "", note: str = "") -> str:
    """A legend as HTML, with a title before it and a note after it; empty if there are no entries."""
    if not keys:
        return ""
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    more = f"<em>{escape(note)}</em>" if note else ""
    chips = "".join(f"<span>{_image(key, colours)}{escape(key.text)}</span>" for key in keys)
    return f'<div class="dfs-legend">{heading}<div>{chips}{more}</div></div>'


def _image(key: Key, colours: Palette) -> str:
    """The mark of an entry."""
    return marks.image(marks.alone(key, colours.ink, colours.faint))


def _share(cost: float) -> str:
    """A relative cost as a fraction: 1/16."""
    return f"1/{1 / cost:g}" if (1 / cost).is_integer() else f"{cost:.3f}"
