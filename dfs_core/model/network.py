"""The network: before each gated block, a policy chooses an option for each image."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from dfs_core.errors import UserError
from dfs_core.model.cascade import CascadePolicy, Passes, look_again
from dfs_core.model.config import ModelConfig
from dfs_core.model.execute import (
    POLICY_DECIDES,
    TRIED,
    Body,
    Execution,
    Modules,
    WholeBody,
    run_dense,
    run_two_branch,
    straight_through,
)
from dfs_core.model.options import Option
from dfs_core.model.policy import POLICIES, Features, Policy
from dfs_core.model.pooling import nothing
from dfs_core.model.resnet import ResNetBody
from dfs_core.model.utilities import OneShotPolicy


class DFSOutput(NamedTuple):
    """The result of a forward pass.

    Attributes:
        logits: (N, classes), float32.
        decisions: (N, gated blocks), int64 indices into the option set.
        probabilities: (N, gated blocks, options), the softmax of (policy logits - price x cost) / temperature. They are
            the policy's own even where a decision was forced.
        passes: what each pass of a cascade did; the other fields are then those of each image's last pass.
    """

    logits: Tensor
    decisions: Tensor
    probabilities: Tensor
    passes: Passes | None = None


class DFSNet(nn.Module):
    """A residual network whose gated blocks execute the option that its policy chooses for each image.

    The module keeps nothing between calls, so threads can share one. An image gives the same result alone and in a
    batch, up to rounding.
    """

    costs: Tensor  # cost of each option relative to a block in full, (K,)
    charges: Tensor  # what training charges for each option of each gated block (blocks, K): these costs, or times

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.body = ResNetBody(config)
        self.policy = POLICIES[config.policy](config)
        self.register_buffer("costs", torch.tensor(config.option_set.costs), persistent=False)
        self.register_buffer("charges", self.costs.repeat(config.gated_blocks, 1), persistent=False)
        # A fixed memory format gives the same kernel for groups of any size. channels_last is the faster one on CPU and
        # GPU. A min-max network keeps the reference's format: the last digits of its kernels decide ties in rounding.
        reproduction = config.quantiser == "minmax"
        self.memory_format = torch.contiguous_format if reproduction else torch.channels_last
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload] # documented, but not in its overloads

    def forward(
        self,
        images: Tensor,
        budget: float | None = None,
        forced: Tensor | None = None,
        execution: Execution | Body | WholeBody = "grouped",
        price: float | Tensor | None = None,
        tried: float = TRIED,
    ) -> DFSOutput:
        """Classify normalised images.

        Args:
            images: (N, 3, S, S), float, normalised; S is the configuration's ``image_size``.
            budget: cp in percent. The model must have been trained for it or serve every budget.
            forced: decisions to impose, (N, gated blocks) option indices; -1 lets the policy decide.
            execution: ``grouped`` or ``dense``, or this network's ``Engine``. In evaluation mode the first two give the
                same result; the engine's differs from it by rounding (method section 13).
            price: price of a block in full, in the unit of the policy's logits: one number, or one for each image (N,).
                The decision is arg-max of logits - price x cost.
            tried: the share of blocks in which ``grouped`` training measures the gate's gradient.

        Raises:
            UserError: the model cannot serve this budget, both budget and price are given, forced decisions have a
                wrong shape or range, or the execution is unknown.
        """
        body = self.executed_by(execution)
        prices = self._prices(images, budget, price)
        if forced is not None:
            forced = self._check_forced(forced, images)
        if isinstance(self.policy, CascadePolicy):
            return self._look_again(self.policy, body.enter(images), prices, forced, body)
        if isinstance(body, WholeBody):
            return DFSOutput(*body.walk(images, prices, forced))
        x: Any = body.enter(images)
        state: Any = self.start(x, prices)  # its type is the policy's own affair
        charge = prices[:, None] * self.costs
        temperature = self.policy.temperature(charge)
        certain = torch.eye(len(self.costs), device=images.device)
        learns = len(self.costs) > 1 and any(parameter.requires_grad for parameter in self.policy.parameters())
        decisions, probabilities = [], []
        for index in range(self.config.gated_blocks):
            if forced is None and (option := self.policy.static_option(index)) is not None:
                x = body.uniform(index, x, option)
                decisions.append(torch.full((len(images),), option, device=images.device))
                probabilities.append(certain[option].expand(len(images), -1))
                continue
            logits, state = body.step(self.policy, index, body.see(self.features(index), x), state)
            scores = logits - charge
            probability = (scores / temperature).softmax(dim=1)
            decision = scores.argmax(dim=1)
            if forced is not None:
                decision = torch.where(forced[:, index] == POLICY_DECIDES, decision, forced[:, index])
            if learns and probability.requires_grad:  # a frozen gate passes no gradient on to the body that it sees
                x = self._train_gate(index, x, decision, probability, execution, tried)
            else:
                x = body.run(index, x, decision)
            decisions.append(decision)
            probabilities.append(probability)
        return DFSOutput(body.head(x), torch.stack(decisions, dim=1), torch.stack(probabilities, dim=1))

    def features(self, index: int) -> Features:
        """What the policy looks at before a gated block, counted from 0: (N, C, H, W) -> (N, F).

        Where what is not gated computes at few bits, the policy sees the input as the block's first convolution rounds
        it to them.
        """
        ungated, look = Option(self.config.ungated), self.policy.features
        if not ungated.is_quantised or look is nothing:
            return look
        return lambda x: look(self.body.gated()[index].rounded(x, ungated))

    def start(self, x: Tensor, prices: Tensor) -> Any:
        """The policy's state before the first gated block, from its input x (N, C, H, W)."""
        ungated, policy = Option(self.config.ungated), cast(Policy, self.policy)
        sees = isinstance(self.policy, OneShotPolicy) and ungated.is_quantised
        return policy.start(self.body.gated()[0].rounded(x, ungated) if sees else x, prices)

    def executed_by(self, execution: Execution | Body | WholeBody = "grouped") -> Body | WholeBody:
        """What carries out decisions under an execution."""
        return Modules(self.body, self.memory_format, execution) if isinstance(execution, str) else execution

    def enter(self, images: Tensor) -> Tensor:
        """Run the stem and the first block: images (N, 3, S, S) -> input of the first gated block (N, C, H, W)."""
        return self.executed_by().enter(images)

    def execute(self, images: Tensor, decisions: Tensor, execution: Execution | Body | WholeBody = "grouped") -> Tensor:
        """Logits (N, classes) under given decisions (N, gated blocks), without the policy. Does not check decisions."""
        body = self.executed_by(execution)
        return finish(body, body.enter(images), decisions)

    def uniform(self, x: Tensor, option: int) -> Tensor:
        """The logits from the first gated block's input x (N, C, H, W), every gated block under one option."""
        body = Modules(self.body, self.memory_format, "grouped")
        for index in range(self.config.gated_blocks):
            x = body.uniform(index, x, option)
        return body.head(x)

    def _look_again(
        self, policy: CascadePolicy, x: Tensor, prices: Tensor, forced: Tensor | None, body: Body | WholeBody
    ) -> DFSOutput:
        """The forward pass of a cascade; forced decisions are imposed on every pass."""
        blocks = self.config.gated_blocks
        planned = torch.tensor(policy.passes, device=x.device)[None, :, None].repeat(len(x), 1, blocks)
        if forced is not None:
            planned = torch.where(forced[:, None] == POLICY_DECIDES, planned, forced[:, None])
        known = {price: self.config.limits_for(price) for price in set(prices.tolist())}
        limits = torch.tensor([known[price] for price in prices.tolist()], device=x.device).view(len(x), -1)
        logits, passes = look_again(x, planned, limits, lambda part, chosen: finish(body, part, chosen))
        decisions = planned[torch.arange(len(x), device=x.device), passes.needed - 1]
        probabilities = torch.nn.functional.one_hot(decisions, len(self.costs)).float()
        return DFSOutput(logits, decisions, probabilities, passes)

    def _prices(self, images: Tensor, budget: float | None, price: float | Tensor | None) -> Tensor:
        """The price for each image, float32 (N,)."""
        if isinstance(price, Tensor) and price.ndim:
            if budget is not None or price.shape != images.shape[:1]:
                raise UserError(f"give one price for each of the {len(images)} images, and no budget with them")
            return price.to(images.device, torch.float32)
        _, one = self.config.operating_point(budget, None if price is None else float(price))
        return torch.full(images.shape[:1], one, device=images.device)

    def _train_gate(
        self,
        index: int,
        x: Tensor,
        decision: Tensor,
        probability: Tensor,
        execution: Execution | Body | WholeBody,
        tried: float,
    ) -> Tensor:
        """Run a block so that the gate's probabilities get a gradient."""
        block = self.body.gated()[index]
        if execution == "dense":
            return run_dense(block, x, straight_through(probability, decision))
        return run_two_branch(block, x, decision, probability, tried)

    def _check_forced(self, forced: Tensor, images: Tensor) -> Tensor:
        shape = (images.shape[0], self.config.gated_blocks)
        if forced.shape != shape:
            raise UserError(
                f"forced decisions must have shape {shape} (images x gated blocks), not {tuple(forced.shape)}"
            )
        forced = forced.to(images.device, torch.int64)
        if forced.numel() and not POLICY_DECIDES <= int(forced.min()) <= int(forced.max()) < len(
            self.config.option_set
        ):
            raise UserError(f"forced decisions are option indices from 0 to {len(self.config.option_set) - 1}, or -1")
        return forced


def finish(body: Body | WholeBody, x: Any, decisions: Tensor) -> Tensor:
    """Carry out decisions (N, gated blocks) from the input x of the first gated block on: logits (N, classes)."""
    if isinstance(body, WholeBody):
        return body.finish(x, decisions)
    for index in range(decisions.shape[1]):
        x = body.run(index, x, decisions[:, index])
    return body.head(x)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within; afterwards, also after an error, the mode of before."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@torch.no_grad()
def calibrate(model: DFSNet, images: Tensor, only: Collection[str] | None = None) -> None:
    """Set quantisers from the inputs of their convolutions while all blocks run under the costliest option.

    Args:
        model: the network.
        images: a normalised sample (N, 3, S, S).
        only: names of the quantisers to set, such as ``body.blocks.3.conv1.quantisers.4``; by default all.
    """
    handles = []
    for name, module in model.named_modules():
        for option, quantiser in getattr(module, "quantisers", {}).items():
            if only is not None and f"{name}.quantisers.{option}" not in only:
                continue
            handles.append(
                module.register_forward_pre_hook(lambda conv, args, q=quantiser: q.calibrate(args[0], conv.weight))
            )
    costliest = len(model.config.option_set) - 1
    decisions = torch.full((len(images), model.config.gated_blocks), costliest, device=images.device)
    try:
        with evaluating(model):
            model.execute(images, decisions)
    finally:
        for handle in handles:
            handle.remove()
