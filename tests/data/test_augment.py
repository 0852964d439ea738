from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from fake_data import image_set

from dfs_core.data import sets
from dfs_core.data.augment import augment, normalise


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


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_every_augmented_image_is_a_shifted_and_perhaps_mirrored_original(padding: int) -> None:
    images = image_set([8, 8]).images
    before = images.clone()
    result = augment(images, torch.Generator().manual_seed(3), padding)
    padded = torch.nn.functional.pad(images, [padding] * 4)
    found = []
    for index, image in enumerate(result):
        crops = {
            (top, left, mirrored): crop.flip(2) if mirrored else crop
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            for crop in [padded[index, :, top : top + 32, left : left + 32]]
            for mirrored in (False, True)
        }
        found += [place for place, crop in crops.items() if torch.equal(image, crop)]
    assert torch.equal(images, before)
    assert result.dtype == torch.uint8
    assert len(found) == len(images)
    assert {mirrored for _, _, mirrored in found} == {False, True}
    assert padding == 0 or len({place[:2] for place in found}) > 3


def test_augmentation_repeats_with_its_generator_and_moves_on_with_it() -> None:
    images = image_set([8, 8]).images
    generator = torch.Generator().manual_seed(5)
    first, second = augment(images, generator), augment(images, generator)
    assert torch.equal(first, augment(images, torch.Generator().manual_seed(5)))
    assert not torch.equal(first, second)


def test_an_erased_square_is_black_within_its_side_and_lies_anywhere() -> None:
    images = torch.full((500, 3, 32, 32), 200, dtype=torch.uint8)
    black = augment(images, torch.Generator().manual_seed(0), padding=0, erase=8) == 0
    assert torch.equal(black[:, 0], black[:, 2])
    assert black[:, 0].any(dim=1).sum(dim=1).max() == black[:, 0].any(dim=2).sum(dim=1).max() == 8
    assert black[:, 0].flatten(1).any(dim=1).all()
    assert black[:, 0].any(dim=0).all()
