"""Tables of one image: its path through the network, its gates, its film, its stability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, cast

from dashboard.answers import costs, looks
from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.naming import class_name
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Rows, is_near_tie, stage_of
from dashboard.answers.times import alone
from dashboard.answers.verdicts import Verdict, verdict
from dashboard.image.film import Film
from dashboard.image.probes import Variant, WhatIf, flips, margin
from dfs_core.checkpoints.words import option_in_words
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED
from dfs_core.model.options import Option
from dfs_core.timing.calibration import Calibration
from dfs_core.trace import DecisionTrace


@dataclass(frozen=True, slots=True)
class Subject:
    """The image that a chart shows, and what it is shown with.

    Attributes:
        picture: the image.
        config: of the checkpoint.
        cost: the measure of cost.
        click_id: see ``links.State``.
    """

    picture: Picture
    config: ModelConfig
    cost: Cost
    click_id: int = 0


_FIRST = {"block": 1, "stage": 1, "forced": False, "followed": False}


class PathRow(TypedDict):
    """A block on the image's path.

    Attributes:
        block: number in the network, from 1.
        stage: from 1.
        gated: whether it has a gate.
        option: the taken option.
        bits: of the option.
        forced: whether the option was forced.
        free: the option without forced gates.
        followed: whether the option changed because another gate was forced.
        adds: cost of this block, in percent.
        so_far: cost up to and including this block and all fixed parts (stem, gates, classifier), in percent.
    """

    block: int
    stage: int
    gated: bool
    option: str
    bits: int
    forced: bool
    free: str
    followed: bool
    adds: float
    so_far: float


def path_rows(what_if: WhatIf, config: ModelConfig, cost: Cost) -> list[PathRow]:
    """One row for each block, including the first one, which has no gate."""
    model = costs.models(config)[MEASURES[cost].column]
    names = config.option_set.names
    free = what_if.free.decisions
    if what_if.forced.passes:  # a cascade: what the block would have done in the pass that is shown
        free = (config.passes[len(what_if.forced.passes) - 1],) * len(free)
    own = [model.table[index][names.index(name)] for index, name in enumerate(what_if.forced.decisions)]
    # What is always paid, and the earlier passes of a cascade. The first block adds 0: it is part of that.
    total = costs.of_trace(what_if.forced, config)[MEASURES[cost].column] - sum(own)
    first = {"option": Option(config.ungated).name, "bits": config.ungated, "free": Option(config.ungated).name}
    rows: list[PathRow] = [cast(PathRow, _FIRST | first | {"gated": False, "adds": 0.0, "so_far": total})]
    for index, name in enumerate(what_if.forced.decisions):
        adds = own[index]
        total += adds
        rows.append(
            {
                "block": index + FIRST_GATED,
                "stage": stage_of(index, config),
                "option": name,
                "bits": Option.parse(name).bits,
                "forced": index in what_if.gates,
                "followed": index in what_if.followed,
                "gated": True,
                "free": free[index],
                "adds": adds,
                "so_far": total,
            }
        )
    return rows


class GateRow(TypedDict):
    """An option of a gate.

    Attributes:
        block: number in the network.
        stage: from 1.
        option: its name.
        probability: in percent, as the gate gives it, also if it is forced.
        taken: whether the block runs with it.
        forced: whether it was forced.
        preferred: whether the gate itself would take it.
    """

    block: int
    stage: int
    option: str
    probability: float
    taken: bool
    forced: bool
    preferred: bool


def gate_rows(what_if: WhatIf, config: ModelConfig) -> list[GateRow]:
    """One row for every option of every gate, most expensive option first."""
    trace = what_if.forced
    rows: list[GateRow] = []
    for index, probabilities in enumerate(trace.probabilities):
        preferred = max(range(len(probabilities)), key=probabilities.__getitem__)
        for option in reversed(range(len(probabilities))):
            name = trace.options[option]
            rows.append(
                {
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, config),
                    "option": name,
                    "probability": 100 * probabilities[option],
                    "taken": trace.decisions[index] == name,
                    "forced": what_if.gates.get(index) == name,
                    "preferred": option == preferred,
                }
            )
    return rows


def margin_rows(trace: DecisionTrace, config: ModelConfig) -> Rows:
    """One row for each gate: its ``choice``, the ``next`` option, the ``margin`` in points, and ``near_tie``."""
    rows: Rows = []
    for index, probabilities in enumerate(trace.probabilities):
        order = sorted(range(len(probabilities)), key=probabilities.__getitem__, reverse=True)
        points = 100 * margin(probabilities)
        rows.append(
            {
                "block": index + FIRST_GATED,
                "stage": stage_of(index, config),
                "choice": trace.options[order[0]],
                "next": trace.options[order[1]] if len(order) > 1 else "",
                "margin": points,
                "near_tie": is_near_tie(points),
            }
        )
    return rows


def frame_rows(film: Film, picture: Picture, config: ModelConfig, calibration: Calibration | None = None) -> Rows:
    """One row for each frame: ``frame``, ``budget`` or ``dial_price``, prediction, verdict, and costs in percent.

    With a calibration, ``measured_ms`` is the time of the image on this machine, alone.
    """
    where = "dial_price" if film.dial else "budget"
    return [
        {
            "frame": number,
            where: film.positions[number],
            "prediction": trace.label,
            "confidence": 100 * trace.confidence,
            "truth": picture.truth or "",
            "verdict": verdict(trace, picture),
            **costs.of_trace(trace, config),
            **({} if calibration is None else {"measured_ms": alone(trace, config, calibration)}),
        }
        for number, trace in enumerate(film.traces)
    ]


def film_rows(film: Film, config: ModelConfig) -> Rows:
    """One row for each frame and gate; ``margin`` in points, and ``budget`` or ``dial_price``."""
    where = "dial_price" if film.dial else "budget"
    return [
        {
            "frame": number,
            where: position,
            "block": index + FIRST_GATED,
            "stage": stage_of(index, config),
            "option": name,
            "margin": 100 * margin(trace.probabilities[index]),
        }
        for number, (position, trace) in enumerate(zip(film.positions, film.traces, strict=True))
        for index, name in enumerate(trace.decisions)
    ]


class StabilityRow(TypedDict):
    """A gate's decision for the picture as given or after a change.

    Attributes:
        row: of the picture, from 0.
        picture: name of the change.
        prediction: predicted class.
        confidence: in percent.
        verdict: ``right``, ``wrong`` or empty.
        flips: number of gates that decide differently than for the picture as given.
        block: number in the network.
        stage: from 1.
        option: the taken option.
        flipped: whether it differs from ``free``.
        free: the option for the picture as given.
        passes: number of passes of a cascade; missing for other networks.
    """

    row: int
    picture: str
    prediction: str
    confidence: float
    verdict: Verdict
    flips: int
    block: int
    stage: int
    option: str
    flipped: bool
    free: str
    passes: NotRequired[int]


def stability_rows(
    free: DecisionTrace, variants: Sequence[Variant], picture: Picture, config: ModelConfig
) -> list[StabilityRow]:
    """One row for each picture, as given and changed, and gate."""
    named: list[tuple[str, DecisionTrace]] = [("as given", free), *((v.name, v.trace) for v in variants)]
    rows: list[StabilityRow] = []
    for row, (name, trace) in enumerate(named):
        flipped = () if trace.passes else flips(free, trace)  # a cascade has no gates that could flip
        about: dict[str, Any] = {
            "row": row,
            "picture": name,
            "prediction": trace.label,
            "confidence": 100 * trace.confidence,
            "verdict": verdict(trace, picture),
            "flips": len(flipped),
        }
        if trace.passes:
            about["passes"] = len(trace.passes)
        rows += [
            cast(
                StabilityRow,
                about
                | {
                    "block": index + FIRST_GATED,
                    "stage": stage_of(index, config),
                    "option": option,
                    "flipped": index in flipped,
                    "free": free.decisions[index],
                },
            )
            for index, option in enumerate(trace.decisions)
        ]
    return rows


def change_rows(what_if: WhatIf, picture: Picture, config: ModelConfig) -> Rows:
    """One row for the free decisions and one for the forced: prediction, confidence, verdict, costs, changed gates."""
    lines = [("free", what_if.free, 0)]
    if what_if.gates:
        lines.append(("forced", what_if.forced, len(flips(what_if.free, what_if.forced))))
    return [
        {
            "decisions": name,
            "prediction": trace.label,
            "confidence": 100 * trace.confidence,
            "verdict": verdict(trace, picture),
            "changed": changed,
            **({"passes": len(trace.passes)} if trace.passes else {}),
        }
        | costs.of_trace(trace, config)
        for name, trace, changed in lines
    ]


def passes_in_words(trace: DecisionTrace) -> list[str]:
    """A sentence for each pass of a cascade: its answer, and why it did or did not look again."""
    sentences = []
    for number, look in enumerate(trace.passes, start=1):
        options = " and ".join(option_in_words(name) for name in dict.fromkeys(look.decisions))
        answer = f"Pass {number} at {options}: {class_name(look.label)}, {100 * look.confidence:.0f} %."
        if look.limit is None:
            sentences.append(f"{answer} It is the last pass, so its answer counts.")
            continue
        lead, limit = looks.lead_and_limit(look)
        doubt, needed = f"{class_name(look.label)} is {lead} times as probable as the next class", f"{limit} times"
        if looks.missed(look):
            sentences.append(f"{answer} Here {doubt}; {needed} were needed, so the network looked again.")
        else:
            sentences.append(f"{answer} Here {doubt}, at least the {needed} needed, so this answer counts.")
    return sentences
