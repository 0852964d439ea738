"""The cascade: run the network cheaply, and run it again at a dearer option where the answer is in doubt.

A pass runs every gated block under one option. After each pass but the last, an image whose ``lead`` is below that
pass's limit is looked at again; stem and first block are computed once and kept. The limits follow from the price
(method section 12). The answer is that of an image's last pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NOT_RUN
from dfs_core.model.execute import gather
from dfs_core.model.pooling import nothing


class Passes(NamedTuple):
    """What each pass of a cascade of P passes did and said, image by image.

    Attributes:
        needed: how many passes each image needed, int64 (N,).
        decisions: option indices, (N, P, gated blocks); ``NOT_RUN`` in passes that an image did not need.
        answers: the most probable class after each pass, (N, P); ``NOT_RUN`` likewise.
        confidence: its probability (N, P); 0 likewise.
        leads: its lead over the second class in nats (N, P); 0 likewise.
        limits: the lead that stops after each pass but the last (N, P - 1).
    """

    needed: Tensor
    decisions: Tensor
    answers: Tensor
    confidence: Tensor
    leads: Tensor
    limits: Tensor


class CascadePolicy(nn.Module):
    """The policy that decides by whole passes, not block by block; the network asks it only which option each runs."""

    features = staticmethod(nothing)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.passes = [config.option_set.index(name) for name in config.passes]


def lead(logits: Tensor) -> Tensor:
    """By how many nats the most probable class leads the second: logits (N, classes) -> (N,).

    It is the logarithm of how many times as probable it is: a lead of 2.3 nats says ten times.
    """
    best = logits.float().topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def look_again(
    x: Tensor, decisions: Tensor, limits: Tensor, run: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Passes]:
    """Carry out the passes of a cascade, each on the images that need it and on no others.

    Args:
        x: input of the first gated block (N, C, H, W).
        decisions: what each pass would run (N, P, gated blocks).
        limits: (N, P - 1), nats.
        run: (x, decisions of one pass) -> logits.

    Returns:
        The logits (N, classes) of each image's last pass, and what every pass did.
    """
    count, passes = len(x), decisions.shape[1]
    made = torch.full_like(decisions, NOT_RUN)
    answers = torch.full((count, passes), NOT_RUN, device=x.device)
    confidence, leads = (torch.zeros(count, passes, device=x.device) for _ in range(2))
    needed = torch.ones(count, dtype=torch.int64, device=x.device)
    rows = torch.arange(count, device=x.device)
    logits = None
    for number in range(passes):
        found = run(x if len(rows) == count else gather(x, rows), decisions[rows, number])
        logits = found if logits is None else logits.index_copy(0, rows, found)
        best = found.softmax(dim=1).max(dim=1)
        made[rows, number] = decisions[rows, number]
        answers[rows, number], confidence[rows, number], leads[rows, number] = best.indices, best.values, lead(found)
        needed[rows] = number + 1
        if number + 1 < passes:
            rows = rows[leads[rows, number] < limits[rows, number]]
            if not len(rows):
                break
    assert logits is not None
    return logits, Passes(needed, made, answers, confidence, leads, limits)
