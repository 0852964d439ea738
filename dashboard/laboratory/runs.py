"""Settings and results of laboratory runs, as tables and texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import listed
from dashboard.answers.operating import held_in_words
from dashboard.answers.parameters import finite_number, whole_number
from dashboard.answers.tables import Rows
from dashboard.drawing.diverging import signed
from dashboard.laboratory.jobs import Job
from dashboard.laboratory.tuning import steps_of
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.words import format_alpha
from dfs_core.training.lab_run import ALPHAS, STEPS, Settings, Tuned

NEAR = 2.0  # points of cp within which a batch is on target
STILL = 0.01  # points of cp within which batches spend the same
SMOOTHED = 8  # steps in a running mean, because a single batch has few images
USUAL_STEPS, USUAL_ALPHA = 60, 2.5e-5  # the paper's alpha would change cp by only a point or two in so few steps
PAPER_ALPHA = 5e-6
LOW, HIGH = 10.0, 40.0  # default targets: far enough from most checkpoints' budgets
BUDGETS = (1.0, 100.0)
ALPHA_STEPS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0)


def settings_from(page: Mapping[str, str], card: Card) -> Settings:
    """Settings from a link: ``target``, ``pull`` (alpha) and ``steps``; missing or wrong ones get their default.

    Args:
        page: the page's own URL parameters.
        card: of the checkpoint to start from; the default target is far from its budget.
    """
    usual = LOW if (card.budget or 0.0) >= (LOW + HIGH) / 2 else HIGH
    return Settings(
        budget=finite_number(page.get("target"), *BUDGETS) or usual,
        alpha=finite_number(page.get("pull"), *ALPHAS) or USUAL_ALPHA,
        steps=whole_number(page.get("steps"), *STEPS) or USUAL_STEPS,
    )


def alphas(*wanted: float) -> list[float]:
    """Positions of the alpha slider: ten a decade, and every value in ``wanted``."""
    low, high = ALPHAS
    decades = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
    found = {float(f"{decade * step:.3g}") for decade in decades for step in ALPHA_STEPS}
    return sorted({value for value in found if low <= value <= high} | set(wanted))


def run_name(settings: Settings) -> str:
    """Short name of a run, for legends."""
    return f"target {settings.budget:g} %, alpha {format_alpha(settings.alpha, 3)}"


class ChaseRow(TypedDict):
    """A step of a run.

    Attributes:
        run: name of the run.
        current: whether it is the current run.
        step: from 1.
        target: target cp, in percent.
        cp: of the step's batch, in percent.
        batch_accuracy: on the step's batch of training images, in percent.
        smooth: its mean over the last steps, in percent.
    """

    run: str
    current: bool
    step: int
    target: float
    cp: float
    batch_accuracy: float
    smooth: float


def chase_rows(jobs: Sequence[Job], current: Job | None) -> list[ChaseRow]:
    """One row for each step of each run. ``current`` is the run that the page is about, if it is about one."""
    rows: list[ChaseRow] = []
    for job in jobs:
        steps, settings = steps_of(job), job.about.settings
        for index, step in enumerate(steps):
            recent = steps[max(0, index + 1 - SMOOTHED) : index + 1]
            rows.append(
                {
                    "run": f"{run_name(settings)} ({job.key[:3]})",
                    "current": job is current,
                    "step": step.step,
                    "target": settings.budget,
                    "cp": step.cp,
                    "batch_accuracy": step.accuracy,
                    "smooth": sum(one.accuracy for one in recent) / len(recent),
                }
            )
    return rows


def recorded_rows(catalogue: Catalogue, card: Card, budget: float, log: Callable[[str], Rows]) -> dict[float, Rows]:
    """Recorded trainings at the trained budget nearest to ``budget``, and at the one with the most runs.

    Args:
        catalogue: the checkpoints on this machine.
        card: of the checkpoint in use; only checkpoints of its data set and layout count.
        budget: in percent.
        log: checkpoint name -> training log.

    Returns:
        Trained budget -> one row for each logged step: ``run``, ``checkpoint``, ``alpha``, ``step``, ``cp``,
        ``target``; at most two budgets.
    """
    kin = [c for c in catalogue.cards if (c.dataset, c.config.layout) == (card.dataset, card.config.layout)]
    recorded: dict[float, dict[str, Rows]] = {}
    for other in kin:
        if other.budget is None or other.alpha is None:
            continue
        run = f"alpha {format_alpha(other.alpha)}" + ("" if other.method == "dfs" else f", {other.method}")
        run += f", seed {other.seed}" if other.seed else ""
        if run in recorded.get(other.budget, {}):
            run += f" ({other.name})"
        rows = [
            {
                "run": run,
                "checkpoint": other.name,
                "alpha": other.alpha,
                **{key: row[key] for key in ("step", "cp", "target")},
            }
            for row in log(other.name)
            if "cp" in row and "target" in row
        ]
        if rows:
            recorded.setdefault(other.budget, {})[run] = rows
    if not recorded:
        return {}
    nearest = min(recorded, key=lambda trained: abs(trained - budget))
    richest = max(recorded, key=lambda trained: (len(recorded[trained]), trained == nearest))
    shown = [nearest, richest] if len(recorded[richest]) > len(recorded[nearest]) else [nearest]
    return {trained: [row for rows in recorded[trained].values() for row in rows] for trained in shown}


def how_recorded(cards: Sequence[Card]) -> str:
    """How recorded trainings differ from a live run; their batch sizes and last stages are those of the cards."""
    asked = {card.training.get("batch_size") for card in cards}
    sizes = sorted(size for size in asked if isinstance(size, int))
    batches = f", with batches of {listed(f'{size:,}' for size in sizes)} images" if sizes else ""
    settled = any(card.training.get("settle") for card in cards)
    said = [f"Here whole networks were trained{batches}; the live run trains only the gates."]
    if settled:
        said.append("In the last stage, settle, the gates are fixed on the budget and the rest trains on.")
    return " ".join(filter(None, (*said, held_in_words(cards))))


def result_rows(tuned: Tuned, parent: Card) -> Rows:
    """One row for the gates before the run and one for after, on the same images."""
    return [
        {
            "what": what,
            "images": measured.n,
            "accuracy": measured.accuracy,
            "low": measured.accuracy_ci95[0],
            "high": measured.accuracy_ci95[1],
            "cp": measured.cp,
            "all_in": measured.all_in,
            "vectors": measured.policies,
        }
        for what, measured in ((parent.name, tuned.before), ("gates tuned live", tuned.after))
    ]


def verdict(tuned: Tuned) -> list[str]:
    """The result of the run in sentences."""
    target, cps = tuned.settings.budget, [step.cp for step in tuned.steps]
    first = next((step.step for step in tuned.steps if abs(step.cp - target) <= NEAR), None)
    last = cps[-max(1, len(cps) // 3) :]
    off = sum(abs(cp - target) for cp in last) / len(last)
    where = "the images shown here" if tuned.toy else f"{tuned.after.n} validation images"
    said = [
        f"On {where} cp went from {tuned.before.cp:.1f} to {tuned.after.cp:.1f} %; the target was {target:g} %.",
        f"A batch first came within {NEAR:g} points of the target at step {first}. In the last third, batches were"
        f" {off:.1f} points off on average."
        if first
        else f"No batch came within {NEAR:g} points of the target; in the last third they were {off:.1f} points off.",
    ]
    if len(last) > 1 and max(last) - min(last) < STILL and last[-1] < target - NEAR:
        said.append(f"The gates have shut: cp stays at {last[-1]:.1f} %, and nothing raises it. Try a smaller alpha.")
    elif not first:
        said.append("Try a larger alpha or more steps.")
    low, high = tuned.after.accuracy_ci95
    change = tuned.after.accuracy - tuned.before.accuracy
    within = low <= tuned.before.accuracy <= high
    said.append(f"Accuracy changed by {signed(change, 1)} points.")
    if within:
        said.append("What it was before is within the 95 % interval of what it is now, so this may be chance.")
    if tuned.after.policies == 1:
        said.append("All images now have the same decision vector.")
    else:
        said.append(
            f"The images have {tuned.after.policies} different decision vectors; before, {tuned.before.policies}."
        )
    return said
