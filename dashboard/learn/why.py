"""Where Learn begins: why a network should decide how much to compute, and a picture of the four parts that do it."""

from __future__ import annotations

from dashboard.drawing import marks
from dashboard.drawing.palette import Palette
from dashboard.learn.glossary import link

_SKIPPED = 2  # which of the boxes is skipped

_BOXES = (("stem", 10), ("block", 150), ("block", 290), ("block", 430), ("answer", 570))
ALT = (
    "A network in a row: stem, three blocks, answer. A line goes from each to the next. A shortcut is an arc over a"
    " block. A gate is a small circle before a block. The second block is skipped: its box is empty, and its shortcut"
    " is thick."
)


def as_html(colours: Palette) -> str:
    """Three sentences and the picture, in the colours of a theme."""
    return f"""<section class="dfs-why"><div><h2>Why</h2>
<p>An easy picture needs less computation than a hard one, but a plain network computes the same for both.</p>
<p>Here a {link("gate", "gate")} looks at what reaches each {link("block", "block")} and chooses what the block
does: skip it, run it at a few bits, or run it in full.</p>
<p>If a block is skipped, its input takes the {link("block", "shortcut")} past it. The question is how little
computation is enough, and what that costs in accuracy.</p></div>
<figure>{marks.image(drawing(colours), ALT)}</figure></section>"""


def drawing(colours: Palette) -> str:
    """The picture as SVG. Pages show it as an image, because Streamlit takes SVG out of their HTML."""
    wire, box = f'fill="none" stroke="{colours.ink}"', f'fill="{colours.option("8")}" fill-opacity="0.35"'
    parts = []
    for place, (name, x) in enumerate(_BOXES):
        skipped, is_block = place == _SKIPPED, name == "block"
        look = box if is_block and not skipped else 'fill="none"'
        dashed = ' stroke-dasharray="5 4"' if skipped else ""
        parts.append(f'<rect x="{x}" y="70" width="90" height="56" rx="6" {look} stroke="{colours.ink}"{dashed}/>')
        parts.append(f'<text x="{x + 45}" y="103">{"skipped" if skipped else name}</text>')
        if place:
            parts.append(f'<path d="M{x - 50} 98H{x}" {wire}/>')
        if is_block:
            arc = f"M{x - 42} 98C{x - 34} 30 {x + 120} 30 {x + 124} 98"
            parts.append(f'<path d="{arc}" {wire} stroke-width="{4 if skipped else 1.5}"/>')
            parts.append(f'<circle cx="{x - 22}" cy="98" r="10" fill="{colours.accent}"/>')
    labels = '<text x="195" y="36">shortcut</text><text x="128" y="145">gate</text>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 670 160" font-family="sans-serif" font-size="15"'
        f' text-anchor="middle"><g fill="{colours.ink}">{"".join(parts)}{labels}</g></svg>'
    )
