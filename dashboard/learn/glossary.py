"""The glossary: the terms of the dashboard and of the method, each with an anchor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from dashboard.ui.address import inside


@dataclass(frozen=True, slots=True)
class Term:
    """A term with its meaning; ``key`` is its anchor on the page."""

    key: str
    name: str
    text: str


TERMS = tuple(
    Term(*parts)
    for parts in (
        (
            "all-in",
            "all-in cost",
            "Every multiplication of the network, times the bits of both its factors, in percent of the plain"
            " full-precision network. Stem, first block, shortcuts, gates and pooling all count; cp leaves them out.",
        ),
        (
            "alpha",
            "alpha",
            "The weight that training gives to the cost: how hard it enforces the budget. It works in training only."
            " What is charged at evaluation is the price.",
        ),
        ("backbone", "backbone", "The plain network without gates that the others are trained from."),
        (
            "block",
            "block",
            "A few convolutions with a shortcut past them. If the block is skipped, its input passes through the"
            " shortcut.",
        ),
        (
            "differ",
            "blocks that differ",
            "Gated blocks in which at least 5 % of the images do not take the most frequent option. If there are none,"
            " the decisions hardly depend on the image.",
        ),
        (
            "budget",
            "budget",
            "The cp that a network should spend on average over many images. A single image may cost more or less.",
        ),
        (
            "cascade",
            "cascade, looking again",
            "A network that is run cheaply first, and again at more bits where its answer is in doubt. Each run is a"
            " pass; every pass is paid for. Each pass but the last has a limit, such as 12 times: its answer counts if"
            " it is at least so many times as probable as the next class.",
        ),
        (
            "checkpoint",
            "checkpoint",
            "A trained network: its weights, and a card that says how it was trained and what was measured.",
        ),
        (
            "cp",
            "cp, computation percentage",
            "The paper's measure: the mean of (bits / 32)² over the gated blocks. All blocks in full are 100 %.",
        ),
        (
            "decision",
            "decision",
            "The option that a block takes for an image: the one with the highest probability at its gate.",
        ),
        (
            "vector",
            "decision vector",
            "All decisions for one image, in the order of the blocks. Images with the same one have the same cost.",
        ),
        (
            "dial",
            "dial",
            "A price on computation that is charged after training. It moves a checkpoint along a curve of its own, for"
            " which it was not trained; charts always mark such points.",
        ),
        (
            "energy",
            "energy",
            "The energy of all multiplications and additions on a 45 nm chip, less at fewer bits, without memory"
            " access. In percent of the plain network.",
        ),
        (
            "gate",
            "gate",
            "A tiny network before a block. It gets the channel averages of the block's input, remembers what it saw at"
            " earlier blocks, and gives every option a probability.",
        ),
        (
            "interval",
            "interval",
            "The range that contains the true accuracy with 95 % confidence, for this number of images (Wilson's"
            " interval). Two results may differ although their intervals overlap: Compare tests them image by image.",
        ),
        (
            "macs",
            "MACs",
            "Multiply-accumulate operations that are executed, at any precision, so only skipping saves any. In percent"
            " of the plain network.",
        ),
        (
            "margin",
            "margin",
            "The probability of the chosen option minus that of the next one, in points. A small margin is a near tie:"
            " mirroring the image may flip the decision.",
        ),
        (
            "option",
            "option",
            "What a gated block may do for an image: skip, run at a few bits, or run in full.",
        ),
        (
            "policy",
            "policy",
            "Who decides: gates that look at each image, or a rule that is the same for all images.",
        ),
        (
            "price",
            "price",
            "What a full block is charged at evaluation, in nats, the unit of the loss. The decision is the option"
            " with the highest score after its cost is charged. In tables it stands in the unit of alpha.",
        ),
        (
            "session",
            "session checkpoint",
            "A network whose gates were fine-tuned live in the alpha laboratory. It is in memory until it is written to"
            " disk, and was measured only on validation images.",
        ),
        (
            "signed-cost",
            "signed cost",
            "The term that training adds to the loss: alpha times the cost, with a plus while cp is above the budget"
            " and a minus while it is below. It pushes the gates to cheaper or to more expensive options.",
        ),
        (
            "skip",
            "skip",
            "To leave a block out. Its convolutions cost nothing and add nothing.",
        ),
        (
            "stage",
            "stage",
            "Consecutive blocks with the same image size and number of channels. The next stage has half the size and"
            " more channels.",
        ),
        (
            "unlike",
            "unlike the training images",
            "Said of a picture whose details, colours or brightness differ more from the training images than those of"
            " 95 % of the validation images. A picture that does not differ may still show none of the known classes.",
        ),
        (
            "variation",
            "variation of cp",
            "How much cp differs between images: its standard deviation divided by its mean. 0 if all cost the same.",
        ),
    )
)


def link(key: str, words: str) -> str:
    """Words as a link to a term, whose meaning is shown while the pointer is over them.

    It opens another tab, as links in Markdown do: in this one it would end the session, and with it the talk.
    """
    (term,) = (one for one in TERMS if one.key == key)
    where = f'href="{_address(key)}" target="_blank" rel="noopener noreferrer"'
    return f'<a class="dfs-term" {where} title="{escape(term.text)}">{escape(words)}</a>'


def explained(sentence: str, known: set[str]) -> str:
    """A sentence in Markdown, in which terms are links to the glossary with their meaning.

    Args:
        sentence: the sentence.
        known: keys of the terms that were linked before, to which those of this sentence are added.
    """

    def linked(found: re.Match[str]) -> str:
        key = _WORDS[found[0].lower()]
        if key in known:
            return found[0]
        known.add(key)
        (term,) = (one for one in TERMS if one.key == key)
        about = term.text.replace('"', "'")
        return f'[{found[0]}]({_address(key)} "{about}")'

    return _TERM.sub(linked, sentence)


def _address(key: str) -> str:
    return inside(f"/learn?step=glossary#term-{key}")


_WORDS = {
    **dict.fromkeys(("gate", "gates"), "gate"),
    **dict.fromkeys(("block", "blocks"), "block"),
    **dict.fromkeys(("option", "options"), "option"),
    **dict.fromkeys(("decision vector", "decision vectors"), "vector"),
    **{key: key for key in ("budget", "price", "alpha", "cp", "all-in", "backbone", "cascade")},
}
_TERM = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _WORDS), key=len, reverse=True))})\b", re.IGNORECASE)


def as_html(terms: tuple[Term, ...] = TERMS) -> str:
    """A definition list with an anchor for every term, and links to them above."""
    links = " ".join(f'<a href="#term-{term.key}">{escape(term.name)}</a>' for term in terms)
    items = "".join(f'<dt id="term-{term.key}">{escape(term.name)}</dt><dd>{escape(term.text)}</dd>' for term in terms)
    return f'<div class="dfs-glossary"><nav aria-label="Terms">{links}</nav><dl>{items}</dl></div>'
