from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from fake_data import image_set
from torch import Tensor

from dfs_core.data import sets
from dfs_core.data.augment import LEAST_AREA, augment, erase_square, normalise, resized_crop


def noise(count: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(size)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def test_channel_statistics_are_those_of_all_pixels() -> None:
    whole = image_set([5, 5])
    mean, std = sets.channel_statistics(whole)
    pixels = whole.images.double() / 255
    assert mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist(), abs=1e-12)


def test_a_channel_that_never_varies_can_still_be_normalised() -> None:
    whole = image_set([2, 2])
    flat = replace(whole, images=torch.full_like(whole.images, 7))
    assert normalise(flat.images, *sets.channel_statistics(flat)).isfinite().all()


def test_normalising_gives_zero_mean_and_unit_spread_and_keeps_the_memory_format() -> None:
    whole = image_set([10, 10])
    result = normalise(whole.images.to(memory_format=torch.channels_last), *sets.channel_statistics(whole))
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert result.mean((0, 2, 3)).abs().max() < 1e-5
    assert (result.std((0, 2, 3)) - 1).abs().max() < 1e-3


def test_normalising_one_pixel_by_hand() -> None:
    pixel = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    assert normalise(pixel, (0.5, 0.5, 0.2), (0.5, 0.25, 0.1)).flatten().tolist() == pytest.approx([1, -2, 0], abs=1e-6)


@pytest.mark.parametrize(("size", "padding"), [(7, 0), (14, 1), (32, 4), (48, 6)])
def test_every_augmented_image_is_a_shifted_and_perhaps_mirrored_original(size: int, padding: int) -> None:
    images = noise(16, size)
    before = images.clone()
    result = augment(images, torch.Generator().manual_seed(3))
    padded = torch.nn.functional.pad(images, [padding] * 4)
    found = []
    for index, image in enumerate(result):
        crops = {
            (top, left, mirrored): crop.flip(2) if mirrored else crop
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            for crop in [padded[index, :, top : top + size, left : left + size]]
            for mirrored in (False, True)
        }
        found += [place for place, crop in crops.items() if torch.equal(image, crop)]
    assert torch.equal(images, before)
    assert result.dtype == torch.uint8
    assert len(found) == len(images)
    assert {mirrored for _, _, mirrored in found} == {False, True}
    assert padding == 0 or len({place[:2] for place in found}) > 3


def test_without_mirroring_images_are_shifted_alike_and_none_is_mirrored() -> None:
    ramp = torch.arange(32, dtype=torch.uint8).expand(64, 3, 32, 32)
    found = [augment(ramp, torch.Generator().manual_seed(1), mirror=mirror) for mirror in (True, False)]
    rising = [(one.int()[:, 0, 16].diff(dim=1) >= 0).sum(dim=1) > 20 for one in found]
    assert 20 < int(rising[0].sum()) < 44
    assert rising[1].all()
    assert torch.equal(found[0][rising[0]], found[1][rising[0]])


def test_augmentation_repeats_with_its_generator_and_moves_on_with_it() -> None:
    images = image_set([8, 8]).images
    generator = torch.Generator().manual_seed(5)
    first, second = augment(images, generator), augment(images, generator)
    assert torch.equal(first, augment(images, torch.Generator().manual_seed(5)))
    assert not torch.equal(first, second)


def test_an_erased_square_is_black_within_its_side_and_lies_anywhere() -> None:
    images = torch.full((500, 3, 32, 32), 200, dtype=torch.uint8)
    black = erase_square(images, torch.Generator().manual_seed(0), side=8) == 0
    assert torch.equal(black[:, 0], black[:, 2])
    assert black[:, 0].any(dim=1).sum(dim=1).max() == black[:, 0].any(dim=2).sum(dim=1).max() == 8
    assert black[:, 0].flatten(1).any(dim=1).all()
    assert black[:, 0].any(dim=0).all()


def test_a_resized_crop_is_an_enlarged_part_of_its_own_image() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).expand(400, 64, 64)
    images = torch.stack([ramp, ramp.transpose(1, 2), torch.full_like(ramp, 9)], dim=1)  # x, y and a constant
    cut = resized_crop(images, torch.Generator().manual_seed(1)).int()
    assert (cut[:, 2] == 9).all()
    assert torch.equal(cut[:, 0, :1].expand(-1, 64, -1), cut[:, 0]), "a part is not turned"
    widths, heights = (lines[:, -1] - lines[:, 0] + 1 for lines in (cut[:, 0, 0], cut[:, 1, :, 0]))
    assert (cut[:, 0, 0].diff(dim=1) >= 0).all()
    area, ratio = widths * heights / 64**2, widths / heights
    assert LEAST_AREA * 0.9 <= area.min() < 0.4 < 0.9 < area.max() <= 1
    assert 0.7 < ratio.min() < 0.85 < 1.2 < ratio.max() < 1.4
    assert len(cut[:, 0, 0, 0].unique()) > 10, "it lies anywhere"
    assert cut[:, 0, 0, 0].min() == 0
    assert cut[:, 0, 0, -1].max() == 63


def test_large_images_are_cropped_and_resized_mirrored_and_repeat_with_their_generator() -> None:
    images = noise(16, 64)
    first, again = (augment(images, torch.Generator().manual_seed(2), erase=8) for _ in range(2))
    assert torch.equal(first, again)
    assert first.dtype == torch.uint8
    assert (first.flatten(1) == 0).float().mean(dim=1).min() > 16 / 64**2, "a square is erased"
    ramp = torch.arange(64, dtype=torch.uint8).expand(50, 3, 64, 64)
    rising = augment(ramp, torch.Generator().manual_seed(2)).int()[:, 0, 0].diff(dim=1).sum(dim=1) > 0
    assert 10 < int(rising.sum()) < 40
