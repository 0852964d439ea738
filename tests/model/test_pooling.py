"""The mean over an image: its value, and a gradient in the layout of the image."""

from __future__ import annotations

import pytest
import torch

from dfs_core.model.pooling import PART, pooled

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("images", [1, PART, 2 * PART + 3])
def test_it_is_the_mean_and_its_gradient_is_autograds(images: int, layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(images)
    x = torch.randn(images, 5, 6, 7, generator=generator).to(memory_format=layout).requires_grad_()
    upstream = torch.randn(images, 5, generator=generator)
    found, wanted = pooled(x), x.mean(dim=(2, 3))
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(mean, x, upstream)[0] for mean in (found, wanted)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_the_digits_are_summed_in_all_of_them_and_gradients_lie_as_the_image_does(
    layout: torch.memory_format,
) -> None:
    x = torch.full((4, 3, 32, 32), 1.01, dtype=torch.bfloat16).to(memory_format=layout).requires_grad_()
    found = pooled(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.full_like(found, float(x[0, 0, 0, 0])), rtol=1e-6, atol=0)
    (gradient,) = torch.autograd.grad(found.sum() + x.float().square().sum(), x)
    assert gradient.dtype == torch.bfloat16
    assert gradient.is_contiguous(memory_format=layout)
