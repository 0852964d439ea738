"""Where Learn begins: why a network should decide how much to compute, and a picture of the four parts that do it."""

from __future__ import annotations

from dashboard.learn.glossary import link

_BOXES = (("stem", 10), ("block", 150), ("block", 290), ("block", 430), ("answer", 570))
ALT = (
    "A network in a row: stem, three blocks, answer. A line goes from each to the next. A shortcut is an arc over a"
    " block. A gate is a small circle before a block. The second block is skipped: its box is empty, and its shortcut is"
    " thick."
)


def as_html() -> str:
    """Three sentences and the picture."""
    return f"""<section class="dfs-why"><div><h2>Why</h2>
<p>An easy picture needs less computation than a hard one, but a plain network computes the same for both.</p>
<p>Here a {link("gate", "gate")} looks at the picture before each {link("block", "block")} and chooses what the block
does: skip it, run it at a few bits, or run it in full.</p>
<p>What is skipped goes along the {link("skip", "shortcut")}. The question is how little computation is enough, and what
that costs in accuracy.</p></div>{_picture()}</section>"""


def _picture() -> str:
    parts = []
    for place, (name, x) in enumerate(_BOXES):
        skipped, gated = place == 2, name == "block"
        look = 'class="skipped"' if skipped else f'class="{name}"'
        parts.append(f'<rect {look} x="{x}" y="70" width="90" height="56" rx="6"/>')
        text = "skipped" if skipped else name
        parts.append(f'<text x="{x + 45}" y="103" text-anchor="middle">{text}</text>')
        if place:
            parts.append(f'<path class="wire" d="M{x - 50} 98H{x}"/>')
        if gated:
            thick = ' style="stroke-width:4"' if skipped else ""
            parts.append(f'<path class="arc"{thick} d="M{x - 38} 98C{x - 30} 30 {x + 120} 30 {x + 122} 98"/>')
            parts.append(f'<circle class="gate" cx="{x - 22}" cy="98" r="10"/>')
    labels = (
        '<text x="195" y="32" text-anchor="middle">shortcut</text>'
        '<text x="128" y="142" text-anchor="middle">gate</text>'
    )
    return (
        f'<figure><svg viewBox="0 0 670 160" role="img" aria-label="{ALT}">{"".join(parts)}{labels}</svg>'
        "<figcaption>Network, blocks, shortcuts and gates</figcaption></figure>"
    )
