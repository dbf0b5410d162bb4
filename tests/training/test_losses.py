import math

import pytest
import torch

from training.losses import LossName, soft_dice_loss

SURE = 40.0


def logits_of(mask):
    return (mask * 2 - 1) * SURE


def test_equation_four_by_hand():
    logits = torch.zeros(1, 1, 2, 2)  # probabilities 0.5
    target = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert soft_dice_loss(logits, target).item() == pytest.approx(1 - (2 * 1.0 + 0.01) / (2 + 4 * 0.25 + 0.01))


@pytest.mark.parametrize("name", LossName)
def test_right_is_zero_wrong_is_worse_and_empty_is_finite(name):
    mask = (torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    loss = name.function
    assert loss(logits_of(mask), mask).item() == pytest.approx(0, abs=1e-5)
    assert loss(logits_of(1 - mask), mask).item() > 0.99
    assert loss(logits_of(torch.zeros_like(mask)), torch.zeros_like(mask)).item() == pytest.approx(0, abs=1e-5)


def test_inner_products_run_over_the_batch():
    target = torch.zeros(2, 1, 4, 4)
    target[0] = 1
    half = torch.zeros(2, 1, 4, 4)
    half[0, :, :2] = 1
    expected = 1 - (2 * 8 + 0.01) / (16 + 8 + 0.01)
    assert soft_dice_loss(logits_of(half), target).item() == pytest.approx(expected)


def test_bf16_logits_are_judged_in_float32():
    assert soft_dice_loss(torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16), torch.ones(1, 1, 4, 4)).dtype == torch.float32
    assert math.isfinite(soft_dice_loss(torch.full((1, 1, 4, 4), 1e4), torch.ones(1, 1, 4, 4)).item())
