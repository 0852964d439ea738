"""What the Image page asks: where it stands, which gates are forced, and the answers. State in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.answers.engine import Asking, Engine
from dashboard.answers.parameters import whole_number
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import gated_numbers
from dashboard.image import film, probes
from dashboard.image.film import Film
from dashboard.image.probes import Variant, WhatIf
from dashboard.image.tables import Subject
from dashboard.ui import cached, messages, state
from dashboard.ui.page import Opened
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError
from dfs_core.model.layout import FIRST_GATED

FORCE, HOLD, PRICE, BLOCK = "force", "hold", "price", "block"  # the page's own parameters in its link


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of the image, at the point where the page stands.

    Attributes:
        page: the page's state.
        picture: the image.
        film: over all budgets; None if the checkpoint decides the same at any.
        where: the budget in percent, or on a dial the price.
        what_if: free and forced decisions.
        block: number of the block that is looked at; None before one was chosen.
        note: what of the link could not be followed.
    """

    page: Opened
    picture: Picture
    film: Film | None
    where: float
    what_if: WhatIf
    block: int | None
    note: str

    @property
    def dialled(self) -> bool:
        """Whether the decisions are those of a dial away from its trained point."""
        return self.film is not None and self.film.dial and self.where != 0

    @property
    def subject(self) -> Subject:
        """The image, as charts take it."""
        return Subject(self.picture, self.page.card.config, self.page.shared.cost, self.page.shared.turn)

    @property
    def in_words(self) -> str:
        """The operating point in words, the dial included."""
        dial = f", dial at price {self.where:+.2g} (not trained)" if self.dialled else ""
        return f"{self.page.in_words}{dial}"


def ask(page: Opened, picture: Picture) -> Answer | None:
    """Ask all that the page shows at once; None, after a message, if the checkpoint cannot be asked."""
    config, own = page.card.config, page.shared.page
    engine = cached.engine()
    gates, note = probes.read_gates(own.get(FORCE, ""), config.option_set, config.gated_blocks)
    try:
        reel = None
        if film.positions(config):
            reel = _film(engine, picture, page)
        where = _where(page, reel)
        model = Asking(engine, _point(page, where))
        free = reel.at(where) if reel else None
        if free is None:
            (free,) = model.predict([picture.seen])
        what_if = probes.force(model, picture.seen, free, gates, hold=HOLD in own)
    except UserError as error:
        messages.cannot_decide(error)
        return None
    blocks = gated_numbers(config)
    chosen = whole_number(own.get(BLOCK), blocks[0], blocks[-1])
    return Answer(page, picture, reel, where, what_if, chosen, note)


def ask_stability(answer: Answer) -> tuple[Variant, ...]:
    """The decisions for the mirrored image and after JPEG, at the page's point, with all gates free."""
    return probes.stability(Asking(cached.engine(), _point(answer.page, answer.where)), answer.picture.seen)


def impose(gates: Mapping[int, str], block: int, option: str | None) -> None:
    """Force a gate, from 0, or let it decide again; for callbacks."""
    wished = {index: name for index, name in gates.items() if index != block}
    if option is not None:
        wished[block] = option
    state.change(page={FORCE: probes.write_gates(wished), BLOCK: str(block + FIRST_GATED)})


def go_to(reel: Film, frame: int) -> None:
    """Move the page to a frame of the film; for callbacks."""
    position = reel.positions[frame]
    if reel.dial:
        state.change(page={PRICE: f"{position:g}" if position else ""})
    else:
        state.change(budget=position, note="")


def _film(engine: Engine, picture: Picture, page: Opened) -> Film:
    """The film, from memory where it is known; the first time takes a moment, so that is said."""
    config, point = page.card.config, OperatingPoint(page.card)
    where, model = film.positions(config), Asking(engine, point)
    prices = [config.price_for(budget) for budget in where] if config.every_budget else list(where)
    if engine.knows([picture] * len(prices), point, prices):
        return film.shoot(model, picture.seen, config)
    with st.spinner("Asking every budget"):
        return film.shoot(model, picture.seen, config)


def _where(page: Opened, reel: Film | None) -> float:
    """The budget in use, or the dial's position that the link names: the nearest there is."""
    if page.budget is not None:
        return page.budget
    try:
        wished = float(page.shared.page.get(PRICE, "0"))
    except ValueError:
        wished = 0.0
    return reel.positions[reel.nearest(wished)] if reel and wished == wished else 0.0


def _point(page: Opened, where: float) -> OperatingPoint:
    """Where the page stands, the dial included."""
    return replace(page.point, price=where) if page.budget is None and where else page.point
