"""Measure a network on a set of images: accuracy with its interval, cost, and the decisions for each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypedDict, Unpack, cast

import numpy as np
import torch

from dfs_core.data.augment import normalise
from dfs_core.data.sets import ImageSet, batches_of
from dfs_core.data.stored import StoredImages
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import Evaluation, Looks, Outcome, summarise
from dfs_core.model.cascade import Passes
from dfs_core.model.execute import Body, Execution, WholeBody
from dfs_core.model.network import DFSNet, DFSOutput, evaluating

Forced = np.ndarray | torch.Tensor
Progress = Callable[[int, int], None]
BATCH, PIXELS = 500, 128 * 224**2  # most images, and most pixels of all of them, in a batch: some 1 GB of activations


def batch_of(image_size: int) -> int:
    """How many images of that side, in pixels, are run at a time.

    >>> batch_of(32), batch_of(224), batch_of(1024)
    (500, 128, 6)
    """
    return max(1, min(BATCH, PIXELS // image_size**2))


def price_or_prices(price: float | Sequence[float] | None) -> float | torch.Tensor | None:
    """One price for all images, from any kind of number; or one for each, float32 (N,)."""
    if price is None or np.ndim(price) == 0:
        return None if price is None else float(cast(float, price))
    return torch.as_tensor(price, dtype=torch.float32)


class BatchSettings(TypedDict, total=False):
    """The keyword arguments of ``forward_batches``."""

    budget: float | None
    price: float | Sequence[float] | None
    execution: Execution | Body | WholeBody
    batch_size: int
    forced: Forced | None


class Settings(BatchSettings, total=False):
    """The keyword arguments of ``run``."""

    progress: Progress | None


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """How a network on a device is measured: without gradients, in float32 with all its digits."""
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        # On a GPU, TF32 drops digits, which the next quantiser would amplify to whole steps.
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
    ):
        yield


def forward_batches(
    model: DFSNet,
    images: torch.Tensor | StoredImages,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    budget: float | None = None,
    price: float | Sequence[float] | None = None,
    execution: Execution | Body | WholeBody = "grouped",
    batch_size: int | None = None,
    forced: Forced | None = None,
) -> Iterator[DFSOutput]:
    """Run images through a network in batches, in float32 and without gradients, on the network's device.

    Args:
        model: the network, in evaluation mode.
        images: uint8 (N, 3, S, S), in memory or on disk.
        mean: channel means that the network was trained with, 0 to 1.
        std: channel standard deviations that the network was trained with, 0 to 1.
        budget: cp in percent; None for the usual budget.
        price: price of a block in full, in the unit of the policy's logits: one number, or one for each image. Give a
            budget or a price, not both.
        execution: ``grouped`` or ``dense``, which give the same result, or the network's engine, whose result differs
            from it by rounding (method section 13).
        batch_size: images in a batch; by default ``batch_of`` their size.
        forced: option indices (N, gated blocks); -1 lets the policy decide.

    Yields:
        One output for each batch, on the CPU.

    Raises:
        UserError: the model cannot serve this budget, ``forced`` or the prices do not fit the images, blocks and
            options, or the logits are not finite.
    """
    device = next(model.parameters()).device
    choices = None if forced is None else torch.as_tensor(forced).long()
    if choices is not None and len(choices) != len(images):
        raise UserError(f"forced decisions are given for {len(choices)} images, but there are {len(images)}")
    prices = price_or_prices(price)
    if isinstance(prices, torch.Tensor) and len(prices) != len(images):
        raise UserError(f"give one price for each of the {len(images)} images, not {len(prices)}")
    batch_size = batch_size or batch_of(model.config.image_size)
    order = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
    for chosen, pixels in zip(order, batches_of(images, order), strict=True):
        # Entered for each batch, so that a suspended generator does not leave its caller in inference mode.
        with exact(device):
            inputs = normalise(pixels.to(device), mean, std)
            part = None if choices is None else choices[chosen].to(device)
            own = prices[chosen] if isinstance(prices, torch.Tensor) else prices
            output = model(inputs, budget=budget, price=own, forced=part, execution=execution)
            passes = output.passes and Passes(*(part.cpu() for part in output.passes))
            cpu = DFSOutput(output.logits.cpu(), output.decisions.cpu(), output.probabilities.cpu(), passes)
        if not bool(cpu.logits.isfinite().all()):
            raise UserError("the network's logits are not finite: its training has diverged, or it is damaged")
        yield cpu


def pass_logits(
    model: DFSNet, images: torch.Tensor | StoredImages, mean: Sequence[float], std: Sequence[float]
) -> list[np.ndarray]:
    """What each pass of a cascade answers to every image, also to those that would not need it: (N, classes) each."""
    device, names = next(model.parameters()).device, model.config.passes
    found: list[list[torch.Tensor]] = [[] for _ in names]
    size = batch_of(model.config.image_size)
    with evaluating(model):
        for pixels in batches_of(images, [slice(at, at + size) for at in range(0, len(images), size)]):
            with exact(device):
                x = model.enter(normalise(pixels.to(device), mean, std))
                for logits, name in zip(found, names, strict=True):
                    logits.append(model.uniform(x, model.config.option_set.index(name)).cpu())
    return [torch.cat(logits).numpy() for logits in found]


def accuracy_of_passes(model: DFSNet, images: ImageSet, mean: Sequence[float], std: Sequence[float]) -> float:
    """The mean accuracy of a cascade's passes in percent, each made for every image, as in training."""
    answers = (logits.argmax(axis=1) for logits in pass_logits(model, images.images, mean, std))
    return 100 * float(np.mean([answer == images.labels.cpu().numpy() for answer in answers]))


def run(
    model: DFSNet,
    images: ImageSet,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    progress: Progress | None = None,
    **settings: Unpack[BatchSettings],
) -> Outcome:
    """Predict every image of a set in evaluation mode. A model in training mode is set back to it afterwards.

    The other arguments are those of ``forward_batches``.

    Args:
        images: the set of images.
        progress: called after each batch with the number of images done and their total.

    Raises:
        UserError: the set is empty, decisions are forced on a cascade, or as for ``forward_batches``.
    """
    if not len(images):
        raise UserError("there are no images to evaluate")
    if model.config.passes and settings.get("forced") is not None:
        # Its outcome keeps the decisions of the last pass alone: the cost of the others could not be told.
        raise UserError("a cascade decides by whole passes: it cannot be measured under given decisions")
    done, batches = 0, forward_batches(model, images.images, mean, std, **settings)
    confidence, predictions, decisions, passes = [], [], [], []
    with evaluating(model):
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
    """Measure a network on a set of images: ``run``, then ``summarise``; arguments and errors as for ``run``."""
    return summarise(run(model, images, mean, std, **settings), model.config)
