"""Policies: who decides which option each gated block takes. A policy keeps no state; the network carries it along."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dfs_core.model.cascade import CascadePolicy
from dfs_core.model.confidence import ConfidencePolicy
from dfs_core.model.config import ModelConfig
from dfs_core.model.pooling import pooled
from dfs_core.model.utilities import OneShotPolicy, TablePolicy, UtilityPolicy

Memory = tuple[Tensor, Tensor]
OPEN_BIAS = 0.3


class Policy(Protocol):
    """What the network asks of a policy. The decision is arg-max of its logits - price x cost, taken by the network.

    In each method x is the input of a block (N, C, H, W); ``state`` is whatever the policy needs from step to step.
    """

    def static_option(self, block: int) -> int | None:
        """The option that every image takes in a gated block, whatever the price; None if there is no such option."""

    def start(self, x: Tensor, prices: Tensor) -> Any:
        """The state before the first gated block, for prices (N,), one for each image."""

    def step(self, block: int, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits over options (N, K) for a gated block, counted from 0, and the state for the next one."""

    def temperature(self, toll: Tensor) -> float | Tensor:
        """What logits - toll (N, K) are divided by before the softmax that tells how clear a decision is."""


class RecurrentPolicy(nn.Module):
    """The paper's gate (method section 3): pooled input, a linear embedding per block, one shared LSTM, options."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.gate_width
        self.embeddings = nn.ModuleList(nn.Linear(block.inputs, width) for block in config.layout.gated)
        self.lstm = nn.LSTMCell(width, width)
        self.to_options = nn.Linear(width, len(config.option_set))
        with torch.no_grad():
            # Gates start open, as SkipNet's do: where options are equally good, the first to lead stays in the lead.
            self.to_options.bias.copy_(OPEN_BIAS * torch.tensor(config.option_set.costs))

    def static_option(self, block: int) -> None:
        """None: the gate looks at each image."""

    def temperature(self, toll: Tensor) -> float:
        """1: the gate was trained to have its softmax taken as probabilities, whatever a price does to them."""
        return 1.0

    def start(self, x: Tensor, prices: Tensor) -> Memory:
        """The LSTM's state before the first gated block: zeros, twice (N, width)."""
        zeros = torch.zeros(x.shape[0], self.lstm.hidden_size, device=x.device)
        return zeros, zeros

    def step(self, block: int, x: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        """Logits over options (N, K) for one block, in float32 whatever the network computes in."""
        with torch.autocast(x.device.type, enabled=False):
            hidden, cell = self.lstm(self.embeddings[block](pooled(x)), state)
            return self.to_options(hidden), (hidden, cell)


class ConstantPolicy(nn.Module):
    """The same decisions for every image: a plain network, a static bit width, or a mixed one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.options = len(config.option_set)
        names = config.constant * config.gated_blocks if len(config.constant) == 1 else config.constant
        self.decisions = tuple(config.option_set.index(name) for name in names)

    def static_option(self, block: int) -> int:
        """The constant decision."""
        return self.decisions[block]

    def temperature(self, toll: Tensor) -> float:
        """1: of one option, at any temperature, the probability is the same."""
        return 1.0

    def start(self, x: Tensor, prices: Tensor) -> None:
        """Nothing to remember."""

    def step(self, block: int, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits over options (N, K): 0 for the constant decision and -inf elsewhere, so that it has probability 1."""
        logits = torch.full((x.shape[0], self.options), -torch.inf, device=x.device)
        logits[:, self.decisions[block]] = 0.0
        return logits, state


POLICIES: dict[str, type[RecurrentPolicy] | type[ConstantPolicy] | type[TablePolicy] | type[CascadePolicy]] = {
    "recurrent": RecurrentPolicy,
    "constant": ConstantPolicy,
    "utility": UtilityPolicy,
    "confidence": ConfidencePolicy,
    "one-shot": OneShotPolicy,
    "table": TablePolicy,
    "cascade": CascadePolicy,
}
