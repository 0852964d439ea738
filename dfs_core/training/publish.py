"""The end of a run: hold the budget, measure once on validation and once on test images, write the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dfs_core.bar import progress_bar
from dfs_core.checkpoints import provenance
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import save_checkpoint, weights_hash
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.run_log import LOG_FILE
from dfs_core.checkpoints.trace_files import BUDGETS
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.sets import ImageSet
from dfs_core.data.splits import Splits, split_facts
from dfs_core.evaluation.evaluate import run
from dfs_core.evaluation.metrics import Outcome, summarise
from dfs_core.model.config import PRICED
from dfs_core.model.network import DFSNet
from dfs_core.model.precision import round_to_bytes, round_to_half
from dfs_core.training.config_files import CONFIG_FILE, config_text
from dfs_core.training.hold import hold_budget
from dfs_core.training.measure import serve_every_budget
from dfs_core.training.train_config import STAGES, TrainConfig
from dfs_core.training.train_state import RunState


def publish(state: RunState, config: TrainConfig, splits: Splits, folder: Path) -> Path:
    """Evaluate a finished run and write weights, card, traces, configuration and log into ``folder``.

    The body's weights are rounded to half precision first, and those of static networks to bytes, so that they are
    measured as they are kept. A network that serves every budget gets its prices next. A stage that is not ``measured``
    is not evaluated.

    Returns:
        The folder, now a checkpoint for ``load_checkpoint``.
    """
    model, text = state.final, config_text(config)  # taken before the prices: they are a result, not a setting
    round_to_half(model.body)
    if config.model.policy == "constant" and "full" not in config.model.constant:
        round_to_bytes(model.body)
    if config.hold_budget and config.model.budget is not None:
        hold_budget(model, splits.validation, splits.mean, splits.std, config.model.budget)
    stage = STAGES[config.stage]
    if stage.measured and config.model.policy in PRICED:
        model.config = serve_every_budget(model, splits.validation, splits.mean, splits.std, config.price_range)
        config = replace(config, model=model.config)
    measured = (splits.validation, splits.test) if stage.measured else ()
    outcomes = {split.split: _run(model, split, splits) for split in measured}
    card = Card(
        name=config.name,
        method=config.method,
        dataset=config.dataset,
        classes=splits.train.classes,
        mean=splits.mean,
        std=splits.std,
        model=config.model.to_dict(),
        budget=config.model.budget,
        budget_range=config.model.budget_range,
        alpha=config.alpha if stage.holds_budget else None,
        training=config.to_dict(),
        split=split_facts(splits, config.validation),
        seed=config.seed,
        commit=state.commit,
        versions=provenance.versions(),
        machine=provenance.machine(),
        wall_time_s=round(state.seconds, 1),
        created=provenance.now(),
        metrics={split: summarise(outcome, model.config).to_dict() for split, outcome in outcomes.items()},
        weights_sha256=weights_hash(model),
        parents=state.parents,
        notes=" ".join(filter(None, (_what_the_budget_is(config), _how_it_was_shortened(config, splits), state.note))),
    )
    files: dict[str, str | bytes] = {CONFIG_FILE: text, LOG_FILE: (folder / LOG_FILE).read_text(encoding="utf-8")}
    if stage.measured:
        files |= traces_of(model, card, splits.test, outcomes["test"], config.traced)
    return save_checkpoint(folder, model, card, files)


def _what_the_budget_is(config: TrainConfig) -> str:
    """A note for a reader who takes every budget for cp."""
    if config.cost == "cp" or config.model.budget is None:
        return ""
    return f"Its budget is {config.model.budget:g} % of the time of all gated blocks in full, by {config.calibration}."


def _how_it_was_shortened(config: TrainConfig, splits: Splits) -> str:
    """A note for a reader who compares it with a network that had its whole schedule."""
    if not config.shortened:
        return ""
    begin, rest = config.shortened
    left = config.planned_steps(len(splits.train)) - begin
    return f"Its training was shortened: the {left:,} steps of its schedule after step {begin:,} were done in {rest:,}."


def _run(model: DFSNet, images: ImageSet, splits: Splits) -> Outcome:
    with progress_bar(f"measuring on {images.split}") as progress:
        return run(model, images, splits.mean, splits.std, progress=progress)


def traces_of(
    model: DFSNet, card: Card, test: ImageSet, outcome: Outcome, others: Iterable[float] = ()
) -> dict[str, bytes]:
    """The trace files of a network by file name: one for its usual budget, and one for each further budget it serves.

    Args:
        model: the network.
        card: its card.
        test: the test images.
        outcome: the result on the test images at the usual budget.
        others: budgets in percent in addition to ``BUDGETS``. Those outside the network's range are left out.
    """
    usual = card.config.usual_budget
    own = OperatingPoint(card)
    files = {own.traces_file: Traces.of(outcome, own).to_bytes()}
    low, high = card.budget_range or (0.0, 0.0)
    for budget in dict.fromkeys((*BUDGETS, *others)):
        if low <= budget <= high and budget != usual:
            found = run(model, test, card.mean, card.std, budget=budget)
            point = OperatingPoint(card, budget)
            files[point.traces_file] = Traces.of(found, point).to_bytes()
    return files
