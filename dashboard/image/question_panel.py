"""All predictions that the Image page needs, for its position and its forced gates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.answers.parameters import finite_number, whole_number
from dashboard.answers.pictures import Picture
from dashboard.answers.shared_predictor import PredictorAtPoint, SharedPredictor
from dashboard.answers.tables import gated_numbers
from dashboard.image import film, probes
from dashboard.image.film import Film, price_text
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
    """The predictions for the image at the position in use.

    Attributes:
        page: the opened page.
        picture: the image.
        film: the gate film; None if the checkpoint decides the same at every budget.
        where: position in use: the budget in percent, or on a dial the price.
        what_if: free and forced decisions.
        block: number of the chosen block; None if there is none.
        note: what the page could not take from the link; else empty.
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
        """Whether a dial price other than 0 is in use."""
        return self.film is not None and self.film.dial and self.where != 0

    @property
    def subject(self) -> Subject:
        """The image in the form that charts take."""
        return Subject(self.picture, self.page.card.config, self.page.shared.cost, self.page.shared.click_id)

    @property
    def in_words(self) -> str:
        """The operating point in words, including the dial."""
        dial = f", dial at price {price_text(self.where)} (not trained)" if self.dialled else ""
        return f"{self.page.in_words}{dial}"


def ask(page: Opened, picture: Picture) -> Answer | None:
    """Make all predictions of the page; on an error show a message and return None."""
    config, own = page.card.config, page.shared.page
    shared = cached.shared_predictor()
    gates, note = probes.read_gates(own.get(FORCE, ""), config.option_set, config.gated_blocks)
    try:
        reel = None
        if film.positions(config):
            reel = _film(shared, picture, page)
        where = _where(page, reel)
        model = PredictorAtPoint(shared, _point(page, where))
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
    """Traces of the image mirrored and after JPEG compression, with all gates free."""
    model = PredictorAtPoint(cached.shared_predictor(), _point(answer.page, answer.where))
    return probes.stability(model, answer.picture.seen)


def impose(gates: Mapping[int, str], block: int, option: str | None) -> None:
    """Force the gate with that index to an option, or free it if None; a callback."""
    wished = {index: name for index, name in gates.items() if index != block}
    if option is not None:
        wished[block] = option
    state.change(page={FORCE: probes.write_gates(wished), BLOCK: str(block + FIRST_GATED)})


def go_to(reel: Film, frame: int) -> None:
    """Move the page to a frame of the film; a callback."""
    position = reel.positions[frame]
    if reel.dial:
        state.change(page={PRICE: f"{position:g}" if position else ""})
    else:
        state.change(budget=position, note="")


def _film(shared: SharedPredictor, picture: Picture, page: Opened) -> Film:
    """The film, with a spinner unless it is cached."""
    config, point = page.card.config, OperatingPoint(page.card)
    model, prices = PredictorAtPoint(shared, point), film.prices(config)
    known = shared.knows([picture] * len(prices), point, prices)
    with nullcontext() if known else st.spinner("Predicting at every budget"):
        return film.shoot(model, picture.seen, config)


def _where(page: Opened, reel: Film | None) -> float:
    """The budget in use, or the dial price that is nearest to the link's."""
    if page.budget is not None:
        return page.budget
    wished = finite_number(page.shared.page.get(PRICE), -math.inf) or 0.0
    return reel.positions[reel.nearest(wished)] if reel else 0.0


def _point(page: Opened, where: float) -> OperatingPoint:
    """The operating point in use, including the dial's price."""
    return replace(page.point, price=where) if page.budget is None and where else page.point
