"""The trainer: one loop for every stage. Its result is a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from dfs_core.bar import steps_bar
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.locate import CARD_FILE, runs_dir
from dfs_core.data.augment import augment, normalise
from dfs_core.data.splits import Splits, load_splits
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import accuracy_of_passes, evaluate
from dfs_core.model.finite import first_not_finite
from dfs_core.model.kernels import use_fused
from dfs_core.training.begin import begin, teacher_of
from dfs_core.training.charges import with_charges
from dfs_core.training.config_files import load_config
from dfs_core.training.graphs import capture_step
from dfs_core.training.hold import hold_budget
from dfs_core.training.interrupt import between_steps
from dfs_core.training.objective import learning_rate
from dfs_core.training.processes import (
    average_statistics,
    count,
    first_alone,
    in_first,
    joined,
    overall,
    own,
    rank,
    same_everywhere,
    together,
)
from dfs_core.training.publish import publish
from dfs_core.training.steps import StepLoss, draws, step_loss
from dfs_core.training.train_config import STAGES, TrainConfig
from dfs_core.training.train_state import STATE_FILE, RunLog, alone_in


def train(
    run: str | Path,
    data_dir: Path,
    out: Path | None = None,
    resume: bool = False,
    changes: Mapping[str, str | int] | None = None,
) -> Path:
    """Train a network and write its checkpoint.

    Args:
        run: a TOML file, or the name of a run (see ``load_config``).
        data_dir: the folder that holds the data set.
        out: folder of the run, in which the checkpoint is written; by default ``runs/<name>``.
        resume: continue from the saved state in the folder, or start if there is none. A folder with this run's
            checkpoint is returned as it is. Without ``resume``, a folder with a state or a checkpoint is an error.
        changes: settings that override those of the file, such as another seed.

    Returns:
        The checkpoint's folder.

    Raises:
        UserError: the configuration, the data or the folder is wrong, or another process trains in the folder.
    """
    return carry_out(load_config(run, changes), data_dir, out, resume)


def carry_out(
    config: TrainConfig, data_dir: Path, out: Path | None = None, resume: bool = False, patience: float = 0.0
) -> Path:
    """Do a run whose configuration is known. Arguments, result and errors are those of ``train``.

    Args:
        config: the configuration of the run.
        data_dir: as in ``train``.
        out: as in ``train``.
        resume: as in ``train``.
        patience: seconds to wait for another process that trains in the folder.
    """
    folder = out or runs_dir() / config.name
    splits = load_splits(config.dataset, config.validation, data_dir, config.model.image_size)
    config = with_charges(config.with_classes(len(splits.train.classes)))
    if resume and published(folder, config):
        return folder
    config.total_steps(len(splits.train))  # check this before creating anything
    if config.stage == "backbone" and config.model.policy != "constant":
        raise UserError(
            "stage 'backbone' trains no gates: choose another stage, or a network without gates ([model] policy ="
            " 'constant', options = 'full', constant = ['full'])"
        )
    if config.model.policy == "confidence" and config.batch_size < 2 * count():
        raise UserError("policy 'confidence' normalises over a batch: give two images or more to each process")
    with joined(config.batch_size), in_first(alone_in(folder, patience)):
        trainer = Trainer(config, splits, folder, resume)
        trainer.run()
        config = replace(config, precision=trainer.state.precision)  # the card names the precision in use, not "auto"
        first_alone(publish)(trainer.state, config, splits, folder)
    return folder


def published(folder: Path, config: TrainConfig) -> bool:
    """Whether the folder has this run's checkpoint. Then nothing is left to do, and the test set is not used again."""
    try:
        settings = load_checkpoint(folder / CARD_FILE).card.training  # the bare name of a folder would be looked up
        # Settings that no longer exist, and those that do not affect the weights, are no reason to train again.
        made = TrainConfig.from_dict({key: settings[key] for key in config.to_dict().keys() & settings.keys()})
    except UserError:
        return False
    made = replace(made, precision=config.precision, traced=config.traced)
    return not config.differs_from(replace(made, model=replace(made.model, prices=(), limits=())).to_dict())


def _device() -> torch.device:
    """The GPU, if there is one that PyTorch can use; else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    try:
        _ = torch.zeros(1, device="cuda") + 1
    except RuntimeError as error:
        why = str(error).strip().splitlines()[0]
        raise UserError(
            f"PyTorch cannot use this GPU ({why}): set CUDA_VISIBLE_DEVICES to nothing to train on the CPU"
        ) from None
    return torch.device("cuda")


class Trainer:
    """One run: its network, its optimiser, its saved state and its log."""

    def __init__(self, config: TrainConfig, splits: Splits, folder: Path, resume: bool) -> None:
        self.config, self.splits, self.folder = config, splits, folder
        self.device = _device()
        self.planned, self.total = config.planned_steps(len(splits.train)), config.total_steps(len(splits.train))
        folder.mkdir(parents=True, exist_ok=True)
        self.state = begin(config, splits, self.device)
        self.teacher = teacher_of(config, splits.train.classes, self.device)
        self._resume(resume)
        if config.compile:
            use_fused(self.state.model)
        self.log = self._open_log()
        self.losses: list[Tensor] = []  # losses since the last check that they are finite
        self.images = splits.train.on(self.device)

    def _resume(self, resume: bool) -> None:
        begun = (self.folder / STATE_FILE).exists()
        if begun and not resume and (self.folder / CARD_FILE).exists():
            raise UserError(f"{self.folder} has a finished run, which is not overwritten: give another --out")
        if begun and not resume:
            raise UserError(f"{self.folder} has an unfinished run: add --resume to continue it, or give another --out")
        if not begun and (self.folder / CARD_FILE).exists():
            raise UserError(f"{self.folder} has a checkpoint, which is not overwritten: give another --out")
        restored = self.state.restore(self.folder, self.config)
        if not same_everywhere((self.state.step, self.state.images)):
            raise UserError(
                f"the processes do not see the same {self.folder} and the same images: both must lie on storage that"
                " all machines share"
            )
        if self.state.step > self.total:
            done = f"{self.folder} has done {self.state.step} steps, but this run has only {self.total}"
            raise UserError(f"{done}: give it as many or more, or another --out")
        if restored and not self.finished:
            self.state.avoid_emulation(self.config.precision, self.device)

    @property
    def settles_at(self) -> int:
        """The step at which stage ``settle`` starts; the total number of steps if there is none."""
        return self.total - self.config.settle

    @property
    def phase(self) -> TrainConfig:
        """The configuration in force: during the last ``settle`` steps the stage is ``settle``."""
        settling = self.settles_at <= self.state.step < self.total
        return replace(self.config, stage="settle", settle=0) if settling else self.config

    @property
    def finished(self) -> bool:
        """Whether every step has been done."""
        return self.state.step >= self.total

    def run(self) -> None:
        """Train from the current state to the end."""
        bar = steps_bar(self.config.name, self.total, self.state.step, shown=not rank())
        per_epoch = len(self.images) // self.config.batch_size
        started = time.perf_counter() - self.state.seconds
        self._begin_phase()
        # Of several processes, only some may get a signal, and they save together: there it interrupts at once.
        with between_steps() if count() == 1 else nullcontext(lambda: False) as interrupted:
            self._steps(bar, per_epoch, started, interrupted)
            bar.close()
            self._close_log()
            if interrupted():  # also during the last step: then nothing is left but to measure and publish
                raise KeyboardInterrupt(
                    f"interrupted after step {self.state.step} of {self.total}, which is saved: continue with --resume"
                )

    def _steps(self, bar: tqdm, per_epoch: int, started: float, interrupted: Callable[[], bool]) -> None:
        """Do the remaining steps, or those until ``interrupted`` says so; the last one done is saved."""
        for images, labels in self.images.batches(self._batches(self.state.step)):
            if self.state.step == self.settles_at:
                self._begin_to_settle()
            metrics = self._step(images, labels)
            self.state.step += 1
            self.state.seconds = time.perf_counter() - started
            last = self.state.step == self.total
            logs = last or self.state.step % self.config.log_every == 0
            stops = interrupted()
            saves = last or stops or self.state.step % self.config.save_every == 0
            self._stop_if_diverged(torch.as_tensor(metrics["loss"]), logs or saves)
            if logs:
                numbers = {key: float(value) for key, value in metrics.items()}
                self._write(numbers)
                cp = {"cp": f"{numbers['cp']:.1f}"} if "cp" in numbers else {}
                bar.set_postfix(refresh=False, loss=f"{numbers['loss']:.3f}", **cp)
            if self.config.validate_every and self.state.step % (self.config.validate_every * per_epoch) == 0:
                self._validate()
            if saves:
                self._stop_if_damaged()
                self._save()
            bar.update()
            if stops:
                break

    def _stop_if_diverged(self, loss: Tensor, look: bool) -> None:
        """Stop at the first loss that is not finite. On a GPU, check only when it is synchronised anyway (``look``)."""
        self.losses.append(loss.clone())  # a replayed step overwrites its own
        if look or self.device.type == "cpu":
            bad = torch.stack(self.losses).isfinite().logical_not()
            if bad.any():
                step = self.state.step - len(self.losses) + 1 + int(bad.int().argmax())
                raise UserError(f"the loss of step {step} is not finite, {self._what_to_do()}")
            self.losses.clear()

    def _stop_if_damaged(self) -> None:
        """Stop if the last update made a weight infinite or not a number, before the state is saved."""
        if name := first_not_finite(self.state.final.state_dict()):
            raise UserError(f"after step {self.state.step} {name} is not finite, {self._what_to_do()}")

    def _what_to_do(self) -> str:
        begun = (self.folder / STATE_FILE).exists()
        kept = f"the last good state is kept in {self.folder}" if begun else "nothing was kept"
        return f"so the run was stopped; {kept}. Lower lr (now {self.config.lr:g}) and train under another name"

    def _begin_phase(self) -> None:
        """Set the step function for ``phase``. On a GPU, one process alone captures it as a graph."""
        self._set_modes()
        parts, on_gpu = (self.state.model, self.phase, self.teacher), self.device.type == "cuda"
        self.step_loss: StepLoss = partial(step_loss, *parts)
        if count() > 1:
            self.step_loss = together(
                self.state.model, partial(self.step_loss, execution="dense" if on_gpu else "grouped")
            )
        elif on_gpu:
            self.step_loss = capture_step(*parts, self.state.precision)

    def _set_modes(self) -> None:
        stage = STAGES[self.phase.stage]
        self.state.model.train()
        if not stage.body:
            self.state.model.body.eval()  # freezes the batch-norm statistics too
        if not stage.policy:
            self.state.model.policy.requires_grad_(False)

    def _begin_to_settle(self) -> None:
        """Start stage ``settle``: hold the budget, then freeze the gates and train the rest under their decisions."""
        splits, budget = self.splits, self.config.model.budget
        assert budget is not None
        hold_budget(self.state.model, splits.validation, splits.mean, splits.std, budget)
        self.state.optimiser.state.clear()
        self._begin_phase()

    def _batches(self, step: int) -> Iterator[Tensor]:
        """This process's image indices for each step from ``step`` on.

        They depend on seed and step alone, so a run can resume.
        """
        size = self.config.batch_size
        per_epoch = len(self.images) // size
        order, of_epoch = torch.empty(0), -1
        for now in range(step, self.total):
            epoch, position = divmod(now, per_epoch)
            if epoch != of_epoch:
                generator = torch.Generator().manual_seed(self._seed(epoch, 0))
                order, of_epoch = torch.randperm(len(self.images), generator=generator), epoch
            yield own(order[position * size : (position + 1) * size])

    def _seed(self, step: int, purpose: int) -> int:
        return (self.config.seed * 1_000_003 + step) * 3 + purpose

    def _step(self, pixels: Tensor, labels: Tensor) -> dict[str, float | Tensor]:
        config, step = self.phase, self.state.step
        torch.manual_seed(self._seed(step, 1))  # for the stage's draws and the other options that are tried
        generator = torch.Generator().manual_seed(self._seed(step, 2))
        place, length = config.scheduled(step, self.planned), self.planned - self.config.settle
        if step >= self.settles_at:
            place, length = step - self.settles_at, self.config.settle
        rate = learning_rate(place, length, config.lr, config.schedule, config.warmup, config.milestones)
        for group in self.state.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        share = rank(), count()
        pixels = augment(pixels.to(self.device, non_blocking=True), generator, config.erase, share, config.mirror)
        images = normalise(pixels, self.splits.mean, self.splits.std)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.state.precision == "bf16"):
            drawn = draws(config, config.batch_size, self.device)
            loss, metrics = self.step_loss(images, labels, *map(own, drawn))
        self.state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.state.optimiser.step()
        average_statistics(self.state.model)
        self.state.update_average(config.ema)
        # Detach the metrics too: autograd treats every output of a replayed step as differentiable.
        found = {key: overall(value.detach()) for key, value in {"loss": loss, **metrics}.items()}
        target, named = config.target or config.model.budget, "target" if config.cost == "cp" else "time_target"
        return {**found, **({named: target} if target else {}), "lr": rate}

    @property
    def _epoch(self) -> float:
        """Passes over the training images so far."""
        return self.state.step / (len(self.splits.train) // self.config.batch_size)

    @first_alone
    def _open_log(self) -> RunLog:
        log = RunLog(self.folder, self.state.step)
        if self.state.note not in ("", *log.notes):
            log.note(self.state.note, self.state.step, self._epoch)
        log.plan(self.state.step, self._epoch, self.total)
        return log

    @first_alone
    def _close_log(self) -> None:
        assert self.log is not None, "the first process has a log"
        self.log.close()

    @first_alone
    def _write(self, metrics: Mapping[str, float]) -> None:
        """Add a line to the log."""
        assert self.log is not None, "the first process has a log"
        self.log.write(step=self.state.step, epoch=self._epoch, **metrics)

    @first_alone
    def _validate(self) -> None:
        model, about = self.state.final, (self.splits.validation, self.splits.mean, self.splits.std)
        if self.config.model.passes:  # they have no limits yet
            found = {"validation_accuracy": accuracy_of_passes(model, *about)}
        else:
            outcome = evaluate(model, *about)
            found = {"validation_accuracy": outcome.accuracy, "validation_cp": outcome.cp}
        self._set_modes()
        self._write(found)

    @first_alone
    def _save(self) -> None:
        self.state.save(self.folder, self.config.to_dict())
