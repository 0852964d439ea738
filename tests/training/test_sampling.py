"""Random decisions and prices to train under."""

from __future__ import annotations

import torch

from dfs_core.model.config import ModelConfig
from dfs_core.training.sampling import draw_categorical, draw_mixes, draw_prices

CPU = torch.device("cpu")


def test_a_categorical_draw_is_that_of_multinomial() -> None:
    torch.manual_seed(0)
    probabilities = torch.rand(500, 4).softmax(dim=1)
    probabilities[:, 2] = 0.0
    drawn = []
    for draw in (draw_categorical, lambda rows: torch.multinomial(rows, 1).squeeze(1)):
        torch.manual_seed(1)
        drawn.append(draw(probabilities))
    assert torch.equal(*drawn)
    assert set(drawn[0].tolist()) == {0, 1, 3}


def test_images_draw_mixes_of_their_own_so_that_some_are_cheap_and_some_dear() -> None:
    config = ModelConfig(options="lowbit")
    torch.manual_seed(0)
    decisions = draw_mixes(config, 4000, CPU)
    assert decisions.shape == (4000, 17)
    assert set(decisions.unique().tolist()) == set(range(6))
    shares = torch.nn.functional.one_hot(decisions, 6).float().mean(dim=(0, 1))
    assert shares[0] < shares[1] / 2, "few blocks are skipped"
    assert shares[5] < shares[1] / 2, "few run in full"
    per_image = decisions.float().mean(dim=1)
    alone = decisions.flatten()[torch.randperm(decisions.numel())].view_as(decisions).float().mean(dim=1)
    assert per_image.std() > 1.7 * alone.std()


def test_with_two_options_both_are_drawn_alike() -> None:
    torch.manual_seed(0)
    share = draw_mixes(ModelConfig(options="skipnet"), 2000, CPU).float().mean()
    assert 0.45 < share < 0.55


def test_prices_are_spread_evenly_over_the_logarithm_of_their_range() -> None:
    torch.manual_seed(0)
    prices = draw_prices(4000, (0.01, 1.0), CPU)
    assert prices.min() >= 0.01
    assert prices.max() <= 1.0
    assert 0.45 < (prices < 0.1).float().mean() < 0.55
