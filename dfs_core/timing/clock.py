"""Measure how long each part of a network takes on this machine.

Real forward passes run with a recorder in the place of the engine. It hands every call on, and notes the time before
and after. So each part is timed where it stands, with the memory that it finds in use. What lies between two calls is
the policy's time. Native kernels run all blocks in one call, and note these times themselves.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfs_core.engine import Engine, NativeEngine
from dfs_core.evaluation.evaluate import exact
from dfs_core.model.cascade import look_again
from dfs_core.model.execute import Body, Walk, WholeBody, gather
from dfs_core.model.network import DFSNet
from dfs_core.timing.calibration import Calibration, Kind, NetworkShape, Sizes, kind_of
from dfs_core.timing.kept import this_machine

SIZES = (1, 4, 16, 64, 128)  # images in a batch
ROUNDS = 15
LIMIT_S = 12.0  # no round begins later than this
# Before a small batch, so many images of its plan run untimed, or for so long: others left their own in the caches.
WARM, WARM_S = 16, 0.02
ROUND_S = 3.0  # a round that would take longer leaves out the largest batches
SURE = 1e9  # a logit that no limit of a cascade doubts
MS = 1000  # in a second
MIXED = "mixed"  # images take turns between two options
AGAIN, ALONE = (
    "again",
    "alone",
)  # what a cascade's pass takes beside its blocks; what a cascade of one pass takes beside them
Clock = Callable[[], float]
Report = Callable[[float], object]
NANOSECONDS = 1e9  # in a second


class Recorder(Body):
    """A body that runs a plan, whatever the policy decides, and notes when each part begins and ends."""

    def __init__(self, body: Body, plan: Tensor, clock: Clock) -> None:
        self.body, self.plan, self.clock = body, plan, clock
        self.stamps = [clock()]

    def _note(self) -> None:
        if len(self.stamps) < 2 + 2 * self.plan.shape[1]:  # only a cascade's first pass is timed
            self.stamps.append(self.clock())

    def spans(self) -> np.ndarray:
        """Seconds from stamp to stamp, to now: stem and first block; policy and block for each block; the answer."""
        return np.array([end - start for start, end in pairwise([*self.stamps, self.clock()])])

    def enter(self, images: Tensor) -> Tensor:
        """As in ``Body``."""
        found = self.body.enter(images)
        self._note()
        return found

    def see(self, look: Callable[[Tensor], Tensor], x: Any) -> Tensor:
        """As in ``Body``."""
        return self.body.see(look, x)

    def step(self, policy: Any, index: int, seen: Tensor, state: Any) -> tuple[Tensor, Any]:
        """As in ``Body``."""
        return self.body.step(policy, index, seen, state)

    def run(self, index: int, x: Any, decisions: Tensor) -> Any:
        """As in ``Body``, under the plan."""
        self._note()
        found = self.body.run(index, x, self.plan[:, index])
        self._note()
        return found

    def uniform(self, index: int, x: Any, option: int) -> Any:
        """As in ``Body``, under the plan."""
        return self.run(index, x, self.plan[:, index])

    def head(self, x: Any) -> Tensor:
        """As in ``Body``, but sure of its answer."""
        return _sure(self.body.head(x))


class WholeRecorder(WholeBody):
    """The same of a body that runs all blocks in one call, and itself notes how long each takes."""

    def __init__(self, body: NativeEngine, plan: Tensor, clock: Clock) -> None:
        self.body, self.plan, self.clock = body, plan, clock
        self.noted = torch.zeros(1 + 2 * plan.shape[1], dtype=torch.int64)
        self.entered, self.began = 0.0, clock()

    def spans(self) -> np.ndarray:
        """As in ``Recorder``; what the call takes beside the blocks belongs to the answer."""
        whole = self.clock() - self.began
        parts = self.noted.numpy() / NANOSECONDS / self.body.threads(len(self.plan))
        parts[0] += self.entered
        return np.array([*parts, max(0.0, whole - parts.sum())])

    def enter(self, images: Tensor) -> Tensor:
        """As in ``WholeBody``."""
        found = self.body.enter(images)
        self.entered = self.clock() - self.began
        return found

    def walk(self, images: Tensor, prices: Tensor, decided: Tensor | None) -> Walk:
        """As in ``WholeBody``, under the plan."""
        return self.body.walk(images, prices, self.plan, self.noted)

    def finish(self, x: Tensor, decisions: Tensor) -> Tensor:
        """As in ``WholeBody``, under the plan, but sure of its answer: a cascade does not look again."""
        return _sure(self.body.finish(x, self.plan, self.noted))


def _sure(logits: Tensor) -> Tensor:
    """Logits of which no cascade looks again."""
    logits[:, 0] = SURE
    return logits


def _recorder(engine: Engine, plan: Tensor, clock: Clock) -> Recorder | WholeRecorder:
    return WholeRecorder(engine, plan, clock) if isinstance(engine, NativeEngine) else Recorder(engine, plan, clock)


def calibrate(
    model: DFSNet,
    engine: Engine,
    sizes: Sequence[int] = SIZES,
    report: Report | None = None,
    clock: Clock = time.perf_counter,
) -> Calibration:
    """Time every part of a network on its engine, in less than 20 s for a network of usual size.

    All timings alternate in rounds, of at most 15 (``_typical``). A slow network gets fewer rounds, and its largest
    batches are left out.

    Args:
        model: the network, in evaluation mode.
        engine: the network's engine.
        sizes: images in a batch, rising.
        report: called after each round with the share that is done, 0 to 1.
        clock: the time in seconds.
    """
    shape, blocks = NetworkShape.of(model.config), range(model.config.gated_blocks)
    with exact(torch.device("cpu")):
        spans = _medians(model, engine, sizes, report or (lambda share: None), clock)
    used = sorted({size for size, _ in spans})
    # What does not depend on the option: the median over all of them.
    shared = {size: np.median([spans[size, kind] for kind in shape.kinds], axis=0) for size in used}

    def block(index: int, kind: str, count: float) -> float:
        return float(np.interp(count, used, [spans[size, kind][2 + 2 * index] for size in used]))

    def sorting(index: int, size: int) -> float:
        """What a mixed batch takes beyond its two halves."""
        if (size, MIXED) not in spans:
            return 0.0
        halves = sum(block(index, kind, size / 2) for kind in shape.kinds[:2])
        return float(spans[size, MIXED][2 + 2 * index]) - halves

    def once(size: int) -> float:
        """What a cascade does once for a batch, not in every pass."""
        return float(max(0.0, spans[size, ALONE][0] - spans[size, AGAIN][0]))

    return Calibration(
        network=shape,
        machine=this_machine(),
        threads=torch.get_num_threads(),
        kernels=engine.name,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        sizes=tuple(used),
        enter=_ms([shared[size][0] + once(size) for size in used]),
        answer=_ms([shared[size][-1] - once(size) for size in used]),
        policy=tuple(_ms([shared[size][1 + 2 * index] for size in used]) for index in blocks),
        sorting=tuple(_ms([sorting(index, size) for size in used]) for index in blocks),
        blocks=tuple(
            tuple(_ms([block(index, kind, size) for size in used]) for kind in shape.kinds) for index in blocks
        ),
    )


def _ms(seconds: Sequence[float]) -> Sizes:
    return tuple(round(MS * max(0.0, float(value)), 6) for value in seconds)


def _medians(
    model: DFSNet, engine: Engine, sizes: Sequence[int], report: Report, clock: Clock
) -> dict[tuple[int, str], np.ndarray]:
    """The usual spans in seconds, by batch size and plan: each kind of option, ``MIXED``, and ``AGAIN``."""
    side, began = model.config.image_size, clock()
    images = torch.randn(max(sizes), 3, side, side, generator=torch.Generator().manual_seed(0))
    options: dict[Kind, int] = {}
    for index, option in enumerate(model.config.option_set):
        options.setdefault(kind_of(option), index)
    blocks = model.config.gated_blocks

    def uniform(size: int) -> dict[str, Tensor]:
        return {kind: torch.full((size, blocks), option) for kind, option in options.items()}

    def time_one(size: int, plan: Tensor) -> np.ndarray:
        recorder = _recorder(engine, plan, clock)
        model(images[:size], execution=recorder)
        return recorder.spans()

    for plan in uniform(1).values():  # the first call prepares kernels and memory
        time_one(1, plan)
    an_image = sum(time_one(1, plan).sum() for plan in uniform(1).values())
    used = [size for size in sizes if size == sizes[0] or size * an_image < ROUND_S]
    plans = {size: uniform(size) for size in used}
    if engine.name == "library" and len(options) > 1:
        for size in used:
            if size > 1:
                plans[size][MIXED] = _taking_turns(list(options.values())[:2], size, blocks)
    found: dict[tuple[int, str], list[np.ndarray]] = defaultdict(list)
    turn = 0
    while turn < ROUNDS and (not turn or clock() - began < LIMIT_S):
        for size in used:
            before = min((WARM - 1) // size, int(WARM_S / (size * an_image)))
            for name, plan in plans[size].items():
                for _ in range(before):
                    time_one(size, plan)
                found[size, name].append(time_one(size, plan))
            for _ in range(before):
                _time_again(model, images[:size], clock)
            found[size, AGAIN].append(np.array([_time_again(model, images[:size], clock)]))
            found[size, ALONE].append(np.array([_time_alone(model, images[:size], clock)]))
        turn += 1
        report(min(1.0, max(turn / ROUNDS, (clock() - began) / LIMIT_S)))
    report(1.0)
    return {key: _typical(np.array(values)) for key, values in found.items()}


def _typical(spans: np.ndarray) -> np.ndarray:
    """Of rounds (R, parts), the time of each part: its median, scaled so that all add up to the median of the whole.

    Interruptions are seldom in one part, but often somewhere in the whole, so medians of parts add up to too little.
    """
    medians, whole = np.median(spans, axis=0), float(np.median(spans.sum(axis=1)))
    return medians * (whole / medians.sum()) if medians.any() else medians


def _taking_turns(options: Sequence[int], size: int, blocks: int) -> Tensor:
    """A plan with each option in half of the images, which lies unsorted in every block."""
    places = torch.arange(size)
    turns = [(places if index % 2 else places // 2) % 2 for index in range(blocks)]
    return torch.tensor(options)[torch.stack(turns, dim=1)]


class _Nothing(WholeBody):
    """A body that computes nothing, and is sure of its answer."""

    def __init__(self, x: Tensor, classes: int) -> None:
        self.x, self.logits = x, _sure(x.new_zeros(len(x), classes))

    def enter(self, images: Tensor) -> Tensor:
        """As in ``WholeBody``."""
        return self.x

    def walk(self, images: Tensor, prices: Tensor, decided: Tensor | None) -> Walk:
        """Never called."""
        raise AssertionError("a cascade carries out its passes by finish()")

    def finish(self, x: Tensor, decisions: Tensor) -> Tensor:
        """As in ``WholeBody``."""
        return self.logits


def _entering(model: DFSNet, images: Tensor) -> Tensor:
    """Something as large as what enters the first gated block (N, C, H, W), as the engine lays it out."""
    block = model.config.layout.gated[0]
    return images.new_empty(len(images), block.input_size, block.input_size, block.inputs).permute(0, 3, 1, 2)


def _time_alone(model: DFSNet, images: Tensor, clock: Clock) -> float:
    """Seconds that a cascade's forward pass takes without its network, if the first answer is sure. Else 0."""
    if not model.config.passes:
        return 0.0
    body = _Nothing(_entering(model, images), model.config.classes)
    model(images, execution=body)
    began = clock()
    model(images, execution=body)
    return clock() - began


def _time_again(model: DFSNet, images: Tensor, clock: Clock) -> float:
    """Seconds that a pass of a cascade takes beside its blocks: which images look again, and their inputs. Else 0."""
    passes = len(model.config.passes)
    if not passes:
        return 0.0
    x = _entering(model, images)
    logits, rows = images.new_zeros(len(images), model.config.classes), torch.arange(len(images))
    planned = torch.zeros(len(images), passes, model.config.gated_blocks, dtype=torch.int64)
    limits = images.new_full((len(images), passes - 1), torch.inf)
    began = clock()
    look_again(x, planned, limits, lambda part, chosen: logits)
    gather(x, rows)
    return (clock() - began) / passes
