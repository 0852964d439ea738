"""Time the published checkpoints of a network on the engine, beside what a user would run instead.

All of it runs in one process, by turns, so that a slow moment of the machine slows all of it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import scan
from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from dfs_core.data.augment import normalise
from dfs_core.engine.compiled import CompiledNet
from dfs_core.engine.engine import Engine, Kernels, compile_network
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import exact
from dfs_core.machine import medians_by_turns
from dfs_core.timing.calibration import KernelNames
from dfs_core.timing.kept import this_machine
from dfs_core.timing.pixels import pixels_of
from dfs_core.timing.rivals import Plain, openvino_int8
from dfs_core.timing.survey import Survey, Timing

BATCHES = (1, 16, 128)
ROUNDS, WARM_UP = 15, 2
REFERENCE = "PyTorch, float32"  # the backbone with its batch norms folded: what every speed is relative to
OPENVINO = "OpenVINO, static 8 bits"
# Method -> budgets in percent at which a checkpoint for every budget is timed; other methods at their usual budget.
BUDGETS = {"cascade": (0.5, 1.0, 2.5, 5.0), "every-budget": (1.0, 1.56, 5.0), "skipnet": (40.0, 60.0, 80.0)}
Action = Callable[[Tensor], object]
Report = Callable[[float], object]


class Entrant(NamedTuple):
    """What is timed: a checkpoint at a budget, on the engine or as a rival runs it."""

    what: str
    checkpoint: str
    budget: float | None
    rival: bool
    make: Callable[[int], Action | None]  # batch size -> what runs a batch; None where it is not installed


def run(
    backbone: str,
    data_dir: Path | None = None,
    kernels: Kernels = "auto",
    threads: int = 1,
    batches: tuple[int, ...] = BATCHES,
    rounds: int = ROUNDS,
    report: Report | None = None,
) -> Survey:
    """Time each published checkpoint of a network, and the rivals that are installed.

    With one thread, processor time is measured, which other programs disturb least; with more, the wall's.

    Args:
        backbone: name of the plain network.
        data_dir: as for ``pixels_of``.
        kernels: as for ``compile_network``.
        threads: that PyTorch and OpenVINO may use.
        batches: images in a batch, rising.
        rounds: how often each is timed.
        report: called after each round with the share that is done, 0 to 1.

    Raises:
        UserError: the backbone is not among the published checkpoints, or ``data_dir`` has not its test images.
    """
    plain = load_checkpoint(backbone)
    images, source = pixels_of(plain.card, max(batches), data_dir)
    pixels = normalise(images, plain.card.mean, plain.card.std).contiguous(memory_format=torch.channels_last)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        used: KernelNames = "library"
        found: list[Timing] = []
        entrants = [_reference(plain), *_rivals(backbone, threads)]
        for card in made_from(backbone, scan()[0]):
            checkpoint = load_checkpoint(card.name)
            engine = compile_network(checkpoint.model, kernels)
            used = engine.name
            entrants += _on_the_engine(checkpoint, engine)
        done = _Share(len(batches) * (WARM_UP + rounds), report or (lambda share: None))
        for batch in batches:
            actions = {entrant.what: action for entrant in entrants if (action := entrant.make(batch)) is not None}
            medians = _medians(actions, pixels[:batch], threads, rounds, done)
            found += [
                Timing(*entrant[:4], batch, 1000 * seconds, medians[REFERENCE] / seconds)
                for entrant in entrants
                if (seconds := medians.get(entrant.what)) is not None
            ]
    finally:
        torch.set_num_threads(before)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Survey(backbone, this_machine(), threads, used, date, source, tuple(found))


class _Share:
    """Counts rounds, and reports the share that is done."""

    def __init__(self, total: int, report: Report) -> None:
        self.total, self.report, self.count = total, report, 0

    def __call__(self, images: Tensor) -> None:
        self.count += 1
        self.report(self.count / self.total)


def made_from(backbone: str, cards: Sequence[Card]) -> list[Card]:
    """Of some cards, those of a plain network and of all checkpoints that were made from it.

    Raises:
        UserError: the plain network is not among them.
    """
    found = [card for card in cards if (origin := card.backbone(cards)) is not None and origin.name == backbone]
    if not found:
        raise UserError(f"no published checkpoint was made from '{backbone}': name a plain network that list shows")
    return found


def _reference(backbone: Checkpoint) -> Entrant:
    plain = Plain(CompiledNet.of(backbone.model), len(backbone.model.costs) - 1, rounded=False)
    return Entrant(REFERENCE, backbone.card.name, None, True, lambda batch: plain)


def _rivals(backbone: str, threads: int) -> Iterator[Entrant]:
    """What else is installed here: the static network of 8 bits in OpenVINO."""
    name = f"static8-{backbone}"
    try:
        model = load_checkpoint(name).model
    except UserError:
        return
    net, option = CompiledNet.of(model), model.config.option_set.index("8")
    yield Entrant(OPENVINO, name, None, True, partial(openvino_int8, net, option, threads))


def _on_the_engine(checkpoint: Checkpoint, engine: Engine) -> Iterator[Entrant]:
    """A checkpoint at each of its budgets."""
    card, model = checkpoint.card, checkpoint.model
    low, high = card.budget_range or (0.0, 0.0)
    wished: list[float | None] = [budget for budget in BUDGETS.get(card.method, ()) if low <= budget <= high]
    for budget in wished or [None]:
        in_force, _ = card.config.operating_point(budget)
        of_many = in_force if card.budget_range else None
        what = card.name if of_many is None else f"{card.name} at {of_many:g} %"
        action = partial(_answer, model, engine, budget)
        yield Entrant(what, card.name, of_many, False, lambda batch, action=action: action)  # type: ignore[misc]


def _answer(model: torch.nn.Module, engine: Engine, budget: float | None, images: Tensor) -> None:
    model(images, budget=budget, execution=engine)


def _medians(
    actions: dict[str, Action], images: Tensor, threads: int, rounds: int, done: Action | None = None
) -> dict[str, float]:
    """Median seconds of each action; ``done`` ends every round."""
    bound = {name: partial(action, images) for name, action in actions.items()}
    if done is not None:
        bound[""] = partial(done, images)
    # Windows counts a process's time in steps of 16 ms, longer than a batch takes.
    clock = time.process_time if threads == 1 and sys.platform != "win32" else time.perf_counter
    with exact(images.device):
        return medians_by_turns(bound, rounds, WARM_UP, clock)
