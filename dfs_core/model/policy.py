"""Policies decide which option each gated block takes. A policy keeps no state; the network carries its state along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dfs_core.model.cascade import CascadePolicy
from dfs_core.model.confidence import ConfidencePolicy
from dfs_core.model.config import ModelConfig
from dfs_core.model.pooling import nothing, pooled
from dfs_core.model.utilities import OneShotPolicy, TablePolicy, UtilityPolicy

Features = Callable[[Tensor], Tensor]
Memory = tuple[Tensor, Tensor]
OPEN_BIAS = 0.3


class Policy(Protocol):
    """The interface of a policy. The network decides: arg-max of the policy's logits - price x cost.

    In each method, x is the input of a block (N, C, H, W); ``state`` is what the policy carries from block to block;
    ``seen`` is what ``features`` has found in the block's input.

    Attributes:
        features: what the policy looks at: x -> (N, F) in float32; F is 0 for a policy that looks at nothing.
    """

    features: Features

    def static_option(self, block: int) -> int | None:
        """The option that every image takes in this gated block at any price; None if there is no such option."""

    def start(self, x: Tensor, prices: Tensor) -> Any:
        """The state before the first gated block. ``prices`` (N,) has one price for each image."""

    def step(self, block: int, seen: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits over options (N, K) for a gated block, counted from 0, and the state for the next block."""

    def temperature(self, charge: Tensor) -> float | Tensor:
        """Temperature of the softmax over logits - charge, where charge (N, K) is price x cost in nats."""


class RecurrentPolicy(nn.Module):
    """The paper's gate (method section 3): pooled input, one embedding per block, a shared LSTM, a linear layer."""

    features = staticmethod(pooled)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.gate_width
        self.embeddings = nn.ModuleList(nn.Linear(block.inputs, width) for block in config.layout.gated)
        self.lstm = nn.LSTMCell(width, width)
        self.to_options = nn.Linear(width, len(config.option_set))
        with torch.no_grad():
            # Gates start open, as in SkipNet: among equally good options, the first one in the lead keeps it.
            self.to_options.bias.copy_(OPEN_BIAS * torch.tensor(config.option_set.costs))

    def static_option(self, block: int) -> None:
        """None: the gate looks at each image."""

    def temperature(self, charge: Tensor) -> float:
        """1: the gate was trained with its softmax as probabilities."""
        return 1.0

    def start(self, x: Tensor, prices: Tensor) -> Memory:
        """The LSTM's hidden and cell state before the first gated block: zeros (N, width)."""
        zeros = torch.zeros(x.shape[0], self.lstm.hidden_size, device=x.device)
        return zeros, zeros

    def step(self, block: int, seen: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        """Logits over options (N, K) for one block, in float32 under autocast too."""
        with torch.autocast(seen.device.type, enabled=False):
            hidden, cell = self.lstm(self.embeddings[block](seen), state)
            return self.to_options(hidden), (hidden, cell)


class ConstantPolicy(nn.Module):
    """The same decision vector for every image: a plain network, one static bit width, or a static mix."""

    features = staticmethod(nothing)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.options = len(config.option_set)
        names = config.constant * config.gated_blocks if len(config.constant) == 1 else config.constant
        self.decisions = tuple(config.option_set.index(name) for name in names)

    def static_option(self, block: int) -> int:
        """The constant decision."""
        return self.decisions[block]

    def temperature(self, charge: Tensor) -> float:
        """1: the one possible option has probability 1 at any temperature."""
        return 1.0

    def start(self, x: Tensor, prices: Tensor) -> None:
        """No state."""

    def step(self, block: int, seen: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits over options (N, K): 0 for the constant decision, -inf elsewhere, so its probability is 1."""
        logits = torch.full((len(seen), self.options), -torch.inf, device=seen.device)
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
