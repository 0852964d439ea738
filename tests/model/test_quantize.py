"""Quantisers: what rounding to b bits must keep, and the gradients that it must let through."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dfs_core.model.quantize import LearnedStepQuantiser, MinMaxQuantiser, best_step, quantise_range, quantise_step

bit_widths = st.integers(2, 16)
# As multiples of the range's width, so that what is tested is the quantiser and not float32's last digits.
units = st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=40)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, int]:
    """Values, some of them outside, with low and high of a range around zero and a bit width."""
    width = draw(st.floats(1e-2, 1e3))
    low = -width * draw(st.floats(0, 1))
    x = torch.tensor(draw(units), dtype=torch.float64) * width + low
    return x.float(), torch.tensor(low).float(), torch.tensor(low + width).float(), draw(bit_widths)


@st.composite
def steps(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Values, some of them outside, with a step and the bounds of signed or unsigned levels."""
    bits, signed = draw(bit_widths), draw(st.booleans())
    bounds = torch.tensor([-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1] if signed else [0.0, 2.0**bits - 1])
    step = draw(st.floats(1e-4, 10))
    x = torch.tensor(draw(units), dtype=torch.float64) * step * float(bounds[1] - bounds[0]) + step * bounds[0]
    return x.float(), torch.tensor([step]), bounds


@given(ranges())
def test_rounding_in_a_range_keeps_its_promises(case: tuple[Tensor, Tensor, Tensor, int]) -> None:
    x, low, high, bits = case
    rounded = quantise_range(x, low, high, bits)
    step = (high - low) / (2**bits - 1)
    slack = 1e-3 * step + 1e-6 * (high - low)  # float32's last digits
    assert torch.equal(quantise_range(rounded, low, high, bits), rounded), "rounding twice is rounding once"
    assert ((rounded >= low - slack) & (rounded <= high + slack)).all()
    assert ((rounded - x.clamp(low, high)).abs() <= step / 2 + slack).all()
    levels = (rounded - low) / step
    assert ((levels - levels.round()).abs() <= 0.05).all()
    assert (quantise_range(x.sort().values, low, high, bits).diff() >= 0).all(), "order is kept"


@pytest.mark.parametrize("bits", range(2, 17))
def test_a_range_is_rounded_to_2_to_the_b_levels_and_uses_them_all(bits: int) -> None:
    x = torch.linspace(-1.5, 1.5, 400_001)
    rounded = quantise_range(x, torch.tensor(-1.0), torch.tensor(1.0), bits)
    assert len(rounded.unique()) == 2**bits


@given(steps())
def test_rounding_to_a_step_keeps_its_promises(case: tuple[Tensor, Tensor, Tensor]) -> None:
    x, step, bounds = case
    rounded = quantise_step(x, step, bounds, 1.0)
    levels = rounded / step
    inside = x.clamp(float(bounds[0] * step), float(bounds[1] * step))
    assert torch.equal(quantise_step(rounded, step, bounds, 1.0), rounded), "rounding twice is rounding once"
    assert ((levels - levels.round()).abs() <= 0.01).all()
    assert ((levels.round() >= bounds[0]) & (levels.round() <= bounds[1])).all()
    assert ((rounded - inside).abs() <= 0.5 * step + 1e-6 * inside.abs()).all()
    assert (quantise_step(x.sort().values, step, bounds, 1.0).diff() >= 0).all(), "order is kept"


@pytest.mark.parametrize("bits", range(2, 17))
def test_a_learned_step_gives_2_to_the_b_levels_and_no_more(bits: int) -> None:
    quantiser = LearnedStepQuantiser(bits)
    x = torch.linspace(-6, 6, 300_001)
    for rounded in (quantiser.activations(x.reshape(1, 1, 1, -1)), quantiser.weights(x / 10)):
        assert len(rounded.unique()) == 2**bits
    assert quantiser.activations(x.reshape(1, 1, 1, -1)).min() == 0
    half = 2 ** (bits - 1)
    ends = torch.tensor([-half, half - 1]) * quantiser.weight_step
    assert torch.equal(torch.stack(quantiser.weights(x).aminmax()), ends)


def test_values_of_two_bits_are_those_worked_out_by_hand() -> None:
    x = torch.tensor([-1.0, 0.24, 0.26, 0.9, 9.0])
    minmax = quantise_range(x, torch.tensor(0.0), torch.tensor(1.5), 2)
    assert minmax.tolist() == [0.0, 0.0, 0.5, 1.0, 1.5]
    learned = quantise_step(x, torch.tensor([0.5]), torch.tensor([-2.0, 1.0]), 1.0)
    assert learned.tolist() == [-1.0, 0.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_type_and_shape_stay(dtype: torch.dtype) -> None:
    x = torch.rand(2, 3, 4, 4, dtype=dtype)
    for quantiser in (LearnedStepQuantiser(4), MinMaxQuantiser(4)):
        for rounded in (quantiser.activations(x), quantiser.weights(x)):
            assert (rounded.dtype, rounded.shape) == (dtype, x.shape)


@given(st.floats(-10, 10, width=32), bit_widths)
def test_a_tensor_of_one_value_is_left_as_it_is(value: float, bits: int) -> None:
    x = torch.full((2, 1, 3, 3), value)
    assert torch.equal(quantise_range(x, x.min(), x.max(), bits), x)


def test_the_gradient_of_a_range_passes_straight_through() -> None:
    x = torch.tensor([-3.0, 0.1, 0.6, 5.0], requires_grad=True)
    upstream = torch.tensor([1.0, -2.0, 3.0, 4.0])
    quantise_range(x, torch.tensor(0.0), torch.tensor(1.0), 2).backward(upstream)
    assert torch.equal(x.grad, upstream)


@pytest.mark.parametrize("bits", [2, 3, 8, 16])
@pytest.mark.parametrize("signed", [True, False])
def test_the_gradients_of_a_learned_step_are_lsqs(bits: int, signed: bool) -> None:
    generator = torch.Generator().manual_seed(bits)
    low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    value, scale = 0.37, 0.25
    x = torch.randn(200, generator=generator) * value * high
    upstream = torch.randn(200, generator=generator)
    x.requires_grad_()
    step = torch.tensor([value], requires_grad=True)
    quantise_step(x, step, torch.tensor([low, high]), scale).backward(upstream)

    # What LSQ differentiates: inside the range rounding is a constant shift of x / step, outside it the bound holds.
    start, weight = x.detach().double(), upstream.double()
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
    torch.testing.assert_close(x.grad[::20], by_x.float(), rtol=1e-4, atol=1e-4)


def test_the_gradient_to_a_step_is_scaled_by_the_features_of_one_image_and_the_highest_level() -> None:
    quantiser = LearnedStepQuantiser(3)
    x = torch.full((5, 2, 4, 4), 100.0)  # above the range: the plain gradient is the highest level, 7, for each value
    quantiser.activations(x).sum().backward()
    assert float(quantiser.activation_step.grad) == pytest.approx(5 * 32 * 7 / (32 * 7) ** 0.5)
    quantiser.weights(torch.full((2, 3, 3, 3), -100.0)).sum().backward()  # below: -4 for each
    assert float(quantiser.weight_step.grad) == pytest.approx(54 * -4 / (54 * 3) ** 0.5)


@pytest.mark.parametrize(("bits", "learns"), [(2, True), (8, True), (9, False), (16, False)])
def test_steps_of_up_to_8_bits_learn_and_those_above_stay_as_calibrated(bits: int, learns: bool) -> None:
    quantiser = LearnedStepQuantiser(bits)
    assert {name for name, _ in quantiser.named_parameters()} == (
        {"activation_step", "weight_step"} if learns else set()
    )
    assert set(quantiser.state_dict()) == {"activation_step", "weight_step"}, "they are kept either way"
    x = torch.rand(2, 3, 4, 4, requires_grad=True)
    (quantiser.activations(x).sum() + quantiser.weights(x).sum()).backward()
    assert x.grad.any()


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

    @torch.no_grad()
    def error(quantiser: LearnedStepQuantiser) -> tuple[float, float]:
        of_x, of_weight = quantiser.activations(x) - x, quantiser.weights(weight) - weight
        return float(of_x.square().mean()), float(of_weight.square().mean())

    quantiser = LearnedStepQuantiser(bits)
    guess = error(quantiser)
    with torch.no_grad():
        quantiser.activation_step.fill_(x.max() / (2**bits - 1))
        quantiser.weight_step.fill_(weight.abs().max() / (2 ** (bits - 1) - 1))
    full_range = error(quantiser)
    quantiser.calibrate(x, weight)
    assert all(after <= before for after, before in zip(error(quantiser), guess, strict=True))
    assert all(after <= before for after, before in zip(error(quantiser), full_range, strict=True))


def test_activation_ranges_are_the_mean_over_images_and_their_averages_move_by_a_tenth() -> None:
    quantiser = MinMaxQuantiser(8)
    x = torch.zeros(2, 1, 2, 2)
    x[0, 0, 0], x[1, 0, 1] = torch.tensor([-1.0, 2.0]), torch.tensor([-3.0, 6.0])  # ranges -1..2 and -3..6: -2..4
    rounded = quantiser.train().activations(x)
    assert torch.stack(rounded.aminmax()).tolist() == pytest.approx([-2.0, 4.0])
    assert (float(quantiser.running_min), float(quantiser.running_max)) == pytest.approx((-0.2, 1.3))  # from 0..1
    quantiser.eval()
    assert torch.stack(quantiser.activations(x).aminmax()).tolist() == pytest.approx([-0.2, 1.3])
    assert (float(quantiser.running_min), float(quantiser.running_max)) == pytest.approx((-0.2, 1.3))
    quantiser.calibrate(x, x)
    assert (float(quantiser.running_min), float(quantiser.running_max)) == (-2.0, 4.0)


def test_weights_are_rounded_in_the_range_that_they_have_now() -> None:
    quantiser = MinMaxQuantiser(2).eval()
    weight = torch.tensor([-0.3, -0.12, 0.1, 0.3])
    assert quantiser.weights(weight).tolist() == pytest.approx([-0.3, -0.1, 0.1, 0.3])
    assert quantiser.weights(10 * weight).tolist() == pytest.approx([-3.0, -1.0, 1.0, 3.0])
