"""Predictor: pictures in, decision traces out. The dashboard and the command line use it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from PIL import Image

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from dfs_core.data.images import to_model_input
from dfs_core.engine import Engine, compile_network, passes_check
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import BatchSettings, forward_batches, price_or_prices
from dfs_core.model.cost import cost_models
from dfs_core.model.execute import Execution
from dfs_core.model.network import DFSOutput
from dfs_core.timing.calibration import Calibration
from dfs_core.timing.clock import calibrate
from dfs_core.trace import DecisionTrace, PassTrace


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded checkpoint that classifies pictures and returns the decision trace of each.

    It keeps nothing between calls, so threads can share one. A picture gives the same trace alone and in a batch, up to
    rounding.

    Attributes:
        checkpoint: the network in evaluation mode, with its card.
        execution: ``grouped``, or the network's engine.
    """

    checkpoint: Checkpoint
    execution: Execution | Engine = "grouped"

    @classmethod
    def load(cls, name_or_path: str | Path, device: str | torch.device = "cpu") -> Self:
        """Load a checkpoint by name or path; arguments and errors as for ``load_checkpoint``."""
        return cls(load_checkpoint(name_or_path, device))

    def compiled(self, wait: bool = True) -> Self:
        """This predictor on the engine, if its network can be compiled and passes the engine's check; else itself.

        Args:
            wait: as for ``compile_network``.
        """
        try:
            engine = compile_network(self.checkpoint.model, wait=wait)
            good = passes_check(self.checkpoint.model, engine)
        except UserError:
            return self
        except (AttributeError, RuntimeError, TypeError) as error:  # PyTorch has other kernels on other systems
            warnings.warn(f"the engine cannot be used here, so networks are simulated: {error}", stacklevel=2)
            return self
        return replace(self, execution=engine) if good else self

    def calibrate(self, report: Callable[[float], object] | None = None) -> Calibration:
        """Time each part of the network on this machine; see ``dfs_core.timing.clock.calibrate``.

        Raises:
            UserError: this predictor does not run on the engine.
        """
        if isinstance(self.execution, str):
            raise UserError("this network does not run on the engine here, and only the engine is timed part by part")
        return calibrate(self.checkpoint.model, self.execution, report=report)

    @property
    def card(self) -> Card:
        """The checkpoint's card."""
        return self.checkpoint.card

    def predict(
        self,
        images: Sequence[np.ndarray | Image.Image] | np.ndarray,
        budget: float | None = None,
        forced: np.ndarray | None = None,
        price: float | Sequence[float] | None = None,
    ) -> list[DecisionTrace]:
        """Classify pictures.

        Args:
            images: uint8 arrays (S, S, 3), where S is the network's image size, or PIL images of any size, which are
                cropped and resized.
            budget: cp in percent; None for the checkpoint's usual budget.
            forced: option indices to impose, (images, gated blocks); -1 lets the policy decide.
            price: price of a block in full, one number or one for each picture. Give a budget or a price, not both.

        Returns:
            One trace for each picture, in order.

        Raises:
            UserError: the checkpoint cannot serve this budget, both budget and price are given, an array has the wrong
                shape or type, or forced decisions or prices do not fit the pictures.
        """
        card, model = self.checkpoint.card, self.checkpoint.model
        pixels = _stack(images, card.config.image_size)
        asked = price_or_prices(price)
        if isinstance(asked, torch.Tensor):
            points = [card.config.operating_point(budget, float(own)) for own in cast(Sequence[float], price)]
        else:
            points = [card.config.operating_point(budget, asked)] * len(pixels)
        traces: list[DecisionTrace] = []
        wishes: BatchSettings = {"budget": budget, "price": price, "forced": forced, "execution": self.execution}
        for output in forward_batches(model, pixels, card.mean, card.std, **wishes):
            traces += _traces(output, card, points[len(traces) :])
        return traces


def _stack(images: Sequence[np.ndarray | Image.Image] | np.ndarray, size: int) -> torch.Tensor:
    """Pictures as one uint8 tensor (N, 3, size, size)."""
    wanted = (size, size, 3)
    arrays = [to_model_input(image, size) if isinstance(image, Image.Image) else np.asarray(image) for image in images]
    for position, array in enumerate(arrays):
        if array.shape != wanted or array.dtype != np.uint8:
            raise UserError(
                f"image {position} is {array.dtype} {array.shape}: give uint8 arrays of shape {wanted}, or PIL images"
            )
    stacked = np.stack(arrays) if arrays else np.empty((0, *wanted), np.uint8)
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)


def _traces(output: DFSOutput, card: Card, points: list[tuple[float | None, float]]) -> list[DecisionTrace]:
    """The output of a batch as plain data."""
    options = card.config.option_set
    names, fractions = options.names, options.costs  # once: a page keeps thousands of traces
    costs = cost_models(card.config)
    decisions = output.decisions.numpy()
    paid = decisions if output.passes is None else output.passes.decisions.numpy()
    # float64, so that the probabilities of a hundred classes add up to 1.
    classes = output.logits.double().softmax(dim=1).tolist()
    rows = zip(
        decisions.tolist(),
        output.probabilities.tolist(),
        classes,
        costs["cp"].per_image(paid).tolist(),
        costs["bitops"].per_image(paid).tolist(),
        points[: len(decisions)],
        _passes(output, card),
        strict=True,
    )
    return [
        DecisionTrace(
            checkpoint=card.name,
            budget=budget,
            options=names,
            decisions=tuple(names[index] for index in chosen),
            fractions=tuple(fractions[index] for index in chosen),
            probabilities=tuple(tuple(row) for row in probabilities),
            classes=card.classes,
            class_probabilities=tuple(class_probabilities),
            cp=cp,
            all_in=all_in,
            price=price,
            passes=passes,
        )
        for chosen, probabilities, class_probabilities, cp, all_in, (budget, price), passes in rows
    ]


def _passes(output: DFSOutput, card: Card) -> list[tuple[PassTrace, ...]]:
    """The passes of each image of a batch; empty tuples where the network makes but one."""
    if output.passes is None:
        return [()] * len(output.decisions)
    names, found = card.config.option_set.names, output.passes
    images = zip(*(part.tolist() for part in found), strict=True)
    return [
        tuple(
            PassTrace(
                decisions=tuple(names[index] for index in decisions[number]),
                label=card.classes[answers[number]],
                confidence=confidence[number],
                lead=leads[number],
                limit=limits[number] if number < len(limits) else None,
            )
            for number in range(count)
        )
        for count, decisions, answers, confidence, leads, limits in images
    ]
