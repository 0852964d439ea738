"""The learned-step quantiser: what rounding must keep, LSQ's gradients, and one call for many groups."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dfs_core.model.groups import Groups
from dfs_core.model.kernels import PLAIN
from dfs_core.model.lsq import LearnedStep, LearnedStepQuantiser, best_step, keep_positive
from dfs_core.model.options import OptionSet

bit_widths = st.integers(2, 16)
# As multiples of the range's width, so that what is tested is the quantiser and not float32's last digits.
units = st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=40)


@st.composite
def steps(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Values, some of them outside, with a step and the bounds of signed or unsigned levels."""
    bits, signed = draw(bit_widths), draw(st.booleans())
    bounds = torch.tensor([-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1] if signed else [0.0, 2.0**bits - 1])
    step = draw(st.floats(1e-4, 10))
    x = torch.tensor(draw(units), dtype=torch.float64) * step * float(bounds[1] - bounds[0]) + step * bounds[0]
    return x.float(), torch.tensor([step]), bounds


def rounded_to(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    """Values (M,) as one row."""
    return PLAIN.forward(x[None], step, bounds[None])[0]


def quantiser_of(bits: int) -> tuple[LearnedStepQuantiser, LearnedStep]:
    """A quantiser with a single bit width, and its steps."""
    quantiser = LearnedStepQuantiser(OptionSet.parse(f"{bits}"))
    return quantiser, quantiser[str(bits)]


def both(quantiser: LearnedStepQuantiser, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Input (N, ...) and weight, rounded for the one group of a quantiser with a single bit width."""
    (pair,) = quantiser(x, weight, Groups.uniform(OptionSet.parse(next(iter(quantiser)))[0], x))
    return pair


@given(steps())
def test_rounding_to_a_step_keeps_its_promises(case: tuple[Tensor, Tensor, Tensor]) -> None:
    x, step, bounds = case
    rounded = rounded_to(x, step, bounds)
    levels = rounded / step
    inside = x.clamp(float(bounds[0] * step), float(bounds[1] * step))
    assert torch.equal(rounded_to(rounded, step, bounds), rounded), "rounding twice is rounding once"
    assert ((levels - levels.round()).abs() <= 0.01).all()
    assert ((levels.round() >= bounds[0]) & (levels.round() <= bounds[1])).all()
    assert ((rounded - inside).abs() <= 0.5 * step + 1e-6 * inside.abs()).all()
    assert (rounded_to(x.sort().values, step, bounds).diff() >= 0).all(), "order is kept"


def test_values_of_two_bits_are_those_worked_out_by_hand() -> None:
    x = torch.tensor([-1.0, 0.24, 0.26, 0.9, 9.0])
    assert rounded_to(x, torch.tensor([0.5]), torch.tensor([-2.0, 1.0])).tolist() == [-1.0, 0.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("bits", range(2, 17))
def test_a_learned_step_gives_2_to_the_b_levels_and_no_more(bits: int) -> None:
    quantiser, own = quantiser_of(bits)
    x = torch.linspace(-6, 6, 300_001)
    activations, weights = both(quantiser, x.reshape(1, 1, 1, -1), x / 10)
    widened = bits > 8  # until the largest weight is the highest level; then no weight is as low as the lowest
    assert (len(activations.unique()), len(weights.unique())) == (2**bits, 2**bits - widened)
    assert activations.min() == 0
    half = 2 ** (bits - 1)
    assert torch.equal(torch.stack(weights.aminmax()), torch.tensor([-half + widened, half - 1]) * own.weight_step)


def test_above_8_bits_training_widens_the_levels_until_nothing_is_clipped_and_never_narrows_them() -> None:
    quantiser, own = quantiser_of(16)
    x, weight = torch.linspace(0, 9, 1000).reshape(1, 1, 1, -1), torch.linspace(-0.7, 0.7, 1000)
    for scale in (1.0, 0.1):
        activations, weights = both(quantiser, scale * x, scale * weight)
        assert torch.allclose(activations, scale * x, atol=2e-4)
        assert torch.allclose(weights, scale * weight, atol=3e-5)
        assert (65535 * own.activation_step).item() == pytest.approx(9)
    quantiser.eval()
    assert both(quantiser, 2 * x, weight)[0].max() == pytest.approx(9), "outside of training nothing is changed"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shapes_stay_and_weights_get_the_inputs_type(dtype: torch.dtype) -> None:
    x, weight = torch.rand(2, 3, 4, 4, dtype=dtype), torch.rand(5, 3, 3, 3)
    rounded, own = both(quantiser_of(4)[0], x, weight)
    assert (rounded.dtype, rounded.shape) == (dtype, x.shape)
    assert (own.dtype, own.shape) == (dtype, weight.shape)


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_the_gradients_of_a_learned_step_are_lsqs(bits: int, signed: bool) -> None:
    generator = torch.Generator().manual_seed(bits)
    low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    value, scale = 0.37, (200 * high) ** -0.5
    x = torch.randn(1, 200, 1, 1, generator=generator) * value * high
    upstream = torch.randn(200, generator=generator)
    x.requires_grad_()
    quantiser, own = quantiser_of(bits)
    step = own.weight_step if signed else own.activation_step
    step.data.fill_(value)
    rounded = both(quantiser, torch.zeros_like(x), x)[1] if signed else both(quantiser, x, torch.zeros(1))[0]
    rounded.flatten().backward(upstream)

    # What LSQ differentiates: inside the range rounding is a constant shift of x / step, outside it the bound holds.
    start, weight = x.detach().double().flatten(), upstream.double()
    level = start / torch.tensor(value).double()
    inside = (level >= low) & (level <= high)
    shift, bound = level.round() - level, level.clamp(low, high)

    def smooth(at: Tensor, size: float) -> Tensor:
        return (weight * torch.where(inside, (at / size + shift) * size, bound * size)).sum()

    # d/dstep of (x / step + shift) * step with the shift held is the shift, the rounding error.
    tiny = 1e-6
    by_step = (smooth(start, value + tiny) - smooth(start, value - tiny)) / (2 * tiny)
    assert 0 < int(inside.sum()) < 200
    torch.testing.assert_close(step.grad, (scale * by_step).float().reshape(1), rtol=2e-3, atol=2e-3)
    one_by_one = torch.eye(200, dtype=torch.float64)[::20] * tiny
    by_x = torch.stack([(smooth(start + d, value) - smooth(start - d, value)) / (2 * tiny) for d in one_by_one])
    torch.testing.assert_close(x.grad.flatten()[::20], by_x.float(), rtol=1e-4, atol=1e-4)


def test_the_gradient_to_a_step_is_scaled_by_the_features_of_one_image_and_the_highest_level() -> None:
    quantiser, own = quantiser_of(3)
    quantiser.eval()  # in training the steps would move to where these values are
    # Above the range the plain gradient is the highest level for each value, and below it the lowest: 7 and -4.
    rounded, weight = both(quantiser, torch.full((5, 2, 4, 4), 100.0), torch.full((2, 3, 3, 3), -100.0))
    (rounded.sum() + weight.sum()).backward()
    assert float(own.activation_step.grad) == pytest.approx(5 * 32 * 7 / (32 * 7) ** 0.5)
    assert float(own.weight_step.grad) == pytest.approx(54 * -4 / (54 * 3) ** 0.5)


@pytest.mark.parametrize(("bits", "learns"), [(2, True), (8, True), (9, False), (16, False)])
def test_steps_of_up_to_8_bits_learn_and_those_above_stay_as_calibrated(bits: int, learns: bool) -> None:
    quantiser, own = quantiser_of(bits)
    names = {"activation_step", "weight_step"}
    assert {name for name, _ in own.named_parameters()} == (names if learns else set())
    assert set(own.state_dict()) == names, "they are kept either way"
    x, weight = torch.rand(2, 3, 4, 4, requires_grad=True), torch.rand(5, 3, 3, 3, requires_grad=True)
    sum(rounded.sum() for rounded in both(quantiser, x, weight)).backward()
    assert x.grad.any()
    assert weight.grad.any()


OPTIONS = OptionSet.parse("2,8,12,full")
COUNTS = {OPTIONS[0]: 2, OPTIONS[2]: 1, OPTIONS[3]: 3}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_groups_together_are_rounded_and_differentiated_as_one_by_one(layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(0)
    quantiser = LearnedStepQuantiser(OPTIONS).eval()  # in training, where steps lie depends on who is in the batch
    source = torch.randn(6, 3, 5, 4, generator=generator).to(memory_format=layout)
    kernel = (0.3 * torch.randn(7, 3, 3, 3, generator=generator)).to(memory_format=layout)
    upstream = [torch.randn(6, 3, 5, 4, generator=generator), torch.randn(3, 7, 3, 3, 3, generator=generator)]

    def results(together: bool) -> list[Tensor]:
        quantiser.zero_grad()
        x, weight = source.clone().requires_grad_(), kernel.clone().requires_grad_()
        if together:
            groups = Groups(COUNTS, torch.tensor([0, 0, 1, 2, 2, 2]))
            pairs = quantiser(x, weight, groups)
        else:
            first, second, third = x.split(list(COUNTS.values()))
            low, high, _ = COUNTS
            pairs = [quantiser(part, weight, Groups.uniform(o, part))[0] for o, part in ((low, first), (high, second))]
            pairs.append((third, weight))
        rounded, weights = torch.cat([part for part, _ in pairs]), torch.stack([own for _, own in pairs])
        torch.autograd.backward([rounded, weights], upstream)
        return [rounded, weights, x.grad, weight.grad, *(p.grad for p in quantiser["2"].parameters())]

    for found, wanted in zip(results(True), results(False), strict=True):
        torch.testing.assert_close(found, wanted)
    assert all(p.grad is None for p in quantiser["8"].parameters()), "no image takes it"


def test_of_frozen_weights_no_gradient_is_asked() -> None:
    quantiser = LearnedStepQuantiser(OPTIONS).requires_grad_(False)
    x, weight = torch.rand(6, 3, 5, 4, requires_grad=True), torch.rand(7, 3, 3, 3)
    pairs = quantiser(x, weight, Groups(COUNTS, torch.tensor([0, 0, 1, 2, 2, 2])))
    assert [(part.requires_grad, own.requires_grad) for part, own in pairs] == [(True, False)] * 3
    torch.cat([part for part, _ in pairs]).sum().backward()
    assert x.grad.any()


def test_images_with_gaps_between_them_are_rounded_like_any_others() -> None:
    quantiser, own = quantiser_of(3)
    wide, weight = torch.randn(4, 3, 8, 5, requires_grad=True), torch.rand(2, 3, 3, 3)
    gradients = []
    for x in (wide[:, :, ::2], wide[:, :, ::2].contiguous()):
        wide.grad = own.activation_step.grad = None
        both(quantiser, x, weight)[0].square().sum().backward()
        gradients.append((wide.grad, own.activation_step.grad))
    torch.testing.assert_close(*gradients)


def test_the_best_step_spends_its_levels_on_the_bulk_of_the_values() -> None:
    generator = torch.Generator().manual_seed(0)
    even = torch.rand(10_000, generator=generator)
    # Four levels for an even spread of 0 to 1: error is least where the highest level covers 6/7 of it.
    assert float(best_step(even, torch.tensor([0.0, 3.0]))) == pytest.approx(2 / 7, abs=0.01)
    outlier = torch.cat([even, torch.tensor([20.0])])
    assert float(best_step(outlier, torch.tensor([0.0, 255.0]))) < 20 / 255


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_calibration_rounds_better_than_the_first_guess_and_than_the_full_range(bits: int) -> None:
    generator = torch.Generator().manual_seed(1)
    x, weight = torch.randn(4, 3, 8, 8, generator=generator).relu(), 0.1 * torch.randn(6, 3, 3, 3, generator=generator)
    quantiser, own = quantiser_of(bits)

    @torch.no_grad()
    def error() -> tuple[float, float]:
        of_x, of_weight = both(quantiser, x, weight)
        return float((of_x - x).square().mean()), float((of_weight - weight).square().mean())

    guess = error()
    with torch.no_grad():
        own.activation_step.fill_(x.max() / (2**bits - 1))
        own.weight_step.fill_(weight.abs().max() / (2 ** (bits - 1) - 1))
    full_range = error()
    own.calibrate(x, weight)
    assert all(after <= before for after, before in zip(error(), guess, strict=True))
    assert all(after <= before for after, before in zip(error(), full_range, strict=True))


def levels_of(own: LearnedStep) -> tuple[float, float]:
    """What the highest level of the input stands for, and that of the weight."""
    bits = own.bits
    return (2**bits - 1) * float(own.activation_step.detach()), (2 ** (bits - 1) - 1) * float(own.weight_step.detach())


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("step", [-0.3, 0.0, 1e-9, 1e6])
def test_in_training_steps_out_of_range_come_back_and_have_a_gradient(bits: int, step: float) -> None:
    torch.manual_seed(0)
    quantiser, own = quantiser_of(bits)
    x, w = torch.rand(4, 8, 6, 6), torch.randn(8, 8, 3, 3)
    with torch.no_grad():
        own.activation_step.fill_(step)
        own.weight_step.fill_(step)
    rounded, weight = both(quantiser, x, w)
    for level, values in zip(levels_of(own), (x, w), strict=True):
        assert float(values.abs().mean()) * 0.999 <= level <= 1.001 * float(values.abs().max())
    assert min(len(weight.unique()), len(rounded.unique())) > 1, "not all rounded to one value"
    ((rounded - x).square().sum() + (weight - w).square().sum()).backward()
    sign = 1 if step > 1 else -1  # too small a step has to grow, too large a one to shrink
    assert sign * float(own.activation_step.grad) > 0
    assert sign * float(own.weight_step.grad) > 0


def test_a_useful_step_and_every_step_at_evaluation_stay_as_they_are() -> None:
    torch.manual_seed(0)
    quantiser, own = quantiser_of(4)
    x, w = torch.rand(4, 8, 6, 6), torch.randn(8, 8, 3, 3)
    own.calibrate(x, w)
    before = own.state_dict()["weight_step"].clone(), own.state_dict()["activation_step"].clone()
    both(quantiser, x, w)
    assert (own.weight_step, own.activation_step) == before
    with torch.no_grad():
        own.weight_step.fill_(1e-9)
    both(quantiser.eval(), x, w)
    assert float(own.weight_step.detach()) == pytest.approx(1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_steps_stay_positive_and_useful_at_a_rate_that_throws_them_about(seed: int) -> None:
    torch.manual_seed(seed)
    quantiser, own = quantiser_of(4)
    x, w = torch.rand(4, 8, 6, 6), torch.randn(8, 8, 3, 3)
    target = torch.randn(4, 8, 6, 6)
    optimiser = torch.optim.SGD(quantiser.parameters(), lr=0.5, momentum=0.9)
    optimiser.register_step_post_hook(lambda *_: keep_positive(quantiser))
    for _ in range(30):
        rounded, weight = both(quantiser, x, w)
        out = torch.nn.functional.conv2d(rounded, weight, padding=1)
        loss = (out - target).square().mean()  # far from batch norm: its gradients are as large as they get
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert float(own.activation_step.detach()) > 0
        assert float(own.weight_step.detach()) > 0
    both(quantiser, x, w)
    assert levels_of(own)[1] >= 0.999 * float(w.abs().mean())
