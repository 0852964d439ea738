"""The starter talk of six slides about the operating point in use. Its figures are computed, its titles say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.answers import tables
from dashboard.answers.costs import MEASURES
from dashboard.answers.networks import Network
from dashboard.answers.pictures import PAGE_SIZE
from dashboard.answers.tables import Shown
from dashboard.drawing.diverging import signed
from dashboard.export.stamp import Kind
from dashboard.export.talk import Slide
from dashboard.export.view import View
from dashboard.ui import image_bar, stored_traces
from dashboard.ui.decide import decide
from dashboard.ui.page import Opened
from dashboard.views import build, cached, ledger_entries
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.results.agreement import Agreement, why_not


@dataclass(frozen=True, slots=True)
class Figures:
    """What the sentences say; in percent, None where it was not measured.

    Attributes:
        network: in words.
        backbone: accuracy of the plain network that training started from.
        accuracy: of the operating point.
        low: lower end of its 95 % interval.
        high: upper end.
        cp: its mean cost.
        all_in: likewise.
        images: how many were measured; None between two measured budgets, where accuracy and costs are interpolated.
        which: the images that were measured: ``test images`` or ``validation images``.
        alike: whether every image costs the same.
        against: accuracy minus that of the backbone on the same images, in points, and the ends of its 95 % interval;
            None unless the decisions of both are stored.
    """

    network: str
    backbone: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    cp: float | None = None
    all_in: float | None = None
    images: int | None = None
    which: str = "test images"
    alike: bool = False
    against: tuple[float, float, float] | None = None

    @classmethod
    def of(cls, page: Opened) -> Figures:
        """The figures of the operating point in use, as Explore shows them."""
        network, plain = Network.of(page.card).in_words, page.card.backbone(page.catalogue.cards)
        alike = page.card.config.decides_alike
        backbone = plain.metrics.get("test", {}).get("accuracy") if plain else None
        found: Mapping[str, Any] | None = tables.test_figures(page.point, cached.measured())
        if found is None:
            return cls(network, backbone, alike=alike)
        kept: dict[str, Any] = {key: found.get(key) for key in ("accuracy", "low", "high", "cp", "all_in", "images")}
        kept["alike"] = alike
        if found.get("between"):
            return cls(network, backbone, **kept | {"images": None})
        if found["what"] == tables.SETS["validation"]:  # the plain network was measured on others
            return cls(network, **kept, which=tables.SETS["validation"])
        return cls(network, backbone, **kept, against=_against(plain, page.point))

    @property
    def about(self) -> str:
        """``about`` where figures are interpolated."""
        return "" if self.images else "about "

    @property
    def loss(self) -> float | None:
        """Accuracy of the backbone minus that of the operating point, in points."""
        return None if self.backbone is None or self.accuracy is None else self.backbone - self.accuracy


def _against(plain: Card | None, point: OperatingPoint) -> tuple[float, float, float] | None:
    there, here = stored_traces.exactly(OperatingPoint(plain)) if plain else None, stored_traces.exactly(point)
    if there is None or here is None or plain == point.card or why_not(there, here):
        return None
    found = Agreement.of(there, here)
    return found.gain, found.low, found.high


def in_six_slides(page: Opened, card: Card) -> list[View | Slide]:
    """Title, question, curve, decisions, where the cost goes, conclusion."""
    page = replace(page, shared=replace(page.shared, path="/", page={}))
    shown = decide(image_bar.pictures_at_hand(card, page.shared)[:PAGE_SIZE], page.point)
    if not shown:
        return []
    figures, cost = Figures.of(page), page.shared.cost
    kind: Kind = "validation images" if figures.which == tables.SETS["validation"] else "measured"
    both = page.stamp(kind, cost=f"{MEASURES['cp'].name} and {MEASURES['all-in'].name}")
    if cost == "cp":  # which counts only the gated blocks
        cost = "all-in"
    whole = replace(page, shared=replace(page.shared, cost=cost))
    ledger = ledger_entries.ledger_rows(list(shown), shown[0], card, cost, page.has_test_figures)
    views = (
        (build.curve(page, build.curve_state(page, shown, None)), accuracy_in_words(figures)),
        (build.strip(page, shown, None), decisions_in_words(shown)),
        (build.ledger(whole, shown, shown[0]), ledger_in_words(ledger, MEASURES[cost].name)),
    )
    return [
        Slide.written("title", headline(figures), f"{page.in_words}\n{card.name}", stamp=page.stamp(kind, cost="cp")),
        Slide.written("text", question_in_words(figures), question_text(card), stamp=page.stamp("measured", cost="")),
        *(replace(view, title=title) for view, title in views),
        Slide.written("text", conclusion_in_words(figures), conclusion_text(figures), stamp=both),
    ]


def headline(f: Figures) -> str:
    """The title slide's sentence."""
    if f.accuracy is None or f.cp is None:
        if f.alike:
            return f"{f.network} computes the same for every image"
        return f"{f.network} decides for each image how much to compute"
    return f"{f.network} is right for {f.about}{f.accuracy:.2f} % of the {f.which} at a cp of {f.about}{f.cp:.2f} %"


def question_in_words(f: Figures) -> str:
    """The question, with what the plain network does."""
    if f.backbone is None:
        return "Does every image need the whole network?"
    return (
        f"The plain network is right for {f.backbone:.2f} %, and computes every block for every image. Is that needed?"
    )


def question_text(card: Card) -> str:
    """Question and method as points of a list."""
    options, blocks = len(card.config.option_set), card.config.gated_blocks
    who = {
        "constant": "One rule, the same for every image, chooses an option for each block.",
        "table": "One rule, the same for every image, chooses an option for each block.",
        "one-shot": "After the first block, a small network looks at its output once, and chooses an option for every"
        " block.",
        "confidence": "Before each block a small classifier says how sure it is of the image: the less sure, the more"
        " bits.",
        "cascade": "The network runs cheaply first, and again at more bits where its answer is in doubt.",
    }.get(card.config.policy, "A gate looks at the image before each block, and chooses one of the options.")
    return "\n".join(
        (
            "Question",
            "- How much computation can be left out, and what does that cost in accuracy?",
            "Method",
            f"- Each of {blocks} blocks has {options} {'option' if options == 1 else 'options'}:"
            f" {', '.join(card.config.option_set.names)}. Numbers are bits.",
            f"- {who}",
            "- cp is the mean of (bits / 32)² over these blocks, in percent.",
        )
    )


def accuracy_in_words(f: Figures) -> str:
    """The curve's sentence."""
    if f.accuracy is None or f.cp is None:
        return "This operating point was not measured on the test set"
    said = f"At a cp of {f.about}{f.cp:.2f} %, the accuracy is {f.about}{f.accuracy:.2f} %"
    if f.which != "test images":
        return f"{said} on {f.which}"
    if f.loss is None:
        return said
    return f"{said}, {f.about}{abs(f.loss):.2f} points {'below' if f.loss >= 0 else 'above'} the plain network"


def decisions_in_words(shown: Sequence[Shown]) -> str:
    """The strip's sentence."""
    spent = [item.trace.cp for item in shown]
    known = [item.right for item in shown if item.right is not None]
    right = f"; {sum(known)} of {len(known)} are right" if known else ""
    if max(spent) - min(spent) < 0.005:
        who = "This image" if len(shown) == 1 else f"Each of these {len(shown)} images"
        return f"{who} has a cp of {spent[0]:.2f} %{right}"
    return f"The cp of these {len(shown)} images is between {min(spent):.2f} and {max(spent):.2f} %{right}"


def ledger_in_words(rows: Sequence[Mapping[str, Any]], cost: str) -> str:
    """The sentence on the dearest part, of the images shown."""
    *parts, total = rows
    dearest = max(parts, key=lambda row: row["shown"] or 0.0)
    kind = "" if dearest["kind"] in dearest["part"] else f" ({dearest['kind']})"
    return (
        f"These images cost {total['shown']:.2f} % ({cost}) on average; the largest part, {dearest['shown']:.2f} %, is"
        f" {dearest['part']}{kind}"
    )


def conclusion_in_words(f: Figures) -> str:
    """The last sentence."""
    if f.cp is None or f.accuracy is None:
        return "This operating point was not measured on the test set"
    if f.loss is None:
        return f"With {f.about}{100 - f.cp:.2f} % of cp saved, {f.about}{f.accuracy:.2f} % of the {f.which} are right"
    if f.loss < 0:
        more = f"{f.about}{-f.loss:.2f} points more than the plain network"
        return f"Saving {f.about}{100 - f.cp:.2f} % of cp cost no accuracy: {more}"
    lost = f"{f.about}{f.loss:.2f} points of" if round(f.loss, 2) else "no"
    return f"Saving {f.about}{100 - f.cp:.2f} % of cp costs {lost} accuracy"


def conclusion_text(f: Figures) -> str:
    """The figures again, with what they do not say."""
    if f.accuracy is None or f.cp is None or f.all_in is None:
        return "- Measure it: python -m dfs_core evaluate"
    count = f"{f.images:,} {f.which}" if f.images else f"the {f.which}, interpolated between two measured budgets"
    interval = f" (95 % interval {f.low:.2f} to {f.high:.2f})" if f.low is not None and f.high is not None else ""
    against = []
    if f.against:
        gain, low, high = (signed(value) for value in f.against)
        than = f"{gain} points ({low} to {high})" if any(f.against) else "each is right on the same ones"
        against = [f"- Against the plain network, on the same images: {than}."]
    return "\n".join(
        (
            f"- Accuracy {f.about}{f.accuracy:.2f} %{interval}, of {count}.",
            *against,
            f"- cp {f.about}{f.cp:.2f} %; with everything counted (all-in) {f.about}{f.all_in:.2f} %.",
            "- These are counted costs of arithmetic. Time and energy depend on the machine.",
        )
    )
