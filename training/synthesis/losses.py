"""What the generator is judged by (paper, section 2.3.3, equations 1 to 3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from training.synthesis.vgg import Vgg19

IMAGE = "image"
"""The per-pixel term."""
ADVERSARIAL = "adversarial"
"""The patch discriminator's term."""


def perceptual_term(block: int) -> str:
    """The name of the perceptual term of a block of VGG-19, counted from 1."""
    return f"perceptual_{block}"


def term_names(vgg_blocks: int) -> tuple[str, ...]:
    """All terms of a generator's loss, in order."""
    return (IMAGE, *(perceptual_term(block) for block in range(1, vgg_blocks + 1)), ADVERSARIAL)


def image_loss(synthetic: Tensor, real: Tensor) -> Tensor:
    """Mean absolute difference of intensities (equation 1; a mean, so that a slice's size does not weigh)."""
    return functional.l1_loss(synthetic, real)


def perceptual_losses(vgg: Vgg19, synthetic: Tensor, real: Tensor) -> dict[str, Tensor]:
    """Mean absolute difference of the features of each block (equation 2).

    Args:
        vgg: The first judge.
        synthetic: Grey, `float [image, 1, i, j]`, 0 to 1.
        real: The same shape.
    """
    with torch.no_grad():
        wanted = vgg(real)
    return {
        perceptual_term(block): functional.l1_loss(got.float(), features.float())
        for block, (got, features) in enumerate(zip(vgg(synthetic), wanted, strict=True), start=1)
    }


def discriminator_loss(of_real: Tensor, of_synthetic: Tensor) -> Tensor:
    """The hinge loss of patch scores.

    The paper's adversarial loss, E[D(real)] + E[1 - D(synthetic)], has no bound as it stands; the hinge (Lim and Ye,
    arXiv 1705.02894) is that sum, each part counted only until it is satisfied by a margin of 1.
    """
    return functional.relu(1.0 - of_real.float()).mean() + functional.relu(1.0 + of_synthetic.float()).mean()


def adversarial_loss(of_synthetic: Tensor) -> Tensor:
    """What the generator pays: low scores of its patches."""
    return -of_synthetic.float().mean()


def total_loss(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of all terms (equation 3)."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()
