"""The network: decisions per image, the same answer however it is run, and nothing kept between calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from nets import inputs, random_decisions, settled_network
from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.execute import Execution
from dfs_core.model.network import DFSNet, DFSOutput, calibrate

KINDS = {
    "lsq": ModelConfig(depth=14, options="paper-small", budget=20.0),
    "lsq, shared batch norm": ModelConfig(depth=14, options="skip,2,full", batch_norm="shared"),
    "minmax": ModelConfig(depth=14, options="paper-small", quantiser="minmax", batch_norm="shared"),
    "minmax, batch norm per option": ModelConfig(depth=14, options="skip,4,full", quantiser="minmax"),
}
IMAGES = inputs(16, seed=5)


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> DFSNet:
    return settled_network(KINDS[request.param])


@pytest.fixture(scope="module")
def lsq() -> DFSNet:
    return settled_network(KINDS["lsq"])


@torch.no_grad()
def look(model: DFSNet, images: Tensor = IMAGES, **how: object) -> DFSOutput:
    return model(images, **how)


def assert_same(found: DFSOutput, wanted: DFSOutput, tolerance: float = 1e-5) -> None:
    assert torch.equal(found.decisions, wanted.decisions)
    torch.testing.assert_close(found.logits, wanted.logits, rtol=0, atol=tolerance)
    torch.testing.assert_close(found.probabilities, wanted.probabilities, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("depth", "classes", "options"), [(8, 10, "paper"), (14, 100, "skipnet"), (20, 2, "skip,3,full")]
)
def test_shapes_and_types(depth: int, classes: int, options: str) -> None:
    config = ModelConfig(depth=depth, classes=classes, options=options)
    found = look(DFSNet(config).eval(), IMAGES[:3])
    choices = len(config.option_set)
    assert (found.logits.shape, found.logits.dtype) == ((3, classes), torch.float32)
    assert (found.decisions.shape, found.decisions.dtype) == ((3, config.gated_blocks), torch.int64)
    assert found.probabilities.shape == (3, config.gated_blocks, choices)
    torch.testing.assert_close(found.probabilities.sum(dim=2), torch.ones(3, config.gated_blocks))


def test_logits_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = look(DFSNet(ModelConfig(depth=8)).eval(), IMAGES[:2])
    assert found.logits.dtype == found.probabilities.dtype == torch.float32


def test_decisions_are_the_likeliest_options_and_differ_between_images_and_blocks(model: DFSNet) -> None:
    found = look(model)
    assert torch.equal(found.decisions, found.probabilities.argmax(dim=2))
    assert len(found.decisions.unique(dim=0)) > 3
    assert len(found.decisions.unique(dim=1)[0]) > 2


def test_one_image_gives_what_it_gives_in_a_batch(model: DFSNet) -> None:
    alone = [look(model, image[None]) for image in IMAGES]
    assert_same(DFSOutput(*(torch.cat(part) for part in zip(*(one[:3] for one in alone), strict=True))), look(model))


def test_grouped_equals_dense_on_the_policys_own_decisions(model: DFSNet) -> None:
    assert_same(look(model, execution="dense"), look(model, execution="grouped"), tolerance=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_grouped_equals_dense_on_random_decisions(model: DFSNet, seed: int) -> None:
    forced = random_decisions(model.config, len(IMAGES), seed)
    dense = look(model, forced=forced, execution="dense")
    assert torch.equal(dense.decisions, forced)
    assert_same(dense, look(model, forced=forced), tolerance=1e-4)


@pytest.mark.parametrize("execution", ["grouped", "dense"])
def test_to_execute_decisions_is_to_force_them(model: DFSNet, execution: Execution) -> None:
    forced = random_decisions(model.config, len(IMAGES))
    with torch.no_grad():
        found = model.execute(IMAGES, forced, execution)
    assert torch.equal(found, look(model, forced=forced, execution=execution).logits)


def test_forced_decisions_hold_per_image(model: DFSNet) -> None:
    forced = random_decisions(model.config, len(IMAGES))
    together = look(model, forced=forced)
    assert torch.equal(together.decisions, forced)
    for index in (0, 7, 15):
        everywhere = look(model, forced=forced[index].expand(len(IMAGES), -1))
        torch.testing.assert_close(together.logits[index], everywhere.logits[index], rtol=0, atol=1e-5)
    other = forced.clone()
    other[3] = (other[3] + 1) % len(model.config.option_set)
    changed = (look(model, forced=other).logits - together.logits).abs().amax(dim=1) > 1e-5
    assert changed.nonzero().flatten().tolist() == [3]


def test_minus_one_leaves_the_decision_to_the_policy(lsq: DFSNet) -> None:
    free = look(lsq)
    assert_same(look(lsq, forced=torch.full_like(free.decisions, -1)), free, tolerance=0)
    forced = torch.full_like(free.decisions, -1)
    forced[4:8, 2] = (free.decisions[4:8, 2] + 1) % 4
    found = look(lsq, forced=forced)
    assert torch.equal(found.decisions[4:8, 2], forced[4:8, 2])
    assert torch.equal(found.decisions[:, :2], free.decisions[:, :2])
    assert torch.equal(found.decisions[:4], free.decisions[:4])
    # What the policy thinks of the forced block is still told, and it decides the later ones on what it then sees.
    torch.testing.assert_close(found.probabilities[:, :3], free.probabilities[:, :3])
    assert torch.equal(found.decisions[4:8, 3:], found.probabilities[4:8, 3:].argmax(dim=2))
    assert not torch.equal(found.probabilities[4:8, 3:], free.probabilities[4:8, 3:])


@pytest.mark.parametrize(
    ("forced", "reason"),
    [
        (torch.zeros(16, 4), r"shape \(16, 5\) \(images x gated blocks\), not \(16, 4\)"),
        (torch.zeros(1, 5), r"shape \(16, 5\)"),
        (torch.zeros(5), r"shape \(16, 5\)"),
        (torch.full((16, 5), 4), "from 0 to 3, or -1"),
        (torch.full((16, 5), -2), "from 0 to 3, or -1"),
    ],
)
def test_forced_decisions_that_do_not_fit_are_refused(lsq: DFSNet, forced: Tensor, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        look(lsq, forced=forced)


def test_only_the_trained_budget_is_taken(lsq: DFSNet) -> None:
    assert_same(look(lsq, budget=20.0), look(lsq), tolerance=0)
    with pytest.raises(UserError, match="trained for a budget of 20 %, not 25 %"):
        look(lsq, budget=25.0)


def test_an_unknown_execution_is_refused(lsq: DFSNet) -> None:
    with pytest.raises(UserError, match="'sparse' is unknown: use grouped or dense"):
        look(lsq, execution="sparse")


def test_a_price_is_taken_off_what_each_option_is_worth(lsq: DFSNet) -> None:
    free, costs = look(lsq).probabilities[:, 0].log(), torch.tensor(lsq.config.option_set.costs)
    for price in (0.7, -0.7):
        # Before the first gated block all images are as they were: its logits are the same at any price.
        found = look(lsq, price=price).probabilities[:, 0]
        torch.testing.assert_close(found, (free - price * costs).softmax(dim=1))
    prices = torch.linspace(-2.0, 2.0, len(IMAGES))
    found = look(lsq, price=prices).probabilities[:, 0]
    torch.testing.assert_close(found, (free - prices[:, None] * costs).softmax(dim=1))


def test_compute_that_is_dear_is_not_bought_and_what_is_paid_for_is(lsq: DFSNet) -> None:
    assert (look(lsq, price=1e4).decisions == 0).all(), "everything is skipped"
    assert (look(lsq, price=-1e4).decisions == len(lsq.config.option_set) - 1).all(), "everything runs in full"


def test_nothing_is_kept_between_calls(model: DFSNet) -> None:
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first = look(model)
    look(model, inputs(5, seed=8))
    assert_same(look(model), first, tolerance=0)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_eight_threads_share_a_model(model: DFSNet) -> None:
    batches = [inputs(1 + index % 4, seed=20 + index) for index in range(8)]
    alone = [look(model, batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for found, wanted in zip(pool.map(lambda batch: look(model, batch), batches), alone, strict=True):
                assert_same(found, wanted)


@pytest.mark.parametrize("constant", [("8",), ("skip", "full", "8", "skip", "16")], ids=["uniform", "mixed"])
def test_a_constant_policy_decides_the_same_for_every_image(constant: tuple[str, ...]) -> None:
    config = ModelConfig(depth=14, options="paper-small", policy="constant", constant=constant)
    network = settled_network(config)
    found = look(network)
    names = constant * 5 if len(constant) == 1 else constant
    wanted = torch.tensor([config.option_set.index(name) for name in names]).expand(16, -1)
    assert torch.equal(found.decisions, wanted)
    assert torch.equal(found.logits, network.execute(IMAGES, wanted))
    assert torch.equal(found.probabilities, torch.nn.functional.one_hot(wanted, 4).float())


def test_parameters_are_those_of_the_body_and_those_of_the_policy(lsq: DFSNet) -> None:
    body, policy = list(lsq.body.parameters()), list(lsq.policy.parameters())
    assert {id(p) for p in body} | {id(p) for p in policy} == {id(p) for p in lsq.parameters()}
    assert {id(p) for p in policy} == {id(p) for p in lsq.policy.parameters()}
    assert not {id(p) for p in body} & {id(p) for p in policy}
    assert list(DFSNet(backbone_config(8)).policy.parameters()) == []


@pytest.mark.parametrize("quantiser", ["lsq", "minmax"])
def test_calibration_brings_low_bits_closer_to_full(quantiser: str) -> None:
    torch.manual_seed(0)
    model = DFSNet(ModelConfig(depth=14, options="skip,4,full", quantiser=quantiser)).train()

    def error() -> float:
        four, full = (look(model.eval(), forced=torch.full((16, 5), k)).logits for k in (1, 2))
        return float((four - full).square().mean())

    before = error()
    calibrate(model.train(), IMAGES)
    assert model.training, "the mode that it had comes back"
    assert error() < 0.8 * before
    assert not any(module._forward_pre_hooks for module in model.modules())
