"""Timing: what grouped execution saves compared with dense, and what gates and options cost compared with none."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.card_files import read_card
from dfs_core.machine import medians_by_turns
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.kernels import use_fused
from dfs_core.model.network import DFSNet
from dfs_core.model.precision import has_bf16
from dfs_core.training.objective import cost_term

DEPTH = 38
BATCH = 256  # as in the published backbone's training
ROUNDS, WARM_UP = 7, 2
SHARES_FROM = "dfs-resnet38-cifar10-b20"


def run(options: str = "paper", batch: int = BATCH) -> dict[str, str | float]:
    """Time ResNet-38 on this machine. All timings alternate in one run, so their ratios are reliable.

    A training step is forward, backward and update for ``batch`` random images, under bf16 autocast if the machine has
    bf16 in hardware. Decisions are drawn uniformly, so every option runs on some images in every block, and the gate
    gets its gradient. An evaluation is 256 images in float32. Its decisions are drawn with the shares that the shipped
    20 % checkpoint has on the test images, or uniformly if ``options`` lacks one of its options.

    Args:
        options: an option set, named or listed.
        batch: images in a training step. In a small batch, splitting the images by option takes a larger share of time.

    Returns:
        ``options``, ``batch``, and the median of each timing in seconds.

    Raises:
        UserError: the option set cannot be read.
    """
    torch.manual_seed(0)
    config = ModelConfig(depth=DEPTH, options=options)
    plain, gated = DFSNet(backbone_config(DEPTH)), DFSNet(config)
    use_fused(gated)
    even = torch.full((config.gated_blocks, len(config.option_set)), 1 / len(config.option_set))
    step_decisions, eval_decisions = _draw(even, batch), _draw(_shipped_shares(config, even), BATCH)
    timings = {
        "plain_step_s": _training_step(plain, None, "grouped", batch),
        "grouped_step_s": _training_step(gated, step_decisions, "grouped", batch),
        "dense_step_s": _training_step(gated, step_decisions, "dense", batch),
        "grouped_eval_s": _evaluation(gated, eval_decisions, "grouped"),
        "dense_eval_s": _evaluation(gated, eval_decisions, "dense"),
    }
    medians = medians_by_turns(timings, ROUNDS, WARM_UP, time.perf_counter)
    return {"options": options, "batch": batch, **{name: round(seconds, 4) for name, seconds in medians.items()}}


def _training_step(model: DFSNet, decisions: Tensor | None, execution: str, batch: int) -> Callable[[], None]:
    images = torch.randn(batch, 3, model.config.image_size, model.config.image_size)
    labels = torch.randint(model.config.classes, (batch,))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16(torch.device("cpu"))):
            output = model(images, forced=decisions, execution=execution)
        loss = torch.nn.functional.cross_entropy(output.logits, labels)
        if decisions is not None:
            loss = loss + cost_term(output, model.costs, 20.0, 5e-6)[0]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def _evaluation(model: DFSNet, decisions: Tensor, execution: str) -> Callable[[], None]:
    images = torch.randn(BATCH, 3, model.config.image_size, model.config.image_size)

    def evaluate() -> None:
        model.eval()
        with torch.inference_mode():
            model(images, forced=decisions, execution=execution)

    return evaluate


def _draw(shares: Tensor, images: int) -> Tensor:
    """Random decisions (images, blocks) with the given shares (blocks, options)."""
    return torch.multinomial(shares, images, replacement=True).T.contiguous()


def _shipped_shares(config: ModelConfig, fallback: Tensor) -> Tensor:
    try:
        card = read_card(SHARES_FROM)
        shares = [[row.get(name, 0.0) for name in config.option_set.names] for row in card.metrics["test"]["shares"]]
    except (CheckpointError, KeyError):
        return fallback
    fits = len(shares) == config.gated_blocks and set(card.config.option_set.names) <= set(config.option_set.names)
    return torch.tensor(shares) if fits else fallback
