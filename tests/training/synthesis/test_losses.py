import pytest
import torch

from training.synthesis.losses import (
    ADVERSARIAL,
    IMAGE,
    adversarial_loss,
    discriminator_loss,
    image_loss,
    perceptual_losses,
    term_names,
    total_loss,
)


def test_terms_are_the_image_each_block_and_the_discriminator():
    assert term_names(3) == (IMAGE, "perceptual_1", "perceptual_2", "perceptual_3", ADVERSARIAL)


def test_equation_one_by_hand_and_at_any_size():
    real = torch.tensor([[[[0.0, 0.5], [1.0, 0.25]]]])
    synthetic = torch.tensor([[[[0.5, 0.5], [0.0, 0.5]]]])
    assert image_loss(synthetic, real).item() == pytest.approx((0.5 + 0 + 1 + 0.25) / 4)
    assert image_loss(synthetic.repeat(3, 1, 5, 2), real.repeat(3, 1, 5, 2)).item() == pytest.approx(1.75 / 4)


class Doubling(torch.nn.Module):
    """Two blocks of features that can be told by hand: twice the image, and its mean."""

    def forward(self, images):
        return [2 * images, images.mean(dim=(2, 3), keepdim=True)]


def test_equation_two_by_hand():
    real = torch.tensor([[[[0.0, 0.5], [1.0, 0.25]]]])
    synthetic = torch.tensor([[[[0.5, 0.5], [0.0, 0.5]]]], requires_grad=True)
    losses = perceptual_losses(Doubling(), synthetic, real)
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(
        {"perceptual_1": 2 * 1.75 / 4, "perceptual_2": abs(1.5 - 1.75) / 4}
    )
    losses["perceptual_1"].backward()
    expected = torch.tensor([[[[0.5, 0.0], [-0.5, 0.5]]]])  # the sign of what is too bright, times 2 / 4
    torch.testing.assert_close(synthetic.grad, expected)


def test_like_images_are_perceived_alike_and_unlike_ones_are_not(vgg):
    images = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert not any(perceptual_losses(vgg, images, images).values())
    assert all(perceptual_losses(vgg, images.flip(2), images).values())


def test_equation_three_by_hand():
    terms = {"image": torch.tensor(0.5), "perceptual_1": torch.tensor(2.0)}
    total = total_loss(terms, {"image": 3.0, "perceptual_1": 0.25, "adversarial": 100.0})
    assert total.item() == pytest.approx(3 * 0.5 + 0.25 * 2)


def test_the_hinge_by_hand():
    real = torch.tensor([2.0, 0.5, -1.0])
    synthetic = torch.tensor([-3.0, -0.5, 1.0])
    assert discriminator_loss(real, synthetic).item() == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 0.5 + 2) / 3)
    assert discriminator_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item() == 0
    assert adversarial_loss(synthetic).item() == pytest.approx(2.5 / 3)


def test_scores_in_bf16_are_judged_in_float32():
    score = torch.zeros(2, dtype=torch.bfloat16)
    assert discriminator_loss(score, score).dtype == adversarial_loss(score).dtype == torch.float32
