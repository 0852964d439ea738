"""The network: before each gated block a policy decides, image by image, what that block does."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from dfs_core.errors import UserError
from dfs_core.model.cascade import CascadePolicy, Passes, look_again
from dfs_core.model.config import ModelConfig
from dfs_core.model.execute import (
    TRIED,
    Execution,
    check_execution,
    run_chosen,
    run_dense,
    run_two_branch,
    run_uniform,
    straight_through,
)
from dfs_core.model.policy import POLICIES
from dfs_core.model.resnet import ResidualBlock, ResNetBody

POLICY_DECIDES = -1


class DFSOutput(NamedTuple):
    """What a forward pass returns.

    Attributes:
        logits: (N, classes), float32.
        decisions: (N, gated blocks), int64 indices into the option set.
        probabilities: (N, gated blocks, options), the softmax of the policy's logits less the price of each option's
            cost. Where a decision was forced, these are still the policy's own.
        passes: of a cascade, what each pass did; the fields above are then those of each image's last pass.
    """

    logits: Tensor
    decisions: Tensor
    probabilities: Tensor
    passes: Passes | None = None


class DFSNet(nn.Module):
    """A residual network whose gated blocks execute, image by image, the option that its policy chooses.

    Nothing is kept on the module between calls, so threads can share one. One image gives what it gives in a batch.
    """

    costs: Tensor  # of each option, relative to a block in full (K,)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.body = ResNetBody(config)
        self.policy = POLICIES[config.policy](config)
        self.register_buffer("costs", torch.tensor(config.option_set.costs), persistent=False)
        # One fixed layout means one kernel, whatever the size of a group of images. channels_last is faster on CPU and
        # GPU; a min-max network runs as the reference does, as the last digits of its kernels decide ties in rounding.
        reproduction = config.quantiser == "minmax"
        self.memory_format = torch.contiguous_format if reproduction else torch.channels_last
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload] # documented, but not in its overloads

    def forward(
        self,
        images: Tensor,
        budget: float | None = None,
        forced: Tensor | None = None,
        execution: Execution = "grouped",
        price: float | Tensor | None = None,
        tried: float = TRIED,
    ) -> DFSOutput:
        """Classify normalised images.

        Args:
            images: (N, 3, S, S), float, normalised; S is the configuration's ``image_size``.
            budget: percent of cp; refused unless the model was trained for it or serves every budget.
            forced: decisions to impose, (N, gated blocks) option indices, with -1 where the policy is to decide.
            execution: ``grouped`` or ``dense``; in evaluation mode the same result, at different speed.
            price: of a block in full, in the unit of the policy's logits; a number, or one for each image (N,). The
                decision is arg-max of logits - price x cost.
            tried: in ``grouped`` training, the share of blocks in which the gate's gradient is measured.

        Raises:
            UserError: a budget the model does not have, a budget and a price, forced decisions of a wrong shape or
                range, unknown execution.
        """
        check_execution(execution)
        prices = self._prices(images, budget, price)
        if forced is not None:
            forced = self._check_forced(forced, images)
        x = self.enter(images)
        if isinstance(self.policy, CascadePolicy):
            return self._look_again(self.policy, x, prices, forced, execution)
        state: Any = self.policy.start(x, prices)  # only the policy knows what is in it
        toll = prices[:, None] * self.costs
        decisions, probabilities = [], []
        for index, block in enumerate(self.body.gated()):
            logits, state = self.policy.step(index, x, state)
            scores = logits - toll
            probability = (scores / self.policy.temperature(toll)).softmax(dim=1)
            decision = scores.argmax(dim=1)
            if forced is not None:
                decision = torch.where(forced[:, index] == POLICY_DECIDES, decision, forced[:, index])
            if forced is None and (option := self.policy.static_option(index)) is not None:
                x = run_uniform(block, x, option)
            else:
                x = self._run(block, x, decision, probability, execution, tried)
            decisions.append(decision)
            probabilities.append(probability)
        return DFSOutput(self.body.head(x), torch.stack(decisions, dim=1), torch.stack(probabilities, dim=1))

    def execute(self, images: Tensor, decisions: Tensor, execution: Execution = "grouped") -> Tensor:
        """Logits (N, classes) under given decisions (N, gated blocks), which nobody checks; the policy is not asked."""
        return self.finish(self.enter(images), decisions, execution)

    def finish(self, x: Tensor, decisions: Tensor, execution: Execution = "grouped") -> Tensor:
        """The logits that follow from the first gated block's input x (N, C, H, W); the rest as for ``execute``."""
        for index, block in enumerate(self.body.gated()):
            x = run_chosen(block, x, decisions[:, index], execution)
        return self.body.head(x)

    def uniform(self, x: Tensor, option: int) -> Tensor:
        """The logits from the first gated block's input x (N, C, H, W), every gated block under one option."""
        for block in self.body.gated():
            x = run_uniform(block, x, option)
        return self.body.head(x)

    def _look_again(
        self, policy: CascadePolicy, x: Tensor, prices: Tensor, forced: Tensor | None, execution: Execution
    ) -> DFSOutput:
        """The forward pass of a cascade; forced decisions are imposed on every pass."""
        blocks = self.config.gated_blocks
        planned = torch.tensor(policy.passes, device=x.device)[None, :, None].repeat(len(x), 1, blocks)
        if forced is not None:
            planned = torch.where(forced[:, None] == POLICY_DECIDES, planned, forced[:, None])
        known = {price: self.config.limits_for(price) for price in set(prices.tolist())}
        limits = torch.tensor([known[price] for price in prices.tolist()], device=x.device).view(len(x), -1)
        logits, passes = look_again(x, planned, limits, lambda part, chosen: self.finish(part, chosen, execution))
        decisions = planned[torch.arange(len(x), device=x.device), passes.needed - 1]
        probabilities = torch.nn.functional.one_hot(decisions, len(self.costs)).float()
        return DFSOutput(logits, decisions, probabilities, passes)

    def enter(self, images: Tensor) -> Tensor:
        """Stem and first block, which run for every image: (N, 3, S, S) -> the input of the first gated block."""
        x = self.body.stem(images.contiguous(memory_format=self.memory_format))
        return run_uniform(cast(ResidualBlock, self.body.blocks[0]), x, 0)

    def _prices(self, images: Tensor, budget: float | None, price: float | Tensor | None) -> Tensor:
        """The price for each image, float32 (N,)."""
        if isinstance(price, Tensor) and price.ndim:
            if budget is not None or price.shape != images.shape[:1]:
                raise UserError(f"prices are one for each of {len(images)} images, and take the place of a budget")
            return price.to(images.device, torch.float32)
        _, one = self.config.operating_point(budget, None if price is None else float(price))
        return torch.full(images.shape[:1], one, device=images.device)

    def _run(
        self, block: ResidualBlock, x: Tensor, decision: Tensor, probability: Tensor, execution: Execution, tried: float
    ) -> Tensor:
        if probability.requires_grad and len(block.options) > 1:
            if execution == "dense":
                return run_dense(block, x, straight_through(probability, decision))
            return run_two_branch(block, x, decision, probability, tried)
        return run_chosen(block, x, decision, execution)

    def _check_forced(self, forced: Tensor, images: Tensor) -> Tensor:
        shape = (images.shape[0], self.config.gated_blocks)
        if forced.shape != shape:
            raise UserError(
                f"forced decisions must have shape {shape}, images x gated blocks, not {tuple(forced.shape)}"
            )
        forced = forced.to(images.device, torch.int64)
        if forced.numel() and not POLICY_DECIDES <= int(forced.min()) <= int(forced.max()) < len(
            self.config.option_set
        ):
            raise UserError(f"forced decisions are option indices from 0 to {len(self.config.option_set) - 1}, or -1")
        return forced

    def trainable_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of the network's body, and those of its policy."""
        return list(self.body.parameters()), list(self.policy.parameters())


@torch.no_grad()
def calibrate(model: DFSNet, images: Tensor, only: Collection[str] | None = None) -> None:
    """Set quantisers from what their convolutions see while all blocks run under the costliest option, mostly ``full``.

    Args:
        model: the network.
        images: a sample, normalised (N, 3, S, S).
        only: names of the quantisers to set, such as ``body.blocks.3.conv1.quantisers.4``; all of them by default.
    """
    was_training = model.training
    model.eval()
    handles = []
    for name, module in model.named_modules():
        for option, quantiser in getattr(module, "quantisers", {}).items():
            if only is not None and f"{name}.quantisers.{option}" not in only:
                continue
            handles.append(
                module.register_forward_pre_hook(lambda conv, args, q=quantiser: q.calibrate(args[0], conv.weight))
            )
    costliest = len(model.config.option_set) - 1
    model.execute(images, torch.full((len(images), model.config.gated_blocks), costliest, device=images.device))
    for handle in handles:
        handle.remove()
    model.train(was_training)
