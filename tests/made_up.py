"""Stored traces of six images, small enough for sums by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.answers.costs import of_traces
from dfs_core.checkpoints.traces import Traces
from dfs_core.evaluation.metrics import Looks
from dfs_core.model.config import ModelConfig

CONFIG = ModelConfig(depth=8, options="skip,8,full")  # blocks 2 and 3 are gated; options cost 0, 1/16 and 1


def traces(predictions=(0, 0, 1, 2, 2, 2), decisions=((0, 1), (0, 1), (0, 2), (0, 2), (1, 2), (2, 2))) -> Traces:
    """Six images of three classes; all but the second are predicted right unless told otherwise."""
    return Traces(
        checkpoint="made-up",
        weights_sha256="",
        budget=20.0,
        price=0.0,
        dataset="made-up",
        classes=("a", "b", "c"),
        options=CONFIG.option_set.names,
        labels=np.array([0, 1, 1, 2, 2, 2]),
        predictions=np.array(predictions),
        confidence=np.array([0.4, 0.97, 0.55, 0.91, 0.995, 1.0], np.float32),
        decisions=np.array(decisions, np.uint8),
    )


ALL = np.arange(6)
COSTS = of_traces(traces(), CONFIG)
CP = [3.125, 3.125, 50, 50, 53.125, 100]  # 100 * (cost of block 2 + cost of block 3) / 2

CASCADE = ModelConfig(
    depth=8,
    options="2,4,8",
    policy="cascade",
    passes=("2", "4", "8"),
    prices=((0.01, 8.0), (1.0, 0.5)),
    limits=((9.0, 9.0), (0.0, 0.0)),
)


def looked_at() -> Traces:
    """The six images in a cascade: 1, 1, 2, 2, 3 and 3 passes; the third is put right, the fifth is put wrong."""
    passes = np.array([1, 1, 2, 2, 3, 3], np.uint8)
    answers = np.array([[0, -1, -1], [0, -1, -1], [2, 1, -1], [2, 2, -1], [2, 1, 1], [0, 0, 0]])
    sure = np.array([[0.98, 0, 0], [0.97, 0, 0], [0.55, 0.9, 0], [0.6, 0.91, 0], [0.4, 0.5, 0.6], [0.3, 0.6, 0.9]])
    final = answers[np.arange(6), passes - 1]
    usual = traces(final, np.repeat(passes[:, None] - 1, 2, axis=1))
    looks = Looks(passes, answers, sure.astype(np.float32))
    return replace(usual, options=CASCADE.option_set.names, looks=looks)
