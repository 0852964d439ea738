"""The lesson: five steps on one image, three sentences each. What they say is computed from the trace; no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dashboard.answers import agreement, costs
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import plain, with_article
from dashboard.answers.pictures import Picture, loses_nothing
from dashboard.answers.tables import Rows, Shown
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.checkpoints.words import format_alpha, option_in_words
from dfs_core.model.layout import FIRST_GATED
from dfs_core.trace import DecisionTrace

STEPS = {
    "1": "A picture becomes {size} by {size}",
    "2": "A gate looks",
    "3": "Options and their cost",
    "4": "Budget and alpha",
    "5": "What it adds up to",
}
QUIZ, GLOSSARY = "quiz", "glossary"
PLACES = (*STEPS, QUIZ, GLOSSARY)
THIS_IMAGE, TEST_SET = "this image", "test set, mean"
CLEAR = 10.0  # points of probability: below this lead a decision is a near-tie


def title_of(place: str, image_size: int) -> str:
    """What a step is called, for a network that takes images of that side in pixels."""
    return STEPS[place].format(size=image_size)


def place_of(text: str | None) -> str:
    """The part of the page that a link names; the first step for anything else."""
    return text if text in PLACES else PLACES[0]


def drawing_like(picture: Picture, drawings: Sequence[Picture]) -> Picture:
    """A drawing of the image's class, if there is one, else the first."""
    return next((drawing for drawing in drawings if drawing.truth == picture.truth), drawings[0])


def picture_words(item: Shown, drawing: Picture | None = None) -> list[str]:
    """Step 1; ``drawing`` stands below an image that loses nothing."""
    size = len(item.picture.seen)
    known = {
        True: "and it is one",
        False: f"but it is {plain(with_article(item.picture.truth or ''))}",
        None: "its true class is unknown",
    }
    lost = "What is lost here no budget brings back, so compare the two: could you still tell?"
    if loses_nothing(item.picture):
        lost = f"This image is {size} by {size} already, so nothing is lost."
        if drawing is None:
            lost += " To see what usually is, compare it with a drawing, or upload an image of your own."
        else:
            lost += (
                f" The drawing of {plain(with_article(drawing.truth or drawing.name))} below it is larger: what it"
                " loses no budget brings back. Could you still tell?"
            )
    return [
        f"The network sees every picture as {size} by {size} squares of three colours: {3 * size**2:,} numbers,"
        " whatever the camera knew.",
        lost,
        f"From these numbers the network says **{plain(item.trace.label)}**, {100 * item.trace.confidence:.0f} % sure;"
        f" {known[item.right]}.",
    ]


def gate_words(item: Shown, card: Card, block: int) -> list[str]:
    """Step 2, with block ``block`` in question."""
    config = card.config
    if config.policy == "constant":
        return [
            f"This network has no gates: each of its {config.gated_blocks} blocks does the same for every image.",
            f"Block {block} always runs as **{option_in_words(item.trace.decisions[block - FIRST_GATED])}**.",
            "Choose a DFS checkpoint above to see gates that decide for themselves.",
        ]
    ranked = sorted(zip(item.trace.probabilities[block - FIRST_GATED], item.trace.options, strict=True), reverse=True)
    (best, chosen), *rest = ranked
    second = f", before {option_in_words(rest[0][1])} with {100 * rest[0][0]:.0f} %" if rest else ""
    lead = 100 * (best - rest[0][0]) if rest else 100.0
    before = f"Before each of {config.gated_blocks} blocks"
    who = {
        "one-shot": "Before any block has run, a small policy network looks at the image once, decides for all blocks",
        "table": "No gate looks at the image: a table, the same for every image, weighs what each option is worth",
        "confidence": f"{before} a small classifier says how sure it is of the image; the gate takes bits to be worth"
        " more the less sure that is",
    }.get(config.policy, f"{before} a gate looks at averages of what was computed so far")
    return [
        f"{who}, and gives every option a probability.",
        f"For block {block} it gives {100 * best:.0f} % to **{option_in_words(chosen)}**{second}; the first is carried"
        " out.",
        "That is a near-tie: a mirror image may turn it round."
        if lead < CLEAR
        else f"It leads by {lead:.0f} points, so this decision is a clear one.",
    ]


def option_words(item: Shown, card: Card, forced: tuple[str, DecisionTrace] | None) -> list[str]:
    """Step 3; ``forced`` is an option with what the network says if every block takes it."""
    cp, bits = item.trace.cp, next((option for option in card.config.option_set if option.is_quantised), None)
    example = (
        f"{bits.bits} bits cost ({bits.bits} / 32)² = {100 * bits.cost:.3g} % of the block in full"
        if bits
        else "a skipped block costs nothing"
    )
    said = [
        f"Rounding numbers to fewer bits makes multiplying them cheaper, twice over: {example}.",
        f"Its {len(item.trace.decisions)} decisions give this image a **cp of {cp:.2f} %**: the mean of what its blocks"
        " cost.",
    ]
    if forced is None:
        said.append("Choose an option below to force every block to it, and see whether the answer survives.")
        return said
    name, trace = forced
    same = "the same answer" if trace.label == item.trace.label else f"instead of {plain(item.trace.label)}"
    said.append(
        f"With every block at **{option_in_words(name)}** cp is {trace.cp:.2f} %, and the network says"
        f" {plain(trace.label)}, {100 * trace.confidence:.0f} % sure: {same}."
    )
    return said


def budget_words(item: Shown, point: OperatingPoint, rows: Rows) -> list[str]:
    """Step 4; ``rows`` as ``budget_rows`` gives them."""
    if not rows:
        return [
            "A budget is the share of computation that a network is to spend on average.",
            "This one has none: it costs the same for every image.",
            "Choose a DFS checkpoint above to see what a budget buys.",
        ]
    card = point.card
    own, mean = item.trace.cp, next((r["cp"] for r in rows if r["in_use"] and r["what"] == TEST_SET), None)
    said = ["The budget is what a network is to spend on average, and every image may lie above it or below."]
    if card.budget_range is not None:
        said.append("Here alpha is the price of computation: the higher it is, the more a block must help to be run.")
    elif card.alpha is not None:
        said.append(
            f"**Alpha** says how hard training pulled towards it, here {format_alpha(card.alpha)}; the laboratory shows"
            " the pull at work."
        )
    else:
        said.append("This checkpoint was not pulled towards a budget; the points are those of its relatives.")
    asked = point.target
    if asked is not None:
        than = "" if mean is None else f", while the test set's mean is {mean:.2f} %"
        said.append(f"At {asked:.3g} % this image costs **{own:.2f} %**{than}.")
    return said


def plain_network(catalogue: Catalogue, card: Card) -> Card | None:
    """The backbone to set a checkpoint against: that which it was made of, else the most accurate."""
    kin = [c for c in catalogue.cards if c.method == "backbone" and _kin(c, card) and c.evaluation("test") is not None]
    return card.backbone(kin) or max(kin, key=lambda c: c.metrics["test"]["accuracy"], default=None)


def sum_words(
    item: Shown, measured: Mapping[str, Any] | None, traces: Traces | None = None, plain: Traces | None = None
) -> list[str]:
    """Step 5.

    Args:
        item: the image.
        measured: the operating point's figures on the test set, as ``tables.test_figures`` gives them.
        traces: what was decided there; None if that is not stored.
        plain: the same of the plain network, unless it is the one in use.
    """
    if measured is None:
        return [
            "Nobody has measured this operating point, so it has no place on the curve.",
            f"This image costs {item.trace.cp:.2f} % cp and {item.trace.all_in:.2f} % all-in.",
            "Choose another checkpoint above to see what it gives up.",
        ]
    said = [
        f"On {measured['images']:,} {measured['what'].removesuffix(' set').removesuffix(' images')} images it is right"
        f" for **{measured['accuracy']:.2f} %** ({measured['low']:.2f} to {measured['high']:.2f}), at a cp of"
        f" {measured['cp']:.2f} % and {measured['all_in']:.2f} % all-in."
    ]
    if traces is None or plain is None or agreement.why_not(plain, traces):
        said.append("The points are what other networks reach: look for those above and to the left.")
    else:
        said.append(_against(agreement.summary(plain, traces)))
    if traces is not None:
        vectors, n = len(np.unique(traces.decisions, axis=0)), len(traces)
        said.append(
            "All images take the same decisions: a rule without any gates would do as well."
            if vectors == 1
            else f"Its {n:,} test images take {vectors:,} different decision vectors: {_look(vectors / n)}."
        )
    return said


def _against(found: agreement.Agreement) -> str:
    """A checkpoint against the plain network on the same images, as ``agreement.summary`` tests it."""
    if not found.gain:
        return f"On the same {found.images:,} images that is as many as the plain network."
    than = f"{abs(found.gain):.2f} points {'more' if found.gain > 0 else 'fewer'} than the plain network"
    chance = "chance alone would rarely do that" if found.p < 0.05 else "chance alone may do that"
    return f"That is {than}; on the same {found.images:,} images {chance} ({agreement.p_in_words(found.p)})."


def budget_rows(
    point: OperatingPoint,
    traces: Sequence[tuple[OperatingPoint, DecisionTrace]],
    measured: Sequence[dict[str, Any]] = (),
) -> Rows:
    """One row a point of the budget chart: what this image and, where it was measured, the test set costs.

    Args:
        point: the operating point in use.
        traces: of the image at other operating points, all of which have a target.
        measured: points, as ``points.read_measured`` gives them; they tell the test set's cost at a budget of many.
    """
    card, asked = point.card, point.target
    rows: Rows = [
        {key: row[key] for key in ("budget", "cp", "checkpoint")} | {"what": TEST_SET, "in_use": row["budget"] == asked}
        for row in measured
        if card.budget_range is not None and row["checkpoint"] == card.name and row["budget"] is not None
    ]
    for at, trace in traces:
        other, aimed = at.card, at.target
        in_use = other.name == card.name and aimed == asked
        rows.append({"budget": aimed, "what": THIS_IMAGE, "cp": trace.cp, "in_use": in_use, "checkpoint": other.name})
        found = costs.of_card(other) if other.budget_range is None and other.alpha in (card.alpha, None) else None
        if found is not None:
            mine = {"budget": aimed, "cp": found["cp"], "checkpoint": other.name}
            rows.append(mine | {"what": TEST_SET, "in_use": in_use})
    return sorted(rows, key=lambda row: (row["what"], row["budget"]))


def _look(share: float) -> str:
    """How much gates look at the image, going by different decision vectors per image."""
    return f"the gates {'hardly look' if share < 0.01 else 'look a little' if share < 0.1 else 'do look'}"


def _kin(one: Card, other: Card) -> bool:
    return (one.dataset, one.config.layout) == (other.dataset, other.config.layout)
