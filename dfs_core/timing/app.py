"""Time what the dashboard asks of a predictor: on the engine, and in the float simulation as before there was one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dfs_core.errors import UserError
from dfs_core.machine import medians_by_turns
from dfs_core.predictor import Predictor

UPLOADS, FRAMES = 16, 40
ROUNDS, WARM_UP = 15, 2
STRONGEST, WEAKEST = 0.2, 0.02  # prices of the frames of a dial, in nats for a full block
Ask = Callable[[Predictor], object]


@dataclass(frozen=True, slots=True)
class Asked:
    """Median seconds of one request, in one run.

    Attributes:
        what: the request.
        engine: on the engine.
        grouped: in the float simulation.
    """

    what: str
    engine: float
    grouped: float

    @property
    def speed(self) -> float:
        """How many times as fast the engine is."""
        return self.grouped / self.engine


def time_app(plain: Predictor, clock: Callable[[], float] = time.perf_counter) -> list[Asked]:
    """Time 16 pictures, one picture at 40 budgets or prices, and one picture with a forced gate.

    Args:
        plain: in the float simulation.
        clock: the time in seconds.

    Raises:
        UserError: the network does not run on the engine here.
    """
    config, compiled = plain.card.config, plain.compiled()
    if compiled is plain:
        raise UserError(f"'{plain.card.name}' does not run on the engine here")
    size, generator = config.image_size, np.random.default_rng(0)
    pictures = list(generator.integers(0, 256, (UPLOADS, size, size, 3), np.uint8))
    requests = _requests(plain, pictures)
    actions = {
        f"{kind} {what}": partial(ask, who)
        for what, ask in requests.items()
        for kind, who in (("engine", compiled), ("grouped", plain))
    }
    seconds = medians_by_turns(actions, ROUNDS, WARM_UP, clock)
    return [Asked(what, seconds[f"engine {what}"], seconds[f"grouped {what}"]) for what in requests]


def _requests(plain: Predictor, pictures: Sequence[np.ndarray]) -> dict[str, Ask]:
    config = plain.card.config
    forced = np.full((1, config.gated_blocks), -1)
    forced[0, 0] = len(config.option_set) - 1
    if config.budget_range is None:
        prices = [float(price) for price in np.geomspace(WEAKEST, STRONGEST, FRAMES)]
    else:
        prices = [config.price_for(float(budget)) for budget in np.geomspace(*config.budget_range, FRAMES)]
    found: dict[str, Ask] = {f"{len(pictures)} pictures": lambda who: who.predict(pictures)}
    if config.policy != "constant":
        found[f"a picture at {FRAMES} budgets"] = lambda who: who.predict([pictures[0]] * FRAMES, price=prices)
        found["a gate forced"] = lambda who: who.predict(pictures[:1], forced=forced)
    return found
