"""Measuring a network on a set of images: accuracy with its interval, cost, and what was decided for each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypedDict, Unpack

import numpy as np
import torch

from dfs_core.data.augment import normalise
from dfs_core.data.sets import ImageSet, batches_of
from dfs_core.data.stored import StoredImages
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import Evaluation, Looks, Outcome, summarise
from dfs_core.model.cascade import Passes
from dfs_core.model.execute import Execution
from dfs_core.model.network import DFSNet, DFSOutput

Forced = np.ndarray | torch.Tensor
Progress = Callable[[int, int], None]


class BatchSettings(TypedDict, total=False):
    """What ``forward_batches`` can be told besides."""

    budget: float | None
    price: float | Sequence[float] | None
    execution: Execution
    batch_size: int
    forced: Forced | None


class Settings(BatchSettings, total=False):
    """What ``run`` can be told besides."""

    progress: Progress | None


def forward_batches(
    model: DFSNet,
    images: torch.Tensor | StoredImages,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    budget: float | None = None,
    price: float | Sequence[float] | None = None,
    execution: Execution = "grouped",
    batch_size: int = 500,
    forced: Forced | None = None,
) -> Iterator[DFSOutput]:
    """Run images through a network batch by batch, in float32 and without gradients, wherever its weights are.

    Args:
        model: the network, in evaluation mode.
        images: uint8 (N, 3, S, S), in memory or read as they are needed.
        mean: channel means in 0..1 that the network was trained with.
        std: channel standard deviations, likewise.
        budget: percent; None for the usual one.
        price: in the unit of the policy's logits, for all images or one for each; takes the place of a budget.
        execution: ``grouped``, or ``dense`` as its reference.
        batch_size: images at a time.
        forced: option indices (N, gated blocks), -1 where the policy decides.

    Yields:
        One output a batch, on the CPU.

    Raises:
        UserError: the model has no such budget, ``forced`` does not fit the images, blocks and options, or the answers
            are not finite.
    """
    device = next(model.parameters()).device
    choices = None if forced is None else torch.as_tensor(forced).long()
    if choices is not None and len(choices) != len(images):
        raise UserError(f"forced decisions are given for {len(choices)} images, but there are {len(images)}")
    prices = price if price is None or isinstance(price, float | int) else torch.as_tensor(price, dtype=torch.float32)
    order = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
    for chosen, pixels in zip(order, batches_of(images, order), strict=True):
        # Entered anew for each batch: a suspended generator must not leave its caller in inference mode.
        with (
            torch.inference_mode(),
            torch.autocast(device.type, enabled=False),
            # On a GPU: the digits that TF32 leaves out become whole steps in the next quantiser.
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            inputs = normalise(pixels.to(device), mean, std)
            part = None if choices is None else choices[chosen].to(device)
            own = prices[chosen] if isinstance(prices, torch.Tensor) else prices
            output = model(inputs, budget=budget, price=own, forced=part, execution=execution)
            passes = output.passes and Passes(*(part.cpu() for part in output.passes))
            cpu = DFSOutput(output.logits.cpu(), output.decisions.cpu(), output.probabilities.cpu(), passes)
        if not bool(cpu.logits.isfinite().all()):
            raise UserError("the network's answers are not finite: its training has diverged, or it is damaged")
        yield cpu


def run(
    model: DFSNet,
    images: ImageSet,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    progress: Progress | None = None,
    **settings: Unpack[BatchSettings],
) -> Outcome:
    """Predict every image of a set, in evaluation mode; a model that was training is set back to it.

    Arguments that are not named here are those of ``forward_batches``.

    Args:
        images: the set.
        progress: called after each batch with the number of images done and their total.

    Raises:
        UserError: the set is empty, or as ``forward_batches``.
    """
    if not len(images):
        raise UserError("there are no images to evaluate")
    was_training = model.training
    model.eval()
    done, batches = 0, forward_batches(model, images.images, mean, std, **settings)
    confidence, predictions, decisions, passes = [], [], [], []
    try:
        for output in batches:
            best = output.logits.softmax(dim=1).max(dim=1)
            confidence.append(best.values)
            predictions.append(best.indices)
            decisions.append(output.decisions.to(torch.uint8))
            if output.passes is not None:
                passes.append(output.passes)
            done += len(best.indices)
            if progress is not None:
                progress(done, len(images))
    finally:
        if was_training:
            model.train()
    return Outcome(
        labels=images.labels.cpu().numpy(),
        predictions=torch.cat(predictions).numpy(),
        confidence=torch.cat(confidence).numpy(),
        decisions=torch.cat(decisions).numpy(),
        looks=_looks(passes) if passes else None,
    )


def _looks(passes: list[Passes]) -> Looks:
    needed, answers, confidence = (
        torch.cat([getattr(part, name) for part in passes]).numpy() for name in ("needed", "answers", "confidence")
    )
    return Looks(needed.astype(np.uint8), answers, confidence)


def evaluate(
    model: DFSNet, images: ImageSet, mean: Sequence[float], std: Sequence[float], **settings: Unpack[Settings]
) -> Evaluation:
    """Measure a network on a set of images: ``run``, then ``summarise``. Arguments and errors as for ``run``."""
    return summarise(run(model, images, mean, std, **settings), model.config)
