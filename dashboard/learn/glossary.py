"""The words of the dashboard and of the method, each in a sentence or two, with an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Term:
    """A word, and what is meant by it here; ``key`` is its anchor on the page."""

    key: str
    name: str
    text: str


TERMS = tuple(
    Term(*parts)
    for parts in (
        (
            "all-in",
            "all-in cost",
            "Every multiplication of the network, times the bits of both its numbers, in percent of the plain"
            " full-precision network. Stem, first block, shortcuts, gates and pooling all count, so it is never below"
            " what cp leaves out.",
        ),
        (
            "alpha",
            "alpha",
            "How hard training pulls cp towards the budget. For a checkpoint that serves every budget it is the price"
            " of computation: a block runs only where that is worth it.",
        ),
        ("backbone", "backbone", "The plain network, without gates, that others start from."),
        (
            "block",
            "block",
            "Two convolutions with a shortcut past them. Because of the shortcut a block can be left out: what came in"
            " goes on.",
        ),
        (
            "differ",
            "blocks that differ",
            "Gated blocks in which at least 5 % of the images do not take the usual option. Where there are none, the"
            " gates hardly look at the image.",
        ),
        (
            "budget",
            "budget",
            "The cp that a network is to spend on average over many images. A single image may cost more or less.",
        ),
        (
            "checkpoint",
            "checkpoint",
            "A trained network: its weights, and a card that says how it was made and what it reached.",
        ),
        (
            "cp",
            "cp, computation percentage",
            "The paper's measure: the mean over the gated blocks of (bits / 32)². Every block in full is 100 %.",
        ),
        (
            "decision",
            "decision",
            "The option that a block takes for an image: the one that its gate gives the highest probability.",
        ),
        (
            "vector",
            "decision vector",
            "All decisions for one image in a row: what each gated block does. Images that share one cost the same.",
        ),
        (
            "dial",
            "dial",
            "A price that is put on computation after training, without training again. It moves a checkpoint along a"
            " curve of its own, which is always marked as such.",
        ),
        (
            "energy",
            "energy",
            "What the multiplications and additions need on a chip of 45 nm, fewer bits less; memory is left out. In"
            " percent of the plain network's.",
        ),
        (
            "gate",
            "gate",
            "A tiny network before a block: it sees the averages of what has been computed so far, remembers the blocks"
            " before, and gives every option a probability.",
        ),
        (
            "interval",
            "interval",
            "Where the true accuracy lies with 95 % confidence, given how many images were measured (Wilson's). That"
            " two of them overlap does not show that two results are equal: Compare tests them image by image.",
        ),
        (
            "lead",
            "lead",
            "How far the chosen option leads over the next, in points of probability. A small one is a near-tie that a"
            " mirror image may decide the other way.",
        ),
        (
            "macs",
            "MACs",
            "Multiplications, each with its addition, that are executed, whatever their precision: only skipping saves"
            " any. In percent of those of the plain network.",
        ),
        (
            "option",
            "option",
            "What a gated block can do for an image: be skipped, run with its numbers rounded to some bits, or run in"
            " full.",
        ),
        (
            "policy",
            "policy",
            "Whoever decides: gates that look at each image, or a rule that is the same for all.",
        ),
        (
            "price",
            "price",
            "What a block in full costs in the unit of the gates' preferences. The decision is the option with the best"
            " preference after its cost is paid at this price.",
        ),
        (
            "session",
            "session checkpoint",
            "A network whose gates were fine-tuned live in the alpha laboratory. It lies in memory, and was"
            " measured on validation images alone.",
        ),
        (
            "signed-cost",
            "signed cost",
            "What training adds to the error: alpha times the cost, with a plus while cp is above the budget and a"
            " minus while it is below. So gates are drawn to cheaper options or to dearer ones.",
        ),
        (
            "skip",
            "skip",
            "Leaving a block out. It costs nothing, and the block adds nothing.",
        ),
        (
            "stage",
            "stage",
            "Blocks in a row that work on images of one size with as many channels. The next stage has half the size"
            " and more channels.",
        ),
        (
            "variation",
            "variation of cp",
            "How much the images' own cp differ: their standard deviation over their mean. 0 where all cost the same.",
        ),
    )
)


def as_html(terms: tuple[Term, ...] = TERMS) -> str:
    """A definition list in which every term has its anchor, with a line of links above."""
    links = " ".join(f'<a href="#term-{term.key}">{escape(term.name)}</a>' for term in terms)
    items = "".join(f'<dt id="term-{term.key}">{escape(term.name)}</dt><dd>{escape(term.text)}</dd>' for term in terms)
    return f'<div class="dfs-glossary"><nav aria-label="Terms">{links}</nav><dl>{items}</dl></div>'
