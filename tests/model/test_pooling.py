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


def test_half_the_digits_are_summed_in_all_of_them() -> None:
    x = torch.full((4, 3, 32, 32), 1.01, dtype=torch.bfloat16)
    found = pooled(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.full_like(found, float(x[0, 0, 0, 0])), rtol=1e-6, atol=0)


def test_its_gradient_goes_through_memory_as_the_image_does() -> None:
    x = torch.rand(4, 3, 8, 16, dtype=torch.bfloat16).to(memory_format=torch.channels_last).requires_grad_()
    seen: list[torch.Tensor] = []
    image = x * 1  # a gradient that is added to no other
    image.register_hook(seen.append)
    pooled(image).sum().backward()
    (gradient,) = seen
    assert gradient.dtype == torch.bfloat16
    assert (gradient.stride(1), gradient.stride(3)) == (1, 3), "channels, then columns"
