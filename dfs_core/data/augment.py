"""Turn uint8 images into network input: normalisation, and random crop, mirror and erased square for training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

RESIZED_FROM = 64  # pixels; in smaller images the object fills the frame, and a random part would not show enough of it
THE_WHOLE = (0, 1)  # the images are the first of one parts of a batch
LEAST_AREA = 0.25  # smallest share of the image in a crop; the usual 0.08 suits larger images and longer training


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


def augment(
    images: Tensor,
    generator: torch.Generator,
    erase: int = 0,
    share: tuple[int, int] = THE_WHOLE,
    mirror: bool = True,
) -> Tensor:
    """Crop each image at random, mirror it with probability 1/2 if asked, and erase a random square if asked.

    Images below ``RESIZED_FROM`` pixels are shifted by up to an eighth of their side: 4 pixels at 32 pixels, as in
    method section 6 (``pad_crop``). Larger ones are cropped and resized as usual for ImageNet (``resized_crop``).

    Random numbers are drawn on the generator's device, so a CPU generator gives the same augmentation on any device.

    Args:
        images: uint8, (N, C, S, S), on any device; not changed.
        generator: the source of randomness.
        erase: side of the erased square in pixels; 0 erases nothing.
        share: (k, n) if these images are part k of n equal parts of a batch, counted from 0. Random numbers are drawn
            for the whole batch, so each image gets those that it gets there.
        mirror: whether to mirror. The same random numbers are drawn without it.

    Returns:
        uint8, (N, C, S, S), new memory on the same device.
    """
    size = images.shape[2]
    small = size < RESIZED_FROM
    cropped = pad_crop(images, generator, size // 8, share) if small else resized_crop(images, generator, share)
    mirrored = _whole(images, generator, 2, share).bool().view(-1, 1, 1, 1)
    augmented = torch.where(mirrored, cropped.flip(3), cropped) if mirror else cropped
    return erase_square(augmented, generator, erase, share) if erase else augmented


def pad_crop(images: Tensor, generator: torch.Generator, padding: int, share: tuple[int, int] = THE_WHOLE) -> Tensor:
    """Shift every image (N, C, H, W) by its own random offset of up to ``padding`` pixels in each direction.

    The new border is black, as in torchvision's ``RandomCrop``.
    """
    count, _, height, width = images.shape
    top, left = (_whole(images, generator, 2 * padding + 1, share) for _ in range(2))
    # Every possible crop is a view of the padded batch, so one gather copies whole rows instead of single pixels.
    crops = F.pad(images, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)
    return crops[torch.arange(count, device=images.device), :, top, left]


def resized_crop(images: Tensor, generator: torch.Generator, share: tuple[int, int] = THE_WHOLE) -> Tensor:
    """Cut a random part out of every image (N, C, H, W) and resize it to the full size.

    The part covers ``LEAST_AREA`` to all of the area, with an aspect ratio of 3:4 to 4:3 (torchvision's
    ``RandomResizedCrop``).
    """
    part, parts = share
    drawn = torch.rand(4, len(images) * parts, generator=generator, device=generator.device)
    area, ratio, x, y = drawn.chunk(parts, dim=1)[part].to(images.device)
    area = LEAST_AREA + (1 - LEAST_AREA) * area
    ratio = ((2 * ratio - 1) * math.log(4 / 3)).exp()
    width, height = (area * ratio).sqrt().clamp_max(1), (area / ratio).sqrt().clamp_max(1)
    none = torch.zeros_like(area)
    # affine_grid maps each output pixel to its place in the input, from -1 to 1: scale to the part, then shift it.
    rows = [width, none, (2 * x - 1) * (1 - width), none, height, (2 * y - 1) * (1 - height)]
    grid = F.affine_grid(torch.stack(rows, dim=1).view(-1, 2, 3), list(images.shape), align_corners=False)
    cut = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return cut.round_().to(torch.uint8)


def erase_square(images: Tensor, generator: torch.Generator, side: int, share: tuple[int, int] = THE_WHOLE) -> Tensor:
    """Blacken a random square in every image (N, C, H, W), in place (cutout: DeVries and Taylor, 2017).

    The square may extend beyond the border.
    """
    rows, columns = (
        (torch.arange(length, device=images.device) - _whole(images, generator, length, share)[:, None] + side // 2)
        for length in images.shape[2:]
    )
    inside = [(line >= 0) & (line < side) for line in (rows, columns)]
    return images.masked_fill_((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0)


def _whole(images: Tensor, generator: torch.Generator, limit: int, share: tuple[int, int]) -> Tensor:
    """A random integer from 0 to ``limit`` - 1 for each image (N,), on the images' device."""
    part, parts = share
    drawn = torch.randint(limit, (len(images) * parts,), generator=generator, device=generator.device)
    return drawn.chunk(parts)[part].to(images.device, non_blocking=True)
