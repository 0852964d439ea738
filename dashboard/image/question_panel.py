"""What the Image page asks: where it stands, which gates are forced, and the answers. State in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.answers.asking import Asking
from dashboard.answers.pictures import Picture
from dashboard.image import film, probes
from dashboard.image.film import Film
from dashboard.image.probes import Variant, WhatIf
from dashboard.ui import cached, messages, state
from dashboard.ui.page import Opened
from dfs_core.errors import UserError
from dfs_core.trace import FIRST_GATED

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
    def in_words(self) -> str:
        """The operating point in words, the dial included."""
        dial = f", dial at price {self.where:+.2g} (not trained)" if self.dialled else ""
        return f"{self.page.in_words}{dial}"


def ask(page: Opened, picture: Picture) -> Answer | None:
    """Ask all that the page shows at once; None, after a message, if the checkpoint cannot be asked."""
    config, own = page.card.config, page.shared.page
    model = Asking(cached.engine(), page.card)
    gates, note = probes.read_gates(own.get(FORCE, ""), config.option_set, config.gated_blocks)
    try:
        reel = None
        if film.positions(config):
            reel = _film(model, picture, page)
        where = _where(page, reel)
        free = reel.at(where) if reel else None
        if free is None:
            (free,) = model.predict([picture.seen], **_point(page, where))
        what_if = probes.force(model, picture.seen, free, gates, hold=HOLD in own, **_point(page, where))
    except UserError as error:
        messages.cannot_decide(error)
        return None
    block = own.get(BLOCK, "")
    last = FIRST_GATED + config.gated_blocks
    chosen = int(block) if block.isascii() and block.isdigit() and FIRST_GATED <= int(block) < last else None
    return Answer(page, picture, reel, where, what_if, chosen, note)


def ask_stability(answer: Answer) -> tuple[Variant, ...]:
    """The decisions for the mirrored image and after JPEG, at the page's point, with all gates free."""
    model = Asking(cached.engine(), answer.page.card)
    return probes.stability(model, answer.picture.seen, **_point(answer.page, answer.where))


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


def _film(model: Asking, picture: Picture, page: Opened) -> Film:
    """The film, from memory where it is known; the first time takes a moment, so that is said."""
    config = page.card.config
    where = film.positions(config)
    prices = [config.price_for(budget) for budget in where] if config.every_budget else list(where)
    if model.engine.knows([picture] * len(prices), page.card, price=prices):
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


def _point(page: Opened, where: float) -> dict[str, Any]:
    """The operating point as ``predict`` takes it."""
    if page.budget is not None:
        return {"budget": page.budget}
    return {"price": where} if where else {}
