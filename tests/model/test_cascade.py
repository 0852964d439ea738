"""The cascade: the same answers however it is run, every pass paid for, and nothing run in vain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from nets import inputs, settled_network

from dfs_core.errors import UserError
from dfs_core.model.cascade import lead
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NOT_RUN, cost_models, every_pass
from dfs_core.model.network import DFSNet, DFSOutput
from dfs_core.model.resnet import ResidualBlock

CONFIG = ModelConfig(
    depth=14,
    options="2,4,8",
    policy="cascade",
    passes=("2", "4", "8"),
    ungated=8,
    prices=((0.01, 8.0), (0.1, 4.0), (1.0, 0.5)),
    limits=((9.0, 9.0), (0.3, 0.4), (0.0, 0.0)),
)
IMAGES = inputs(16, seed=5)


@pytest.fixture(scope="module")
def model() -> DFSNet:
    return settled_network(CONFIG)


@torch.no_grad()
def look(model: DFSNet, images: torch.Tensor = IMAGES, **how: object) -> DFSOutput:
    return model(images, **how)


def middling(model: DFSNet) -> DFSNet:
    """The network with limits that a third of the images miss at each pass."""
    leads = look(model, price=0.01).passes.leads
    row = (float(leads[:, 0].quantile(0.58)), float(leads[:, 1].quantile(0.38)))
    model.config = replace(CONFIG, limits=((9.0, 9.0), row, (0.0, 0.0)))
    return model


def test_images_end_at_different_passes_and_the_answer_is_the_last_ones(model: DFSNet) -> None:
    found = look(middling(model), price=0.1)
    needed = found.passes.needed
    assert set(needed.tolist()) == {1, 2, 3}
    for image, count in enumerate(needed.tolist()):
        assert found.passes.answers[image, count - 1] == found.logits[image].argmax()
        assert (found.passes.answers[image, count:] == NOT_RUN).all()
        assert (found.decisions[image] == CONFIG.option_set.index(CONFIG.passes[count - 1])).all()
        assert (found.passes.leads[image, : count - 1] < found.passes.limits[image, : count - 1]).all()
        if count < 3:
            assert found.passes.leads[image, count - 1] >= found.passes.limits[image, count - 1]


def test_grouped_dense_and_one_by_one_agree(model: DFSNet) -> None:
    whole = look(middling(model), price=0.1)
    dense = look(model, price=0.1, execution="dense")
    alone = [look(model, image[None], price=0.1) for image in IMAGES]
    for other in (dense, DFSOutput(*(torch.cat(part) for part in zip(*(one[:3] for one in alone), strict=True)))):
        assert torch.equal(whole.decisions, other.decisions)
        torch.testing.assert_close(whole.logits, other.logits, rtol=0, atol=1e-4)


def test_a_later_pass_runs_on_the_images_that_need_it_alone(model: DFSNet) -> None:
    sizes = []
    block = middling(model).body.gated()[0]
    assert isinstance(block, ResidualBlock)
    handle = block.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    first = model.body.blocks[0].register_forward_pre_hook(lambda _, args: sizes.append(-len(args[0])))
    found = look(model, price=0.1)
    handle.remove()
    first.remove()
    needed = found.passes.needed
    assert sizes == [-16, 16, int((needed > 1).sum()), int((needed > 2).sum())]  # the first block but once


def test_where_compute_is_dear_nothing_is_looked_at_again(model: DFSNet) -> None:
    assert (look(model, price=1.0).passes.needed == 1).all()
    assert (look(model, price=0.01).passes.needed == 3).all()


def test_each_image_can_have_its_own_price(model: DFSNet) -> None:
    prices = torch.tensor([0.01, 1.0] * 8)
    found = look(middling(model), price=prices)
    assert found.passes.needed.tolist() == [3, 1] * 8


def test_forced_decisions_are_imposed_on_every_pass(model: DFSNet) -> None:
    forced = torch.full((16, CONFIG.gated_blocks), -1)
    forced[:, 2] = 2
    found = look(model, price=0.01, forced=forced)
    assert (found.passes.decisions[:, :, 2] == 2).all()
    assert (found.passes.decisions[:, 0, 1] == 0).all()


def test_every_pass_is_paid_for_in_every_measure(model: DFSNet) -> None:
    found = look(middling(model), price=0.1)
    made = found.passes.decisions.numpy()
    rebuilt = every_pass(CONFIG, found.decisions.numpy(), found.passes.needed.numpy())
    assert np.array_equal(made, rebuilt)
    for cost in cost_models(CONFIG).values():
        single = np.cumsum([np.asarray(cost.table)[:, option].sum() for option in range(3)])
        wanted = [cost.fixed + single[count - 1] + (count - 1) * cost.again for count in found.passes.needed.tolist()]
        assert cost.per_image(made) == pytest.approx(wanted)
        assert (cost.again > 0) == (cost.key != "cp")
    with pytest.raises(ValueError, match="all 3 passes"):
        cost_models(CONFIG)["cp"].per_image(found.decisions.numpy())


def test_between_two_measured_prices_limits_lie_between_theirs() -> None:
    (first, second), dear, cheap = CONFIG.limits_for(0.1**0.5), CONFIG.limits_for(50.0), CONFIG.limits_for(0.0)
    assert (first, second) == (pytest.approx(0.15), pytest.approx(0.2))
    assert (dear, cheap) == ((0.0, 0.0), (9.0, 9.0))


def test_a_cascade_without_limits_says_so() -> None:
    bare = settled_network(replace(CONFIG, prices=(), limits=()))
    with pytest.raises(UserError, match="no limits yet"):
        look(bare, price=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"passes": ()}, "lists the options of the cascade policy"),
        ({"policy": "table"}, "lists the options of the cascade policy"),
        ({"passes": ("4",)}, "two options or more"),
        ({"passes": ("4", "2")}, "cheapest first"),
        ({"passes": ("2", "5")}, "not in this set"),
        ({"options": "skip,2,4,8", "passes": ("skip", "2", "4")}, "cannot have 'skip'"),
        ({"limits": ()}, "one row for each price"),
        ({"limits": ((1.0,), (1.0,), (1.0,))}, "has 2 numbers"),
        ({"limits": ((1.0, -1.0),) * 3}, "has 2 numbers"),
        ({"ungated": 0}, "ungated"),
        ({"ungated": 17}, "17 bits does not exist"),
        ({"quantiser": "minmax"}, "with quantiser 'lsq' only"),
    ],
)
def test_a_wrong_configuration_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(CONFIG, **changes)


def test_the_configuration_survives_its_card() -> None:
    assert ModelConfig.from_dict(CONFIG.to_dict()) == CONFIG
    assert not {"passes", "limits", "ungated"} & set(ModelConfig().to_dict())


def test_a_lead_is_in_nats() -> None:
    logits = torch.tensor([[0.0, 10.0, 1.0], [2.0, 2.0, -5.0]]).log_softmax(1)
    assert lead(logits).tolist() == pytest.approx([9.0, 0.0], abs=1e-5)


def test_what_is_not_gated_computes_at_8_bits_and_costs_a_sixteenth() -> None:
    exact, rounded = (
        settled_network(ModelConfig(depth=8, options="skip,8", budget=3.0, ungated=bits)) for bits in (32, 8)
    )
    costs = [cost_models(net.config) for net in (exact, rounded)]
    # Averages stay as they are, and of the skipped strided blocks the shortcut falls too.
    assert costs[1]["bitops"].fixed < costs[0]["bitops"].fixed / 8
    assert costs[1]["bitops"].table[1][0] == pytest.approx(costs[0]["bitops"].table[1][0] / 16)
    assert costs[1]["cp"] == costs[0]["cp"]
    assert costs[1]["macs"] == costs[0]["macs"]
    weights = rounded.body.stem[0], rounded.body.classifier
    for layer in weights:
        seen = []
        step = layer.quantisers["8"]
        handle = layer.quantisers.register_forward_hook(lambda _, args, out, seen=seen: seen.append(out[0]))
        look(rounded, IMAGES[:4])
        handle.remove()
        for values, size in zip(seen[0], (step.activation_step, step.weight_step), strict=True):
            levels = values / size
            assert (levels - levels.round()).abs().max() < 1e-2
            assert levels.unique().round().numel() > 8
