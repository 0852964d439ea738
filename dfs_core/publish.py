"""The end of a run: hold the budget, measure once on validation and once on test, write the checkpoint."""

from __future__ import annotations

from pathlib import Path

from dfs_core import provenance
from dfs_core.card import Card
from dfs_core.checkpoint import save_checkpoint, weights_hash
from dfs_core.evaluate import run, summarise
from dfs_core.hold import hold_budget
from dfs_core.splits import SPLIT_SEED, Splits
from dfs_core.traces import Traces, traces_file
from dfs_core.train_config import STAGES, TrainConfig, config_texts
from dfs_core.train_state import LOG_FILE, RunState


def publish(state: RunState, config: TrainConfig, splits: Splits, folder: Path, config_path: Path) -> Path:
    """Evaluate a finished run and write weights, card, traces, configuration and log into ``folder``.

    Returns:
        The folder, which is now a checkpoint that ``load_checkpoint`` takes.
    """
    model = state.final
    if config.hold_budget and config.model.budget is not None:
        hold_budget(model, splits.validation, splits.mean, splits.std, config.model.budget)
    outcomes = {split.split: run(model, split, splits.mean, splits.std) for split in (splits.validation, splits.test)}
    card = Card(
        name=config.name,
        method=config.method,
        dataset=config.dataset,
        classes=splits.train.classes,
        mean=splits.mean,
        std=splits.std,
        model=config.model.to_dict(),
        budget=config.model.budget,
        alpha=config.alpha if STAGES[config.stage].policy else None,
        training=config.to_dict(),
        split={
            "train": len(splits.train),
            "validation": len(splits.validation),
            "test": len(splits.test),
            "seed": SPLIT_SEED,
        },
        seed=config.seed,
        commit=provenance.commit(),
        versions=provenance.versions(),
        machine=provenance.machine(),
        wall_time_s=round(state.seconds, 1),
        created=provenance.now(),
        metrics={split: summarise(outcome, model).to_dict() for split, outcome in outcomes.items()},
        weights_sha256=weights_hash(model),
        parents=tuple(dict.fromkeys(Path(name).name for name in (config.start_from, config.teacher) if name)),
    )
    texts = config_texts(config_path) | {LOG_FILE: (folder / LOG_FILE).read_text()}
    # The test set is looked at once: the card's figures and the stored traces are of the same outcome.
    extra = texts | {traces_file(card.config): Traces.of(outcomes["test"], card).to_bytes()}
    return save_checkpoint(folder, model, card, extra)
