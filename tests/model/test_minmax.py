"""The reference's quantiser: what rounding to b bits between two values must keep, and the gradient it lets through."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dfs_core.model.groups import Groups
from dfs_core.model.minmax import MinMaxQuantiser, MinMaxRange, quantise_range
from dfs_core.model.options import OptionSet

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


def test_values_of_two_bits_are_those_worked_out_by_hand() -> None:
    x = torch.tensor([-1.0, 0.24, 0.26, 0.9, 9.0])
    assert quantise_range(x, torch.tensor(0.0), torch.tensor(1.5), 2).tolist() == [0.0, 0.0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_type_and_shape_stay(dtype: torch.dtype) -> None:
    x = torch.rand(2, 3, 4, 4, dtype=dtype)
    own = MinMaxRange(4)
    for rounded in (own.activations(x), own.weights(x)):
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


def test_activation_ranges_are_the_mean_over_images_and_their_averages_move_by_a_tenth() -> None:
    own = MinMaxRange(8)
    x = torch.zeros(2, 1, 2, 2)
    x[0, 0, 0], x[1, 0, 1] = torch.tensor([-1.0, 2.0]), torch.tensor([-3.0, 6.0])  # ranges -1..2 and -3..6: -2..4
    rounded = own.train().activations(x)
    assert torch.stack(rounded.aminmax()).tolist() == pytest.approx([-2.0, 4.0])
    assert (float(own.running_min), float(own.running_max)) == pytest.approx((-0.2, 1.3))  # from 0..1
    own.eval()
    assert torch.stack(own.activations(x).aminmax()).tolist() == pytest.approx([-0.2, 1.3])
    assert (float(own.running_min), float(own.running_max)) == pytest.approx((-0.2, 1.3))
    own.calibrate(x, x)
    assert (float(own.running_min), float(own.running_max)) == (-2.0, 4.0)


def test_weights_are_rounded_in_the_range_that_they_have_now() -> None:
    own = MinMaxRange(2).eval()
    weight = torch.tensor([-0.3, -0.12, 0.1, 0.3])
    assert own.weights(weight).tolist() == pytest.approx([-0.3, -0.1, 0.1, 0.3])
    assert own.weights(10 * weight).tolist() == pytest.approx([-3.0, -1.0, 1.0, 3.0])


def test_each_group_is_rounded_as_its_option_asks() -> None:
    options = OptionSet.parse("2,4,full")
    quantiser = MinMaxQuantiser(options).eval()
    x, weight = torch.rand(6, 3, 8, 8), torch.rand(4, 3, 3, 3)
    groups = Groups({options[0]: 1, options[1]: 3, options[2]: 2}, torch.tensor([0, 1, 1, 1, 2, 2]))
    pairs = quantiser(x, weight, groups)
    assert [len(part) for part, _ in pairs] == [1, 3, 2]
    assert [len(part.unique()) for part, _ in pairs[:2]] == [4, 16]
    assert [len(own.unique()) for _, own in pairs[:2]] == [4, 16]
    assert torch.equal(pairs[2][0], x[4:])
    assert pairs[2][1] is weight
