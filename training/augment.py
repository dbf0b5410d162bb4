"""Augmentation of training slices, on batches of tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def flip_left_right(slices: Tensor, target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror half of the slices along I, left to right in RAS+ (paper, section 2.2).

    Args:
        slices: `float [slice, channel, i, j]`.
        target: `float [slice, 1, i, j]`.
        generator: Source of chance.
    """
    flipped = (torch.rand(len(slices), generator=generator) < 0.5).view(-1, 1, 1, 1)
    return torch.where(flipped, slices.flip(2), slices), torch.where(flipped, target.flip(2), target)


def deform(slices: Tensor, target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate by up to 20 degrees, scale by 0.8 to 1.25, and warp each slice by a smooth field.

    Shapes as in `flip_left_right`. What comes from outside a slice is zero, as outside the brain.
    """
    count, _, rows, columns = slices.shape
    angle = (torch.rand(count, generator=generator) * 2 - 1) * math.radians(20)
    scale = torch.exp((torch.rand(count, 2, generator=generator) * 2 - 1) * math.log(1.25))
    cosine, sine = torch.cos(angle), torch.sin(angle)
    aspect = rows / columns
    theta = torch.zeros(count, 2, 3)
    # grid_sample's coordinates are (column, row), each from -1 to 1: the aspect keeps a rotation rigid.
    theta[:, 0, 0] = cosine * scale[:, 0]
    theta[:, 0, 1] = -sine * scale[:, 0] * aspect
    theta[:, 1, 0] = sine * scale[:, 1] / aspect
    theta[:, 1, 1] = cosine * scale[:, 1]
    grid = functional.affine_grid(theta, [count, 1, rows, columns], align_corners=False)
    control = torch.randn(count, 2, 5, 5, generator=generator) * 0.025
    warp = functional.interpolate(control, size=(rows, columns), mode="bicubic", align_corners=False)
    grid = grid + warp.permute(0, 2, 3, 1)
    moved = functional.grid_sample(slices, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    labels = functional.grid_sample(target, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved, (labels > 0.5).to(target.dtype)


def change_intensities(slices: Tensor, generator: torch.Generator) -> Tensor:
    """Change gain, offset, gamma, sharpness and noise of each modality by chance, inside the brain only.

    Args:
        slices: Z-scored modalities, `float [slice, modality, i, j]`, 0 outside the brain.
        generator: Source of chance.
    """
    count, modalities = slices.shape[:2]
    brain = (slices != 0).any(dim=1, keepdim=True)

    def chance(probability: float) -> Tensor:
        return (torch.rand(count, modalities, 1, 1, generator=generator) < probability).to(slices.dtype)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, modalities, 1, 1, generator=generator) * (high - low) + low

    gamma = torch.exp(uniform(-0.35, 0.35) * chance(0.3))
    unit = ((slices + 5.0) / 10.0).clamp(0.0, 1.0)
    slices = unit**gamma * 10.0 - 5.0
    # Gamma moves the typical tissue away from zero; z-scoring would bring it back.
    slices = slices - (0.5**gamma * 10.0 - 5.0)
    blurred = functional.avg_pool2d(slices, 3, stride=1, padding=1)
    slices = torch.lerp(slices, blurred, chance(0.25) * uniform(0.3, 1.0))
    slices = slices * (1.0 + uniform(-0.25, 0.25)) + uniform(-0.25, 0.25)
    noise = torch.randn(slices.shape, generator=generator)
    slices = slices + noise * uniform(0.0, 0.15) * chance(0.3)
    return slices * brain
