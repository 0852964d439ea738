"""Policies: the paper's gate by its formula, constant decisions, and no memory but the one that is handed on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dfs_core.model.confidence import STRENGTH, ConfidencePolicy, doubt
from dfs_core.model.config import ModelConfig
from dfs_core.model.policy import ConstantPolicy, RecurrentPolicy
from dfs_core.model.utilities import FIRST_ROOT, OneShotPolicy, TablePolicy, UtilityPolicy, mean_and_spread


def features(channels: int, n: int = 3, size: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def gate() -> RecurrentPolicy:
    torch.manual_seed(0)
    return RecurrentPolicy(ModelConfig(depth=8, options="skip,4,full"))


@pytest.mark.parametrize("depth", [8, 14, 38])
def test_each_gated_block_has_an_embedding_of_its_inputs_channels(depth: int) -> None:
    n = (depth - 2) // 6
    channels = [layer.in_features for layer in RecurrentPolicy(ModelConfig(depth=depth)).embeddings]
    # The first gated block of a stage still sees the stage before it.
    assert channels == [16] * n + [32] * n + [64] * (n - 1)


def test_gates_start_open(gate: RecurrentPolicy) -> None:
    bias = gate.to_options.bias.detach()
    assert (bias.diff() > 0).all(), "the costlier an option, the likelier it is at first"


def test_a_step_is_pool_embedding_lstm_and_linear_layer(gate: RecurrentPolicy) -> None:
    x = features(16)
    state = (torch.randn(3, 10), torch.randn(3, 10))
    logits, (hidden, cell) = gate.step(0, gate.features(x), state)

    embedded = x.mean(dim=(2, 3)) @ gate.embeddings[0].weight.T + gate.embeddings[0].bias
    gates = embedded @ gate.lstm.weight_ih.T + gate.lstm.bias_ih + state[0] @ gate.lstm.weight_hh.T + gate.lstm.bias_hh
    let_in, forget, candidate, let_out = gates.split(10, dim=1)
    new_cell = forget.sigmoid() * state[1] + let_in.sigmoid() * candidate.tanh()
    new_hidden = let_out.sigmoid() * new_cell.tanh()
    torch.testing.assert_close(cell, new_cell)
    torch.testing.assert_close(hidden, new_hidden)
    torch.testing.assert_close(logits, new_hidden @ gate.to_options.weight.T + gate.to_options.bias)


def test_it_starts_from_zeros_and_hands_its_state_on(gate: RecurrentPolicy) -> None:
    first, second = features(16), features(32, size=4, seed=1)
    start = gate.start(first, torch.zeros(len(first)))
    assert [part.shape for part in start] == [(3, 10)] * 2
    assert not any(part.any() for part in start)
    logits, state = gate.step(0, gate.features(first), start)
    with_history, _ = gate.step(1, gate.features(second), state)
    without, _ = gate.step(1, gate.features(second), gate.start(second, torch.zeros(len(second))))
    assert not torch.allclose(with_history, without)
    assert torch.equal(gate.step(0, gate.features(first), gate.start(first, torch.zeros(len(first))))[0], logits), (
        "nothing stays behind in the policy"
    )


def test_images_do_not_see_each_other(gate: RecurrentPolicy) -> None:
    x = features(16, n=5)
    together, _ = gate.step(0, gate.features(x), gate.start(x, torch.zeros(len(x))))
    for index in range(5):
        alone, _ = gate.step(0, gate.features(x[index : index + 1]), gate.start(x[index : index + 1], torch.zeros(1)))
        torch.testing.assert_close(alone[0], together[index])


def test_the_gate_computes_in_float32_even_under_autocast(gate: RecurrentPolicy) -> None:
    x = features(16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        logits, state = gate.step(0, gate.features(x), gate.start(x, torch.zeros(len(x))))
    assert logits.dtype == state[0].dtype == torch.float32
    torch.testing.assert_close(logits, gate.step(0, gate.features(x.float()), gate.start(x, torch.zeros(len(x))))[0])


@pytest.mark.parametrize(
    ("constant", "decisions"), [(("4",), [1, 1]), (("skip", "full"), [0, 2])], ids=["uniform", "mixed"]
)
def test_a_constant_policy_gives_its_option_all_the_probability(
    constant: tuple[str, ...], decisions: list[int]
) -> None:
    policy = ConstantPolicy(ModelConfig(depth=8, options="skip,4,full", policy="constant", constant=constant))
    assert not list(policy.parameters())
    assert not policy.state_dict(), "its decisions stand in the configuration, not in the weights"
    x = features(16)
    for block, wanted in enumerate(decisions):
        assert policy.static_option(block) == wanted
        logits, _ = policy.step(block, policy.features(x), policy.start(x, torch.zeros(len(x))))
        assert torch.equal(logits.softmax(dim=1), torch.eye(3)[wanted].expand(3, -1))


@pytest.mark.parametrize("policy", [TablePolicy, OneShotPolicy, UtilityPolicy, ConfidencePolicy])
def test_utilities_tell_probabilities_in_the_unit_that_matters_at_a_price(policy: type[TablePolicy]) -> None:
    config = ModelConfig(depth=8, options="lowbit", policy="utility")
    costs = torch.tensor(config.option_set.costs)
    prices = torch.tensor([0.0, 2.0, 0.002])
    free, *units = policy(config).temperature(prices[:, None] * costs).squeeze(1).tolist()
    assert units == pytest.approx([2.0 * (2 / 32) ** 2, 0.002 * (2 / 32) ** 2]), (
        "from skip to 2 bits is the smallest step"
    )
    assert free > 0, "where compute is free, utilities are divided all the same"


def test_of_a_single_option_the_probability_is_one() -> None:
    policy = TablePolicy(ModelConfig(depth=8, options="8", policy="table"))
    toll = torch.tensor([[0.1], [0.0]])
    x = torch.zeros(2, 16, 8, 8)
    logits, _ = policy.step(0, policy.features(x), policy.start(x, torch.tensor([1.0, 0.0])))
    assert ((logits - toll) / policy.temperature(toll)).softmax(dim=1).tolist() == [[1.0], [1.0]]


def test_doubt_is_entropy_from_certain_to_even() -> None:
    logits = torch.tensor([[50.0, 0.0, 0.0, 0.0], [50.0, 50.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    torch.testing.assert_close(doubt(logits), torch.tensor([0.0, 0.5, 1.0]))


def test_an_image_that_the_classifier_doubts_of_gets_more_out_of_every_option() -> None:
    policy = ConfidencePolicy(ModelConfig(depth=8, options="lowbit", policy="confidence"))
    x, prices = features(16, n=64), torch.full((64,), 0.01)
    with torch.no_grad():
        policy.answers[0].weight *= 30  # it has learned to be sure of itself
    for turn in range(40):  # what doubt is usual
        policy.train().step(0, policy.features(features(16, n=64, seed=turn)), policy.start(x, prices))
    policy.eval()
    utilities, state = policy.step(0, policy.features(x), policy.start(x, prices))
    logits = policy.guess(state)
    assert policy.guess(policy.start(x, prices)) is None
    assert logits is not None
    assert logits.shape == (64, 10)
    by_doubt = doubt(logits).argsort()
    assert (utilities[by_doubt].diff(dim=0)[:, 2:] >= 0).all()
    assert len(set(utilities[:, 1].tolist())) == 1, "to run at all is worth the same to every image"
    assert utilities[by_doubt[-1], -1] > 1.05 * utilities[by_doubt[0], -1]
    table = TablePolicy(ModelConfig(depth=8, options="lowbit", policy="table"))
    usual = table.step(0, table.features(x), table.start(x, prices))[0][0]
    assert utilities[by_doubt[0], -1] < usual[-1] < utilities[by_doubt[-1], -1]
    alone, _ = policy.step(0, policy.features(x[:1]), policy.start(x[:1], prices[:1]))
    torch.testing.assert_close(alone[0], utilities[0])


def test_the_classifier_learns_from_its_answers_alone() -> None:
    policy = ConfidencePolicy(ModelConfig(depth=8, options="lowbit", policy="confidence"))
    x = features(16)
    utilities, state = policy.step(0, policy.features(x), policy.start(x, torch.full((len(x),), 0.01)))
    utilities.sum().backward(retain_graph=True)
    assert policy.coefficients.grad is not None
    assert policy.answers[0].weight.grad is None
    logits = policy.guess(state)
    assert logits is not None
    logits.logsumexp(dim=1).sum().backward()
    assert policy.answers[0].weight.grad is not None


@pytest.mark.parametrize("policy", [TablePolicy, OneShotPolicy, UtilityPolicy, ConfidencePolicy])
def test_utilities_are_float32_whatever_the_network_computes_in(policy: type[TablePolicy]) -> None:
    names = {TablePolicy: "table", OneShotPolicy: "one-shot", UtilityPolicy: "utility", ConfidencePolicy: "confidence"}
    gate = policy(ModelConfig(depth=8, options="skip,4,full", policy=names[policy])).eval()
    with torch.autocast("cpu", torch.bfloat16):
        utilities, _ = gate.step(0, gate.features(features(16)), gate.start(features(16), torch.full((3,), 0.1)))
    assert utilities.dtype == torch.float32


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_mean_and_spread_are_those_of_each_channel_and_a_dead_channel_has_a_gradient(
    memory_format: torch.memory_format,
) -> None:
    x = torch.randn(3, 4, 8, 8).relu().to(memory_format=memory_format)
    x[:, 2] = 0.0
    x.requires_grad_()
    found = mean_and_spread(x)
    spread, mean = torch.std_mean(x, dim=(2, 3))
    torch.testing.assert_close(found, torch.cat([mean, spread], dim=1))
    found.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_doubt_counts_by_its_deviation_from_the_usual_and_less_where_the_classifier_is_less_reliable() -> None:
    policy = ConfidencePolicy(ModelConfig(depth=8, options="lowbit", policy="confidence")).eval()
    x, prices = features(16, n=6), torch.full((6,), 0.01)
    for usual in (0.2, 0.9):
        policy.usual[0].running_mean.fill_(usual)
        policy.usual[0].running_var.fill_(0.01)
        utilities, state = policy.step(0, policy.features(x), policy.start(x, prices))
        unusual = (doubt(policy.guess(state)) - usual) / (0.01 + policy.usual[0].eps) ** 0.5
        factor = (2 * STRENGTH * (1 - usual) * unusual).exp()  # twice, as utilities are sums of squared roots
        steps = utilities.diff(dim=1)
        torch.testing.assert_close(steps[:, 1:], FIRST_ROOT**2 * factor[:, None].expand(-1, 4))
