"""The texts of steps 1 to 5 of the lesson, computed from one image's trace. ``looking.py`` has those of step 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.answers import costs
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import class_name, classes_in_words, plain, with_article
from dashboard.answers.pictures import Picture, is_enlarged, loses_nothing
from dashboard.answers.tables import SETS, Rows, Shown, is_near_tie, margin_in_words
from dashboard.ui.read_only import read_only
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.checkpoints.words import format_alpha, option_in_words
from dfs_core.data.images import MIDDLE
from dfs_core.evaluation.metrics import different
from dfs_core.model.layout import FIRST_GATED
from dfs_core.results.agreement import Agreement, chance_in_words, p_in_words, why_not
from dfs_core.trace import DecisionTrace

STEPS = {
    "1": "A picture becomes {size} by {size}",
    "2": "A gate decides",
    "3": "Options and their cost",
    "4": "Budget and price",
    "5": "What it adds up to",
    "6": "Looking again",
}
LOOKING = "6"
QUIZ, GLOSSARY = "quiz", "glossary"
PLACES = (*STEPS, QUIZ, GLOSSARY)
THIS_IMAGE, TEST_SET = "this image", "test set, mean"


def title_of(place: str, image_size: int) -> str:
    """Title of a step, for a network with that image size in pixels."""
    return STEPS[place].format(size=image_size)


def place_of(text: str | None) -> str:
    """The part of the page that a link names; the first step if it names none."""
    return text if text in PLACES else PLACES[0]


def drawing_like(picture: Picture, drawings: Sequence[Picture]) -> Picture:
    """A drawing of the image's class, or the first drawing if there is none."""
    return next((drawing for drawing in drawings if drawing.truth == picture.truth), drawings[0])


def picture_words(item: Shown, drawing: Picture | None = None, unlike: bool = False) -> list[str]:
    """Step 1.

    Args:
        item: the image.
        drawing: shown below an image that loses nothing.
        unlike: whether the image is unlike the training images.
    """
    size = len(item.picture.seen)
    known = {
        True: "it is right",
        False: f"but it is {plain(with_article(item.picture.truth or ''))}",
        None: f"the picture is {item.picture.truth_in_words}" if item.picture.foreign else "the true class is unknown",
    }
    width, height = item.picture.given_size
    square = "the middle square" if item.picture.crop == MIDDLE else "the square that you chose"
    cut = "" if width == height else f"Its {width} by {height} pixels are cut to {square}. "
    lost = (
        f"{cut}No budget brings back the details that are lost here. Compare the two: could you still tell what it is?"
    )
    if is_enlarged(item.picture):
        lost = f"This image has only {width} by {height} pixels and is enlarged: nothing is lost, and nothing is added."
    if loses_nothing(item.picture):
        lost = f"This image is {size} by {size} already, so nothing is lost."
        if drawing is None:
            lost += " To see what is usually lost, compare it with a drawing"
            lost += "." if read_only() else ", or upload an image of your own."
        else:
            lost += (
                f" The drawing of {plain(with_article(drawing.truth or drawing.name))} below is larger and loses"
                " details, which no budget brings back. Could you still tell what it is?"
            )
    return [
        f"The network sees every picture as {size} by {size} pixels of three colours: {3 * size**2:,} numbers.",
        lost,
        f"From these numbers the network predicts **{plain(class_name(item.trace.label))}**,"
        f" {100 * item.trace.confidence:.0f} % sure;"
        f" {known[item.right]}. It knows only {plain(classes_in_words(item.trace.classes))}, and names one of them for"
        f" any picture{', also for one as unlike the training images as this' if unlike else ''}.",
    ]


def gate_words(item: Shown, card: Card, block: int) -> list[str]:
    """Step 2, for the block with number ``block``."""
    config = card.config
    if config.policy == "constant":
        return [
            f"This network has no gates: each of its {config.gated_blocks} blocks does the same for every image.",
            f"Block {block} always takes **{option_in_words(item.trace.decisions[block - FIRST_GATED])}**.",
            "Choose a DFS checkpoint above to see gates that decide for each image.",
        ]
    if config.policy == "cascade":
        return [
            f"A cascade has no gates: each pass runs all {config.gated_blocks} blocks at the bits of that pass.",
            f"In the last pass over this image, block {block} takes"
            f" **{option_in_words(item.trace.decisions[block - FIRST_GATED])}**.",
            f"What it decides is whether to look again. Step {LOOKING} shows how.",
        ]
    if config.policy == "table":
        return [
            "No gate looks at the image: a table, the same for every image, says what each block does at each budget.",
            f"At this budget, block {block} takes **{option_in_words(item.trace.decisions[block - FIRST_GATED])}**.",
            "Mirroring the image cannot flip this decision: only another budget can.",
        ]
    ranked = sorted(zip(item.trace.probabilities[block - FIRST_GATED], item.trace.options, strict=True), reverse=True)
    (best, chosen), *rest = ranked
    second = f" and {100 * rest[0][0]:.0f} % to {option_in_words(rest[0][1])}" if rest else ""
    margin = 100 * (best - rest[0][0]) if rest else 100.0
    before = f"Before each of {config.gated_blocks} blocks"
    who = {
        "one-shot": "After the first block, a small policy network looks at its output once. For every block it gives"
        " every option a probability.",
        "confidence": f"{before} a small classifier says how sure it is of the image. The gate gives every option a"
        " probability: the less sure the classifier is, the more bits.",
    }.get(
        config.policy, f"{before} a gate looks at channel averages of its input and gives every option a probability."
    )
    return [
        who,
        f"For block {block} it gives {100 * best:.0f} % to **{option_in_words(chosen)}**{second}. The most probable"
        " option is taken.",
        "This is a near tie: mirroring the image may flip the decision."
        if is_near_tie(margin)
        else f"Its margin is {margin_in_words(margin)} points, so this is a clear decision.",
    ]


def option_words(item: Shown, card: Card, forced: tuple[str, DecisionTrace] | None) -> list[str]:
    """Step 3; ``forced`` is an option, with the trace if every block takes it."""
    cp, bits = item.trace.cp, next((option for option in card.config.option_set if option.is_quantised), None)
    cheaper = (
        "Multiplication is cheaper at fewer bits, and both factors have fewer:"
        f" {bits.bits} bits cost ({bits.bits} / 32)² = {100 * bits.cost:.3g} % of the full block."
        if bits
        else "This network has no option with fewer bits: a skipped block costs nothing, and any other its whole cost."
        if len(card.config.option_set) > 1
        else "This network runs every block in full, so it saves nothing."
    )
    said = [
        cheaper,
        f"The {len(item.trace.passes)} passes over this image give a **cp of {cp:.2f} %**: what they cost together."
        if len(item.trace.passes) > 1
        else f"The {len(item.trace.decisions)} decisions for this image give a **cp of {cp:.2f} %**: the mean cost of"
        " the blocks.",
    ]
    if forced is None and len(card.config.option_set) > 1:
        said.append("Choose an option below to force every block to it, and see whether the prediction stays the same.")
    if forced is None:
        return said
    name, trace = forced
    same = (
        "the same prediction"
        if trace.label == item.trace.label
        else f"instead of {plain(class_name(item.trace.label))}"
    )
    said.append(
        f"With every block{' of every pass' if trace.passes else ''} at **{option_in_words(name)}**, cp is"
        f" {trace.cp:.2f} % and the network predicts"
        f" {plain(class_name(trace.label))}, {100 * trace.confidence:.0f} % sure: {same}."
    )
    return said


def budget_words(item: Shown, point: OperatingPoint, rows: Rows) -> list[str]:
    """Step 4; ``rows`` from ``budget_rows``; none if the budget is no cp."""
    if point.card.for_time:
        return [
            "A budget is usually the cp that a network should spend on average. This network was trained for time:"
            f" its budget, {point.target:.3g} %, is a share of the time that all gated blocks take in full.",
            f"Here this image has a cp of **{item.trace.cp:.2f} %**. *Time here*, on the Image page, says how long it"
            " takes on this machine.",
        ]
    if not rows and not point.card.config.decides_alike:
        return [
            "A budget is the cp that a network should spend on average.",
            f"This checkpoint's card names no budget. Each image has its own cost, here a cp of {item.trace.cp:.2f} %.",
            "Choose another DFS checkpoint above to see the effect of a budget.",
        ]
    if not rows:
        return [
            "A budget is the cp that a network should spend on average.",
            "This network has no budget: it costs the same for every image.",
            "Choose a DFS checkpoint above to see the effect of a budget.",
        ]
    card = point.card
    own, mean = item.trace.cp, next((r["cp"] for r in rows if r["in_use"] and r["what"] == TEST_SET), None)
    said = ["The budget is the cp that a network should spend on average. A single image may cost more or less."]
    if card.budget_range is not None:
        said.append("The **price** is what a block is charged: the higher it is, the more a block must help to be run.")
    elif card.alpha is not None:
        said.append(
            f"**Alpha** says how hard training enforced the budget, here {format_alpha(card.alpha)}."
            + ("" if read_only() else " The laboratory shows how it works.")
        )
    else:
        said.append("This checkpoint was not trained for a budget; the points are those of its family.")
    asked = point.target
    if asked is not None:
        than = "" if mean is None else f", while the test set's mean is {mean:.2f} %"
        said.append(f"At {asked:.3g} % this image costs **{own:.2f} %**{than}.")
    return said


def plain_network(catalogue: Catalogue, card: Card) -> Card | None:
    """The backbone to compare a checkpoint with: the one it was trained from, or else the most accurate one."""
    kin = [c for c in catalogue.cards if c.method == "backbone" and _kin(c, card) and c.evaluation("test") is not None]
    return card.backbone(kin) or max(kin, key=lambda c: c.metrics["test"]["accuracy"], default=None)


def sum_words(
    item: Shown, measured: Mapping[str, Any] | None, traces: Traces | None = None, plain: Traces | None = None
) -> list[str]:
    """Step 5.

    Args:
        item: the image.
        measured: the operating point's figures on the test set, from ``tables.test_figures``.
        traces: its traces of the test set; None if they are not stored.
        plain: the backbone's traces; None if they are not stored, or if it is the checkpoint in use.
    """
    if measured is None:
        return [
            "This operating point was not measured on the test set, so it is not on the curve.",
            f"This image costs {item.trace.cp:.2f} % cp and {item.trace.all_in:.2f} % all-in.",
            "Choose another checkpoint above to see its accuracy.",
        ]
    figures = f"{measured['cp']:.2f} % and {measured['all_in']:.2f} % all-in."
    if between := measured.get("between"):
        said = [
            f"This budget was not measured. Between {between[0]:.3g} and {between[1]:.3g} %, which were, the network is"
            f" right for about **{measured['accuracy']:.2f} %** of the test images, at a cp of about {figures}"
        ]
    else:
        which = measured["what"].removesuffix(" set").removesuffix(" images")
        interval = f"(95 % interval {measured['low']:.2f} to {measured['high']:.2f})"
        said = [
            f"On {measured['images']:,} {which} images it is right for **{measured['accuracy']:.2f} %** {interval},"
            f" at a cp of {figures}"
        ]
    if measured["what"] == SETS["validation"]:
        said.append("These are not the test images, so do not compare the figure with the points of the curve.")
    elif traces is None or plain is None or why_not(plain, traces):
        said.append("The points are other networks; those above and to the left are better.")
    else:
        said.append(_against(Agreement.of(plain, traces)))
    if traces is not None and traces.looks is not None:
        again = 100 * float((traces.looks.passes > 1).mean())
        said.append(f"{again:.1f} % of the {len(traces):,} test images are looked at again.")
    elif traces is not None:
        vectors, n = different(traces.decisions), len(traces)
        said.append(
            "All images have the same decision vector: a rule without gates would do as well."
            if vectors == 1
            else f"The {n:,} test images have {vectors:,} different decision vectors: {_look(vectors / n)}."
        )
    return said


def _against(found: Agreement) -> str:
    """The accuracy compared with the plain network's, on the same images."""
    if not found.gain:
        return f"The plain network is right on as many of the same {found.images:,} images."
    than = f"{abs(found.gain):.2f} points {'more' if found.gain > 0 else 'less'} than the plain network"
    return f"That is {than} on the same {found.images:,} images, {chance_in_words(found.p)} ({p_in_words(found.p)})."


def budget_rows(
    point: OperatingPoint,
    traces: Sequence[tuple[OperatingPoint, DecisionTrace]],
    measured: Sequence[dict[str, Any]] = (),
) -> Rows:
    """The points of the budget chart: cp of this image and, if measured, of the test set.

    Args:
        point: the operating point in use.
        traces: of the image at operating points that have a target.
        measured: from ``points.read_measured``; the test set's cp of every-budget checkpoints.
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
    """How much the decisions depend on the image, judged by the number of decision vectors per image."""
    how = "hardly depend" if share < 0.01 else "depend a little" if share < 0.1 else "do depend"
    return f"the decisions {how} on the image"


def _kin(one: Card, other: Card) -> bool:
    return (one.dataset, one.config.layout) == (other.dataset, other.config.layout)
