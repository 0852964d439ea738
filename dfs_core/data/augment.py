"""From uint8 images to network input: random crop, flip and erased square, and the normalisation that all share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Scale uint8 images to 0..1 and standardise each channel.

    Args:
        images: uint8, (N, C, H, W), on any device.
        mean: mean per channel in units of 0 to 1.
        std: standard deviation per channel in the same units.

    Returns:
        float32, (N, C, H, W), on the same device and in the same memory format.
    """
    shape = (1, len(mean), 1, 1)
    centre, spread = (
        torch.tensor(values, dtype=torch.float32).view(shape).to(images.device, non_blocking=True)
        for values in (mean, std)
    )
    return images.to(torch.float32).div_(255).sub_(centre).div_(spread)


def augment(images: Tensor, generator: torch.Generator, padding: int = 4, erase: int = 0) -> Tensor:
    """Shift every image by its own random offset and mirror every other one at random (method section 6, step 0).

    With ``erase``, a black square at a random place is laid over each as well (cutout: DeVries and Taylor, 2017).

    The border that a shift brings in is black, as in torchvision's ``RandomCrop``. Random numbers are drawn on the
    generator's device: a CPU generator gives the same augmentation for images on any device.

    Args:
        images: uint8, (N, C, H, W), on any device; left as they are.
        generator: the source of randomness.
        padding: the largest shift in pixels, in each of the four directions.
        erase: side of the erased square in pixels; near the border a part of it lies outside.

    Returns:
        uint8, (N, C, H, W), new memory on the same device.
    """
    count, _, height, width = images.shape
    device = images.device

    def draw(limit: int) -> Tensor:
        drawn = torch.randint(limit, (count,), generator=generator, device=generator.device)
        return drawn.to(device, non_blocking=True)

    top, left, mirrored = draw(2 * padding + 1), draw(2 * padding + 1), draw(2).bool()
    # Every possible crop is a view of the padded batch; one gather then copies whole rows, not single pixels.
    crops = F.pad(images, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)
    shifted = crops[torch.arange(count, device=device), :, top, left]
    augmented = torch.where(mirrored.view(-1, 1, 1, 1), shifted.flip(3), shifted)
    if not erase:
        return augmented
    rows, columns = (
        (torch.arange(side, device=device) - draw(side)[:, None] + erase // 2).clamp(-1, erase)
        for side in (height, width)
    )
    inside = [(line >= 0) & (line < erase) for line in (rows, columns)]
    return augmented.masked_fill_((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0)
