"""Small made-up patients for the replica check."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.replicas.align import WHITE, AlignedSlices, align_slices, join

CONTRASTS = 2


def volume(seed, *, slices=3, shape=(52, 60), offset=(0, 0)):
    """Ellipses of a brain with smooth noise in it, `uint8 [slice, contrast, i, j]`."""
    rng = np.random.default_rng(seed)
    images = np.zeros((slices, CONTRASTS, *shape), np.uint8)
    i, j = np.indices(shape)
    for number in range(slices):
        brain = ((i - 26) / 20) ** 2 + ((j - 30) / 24) ** 2 <= 1
        for contrast in range(CONTRASTS):
            field = ndimage.gaussian_filter(rng.normal(size=shape), 3)
            field = (field - field.min()) / np.ptp(field)
            images[number, contrast] = np.where(brain, 1 + np.rint(field * (WHITE - 1)), 0)
    return np.roll(images, offset, axis=(2, 3))


def cohort(patients, **how):
    """Aligned slices of patients 0 to n - 1."""
    return join([align_slices(volume(number, **how), patient=f"patient{number}") for number in range(patients)])


def copies(slices, patient="copied", *, noise=8.0, gain=1.0):
    """The same slices, noisy and darker, said to come from this patient's map."""
    rng = np.random.default_rng(0)
    noisy = np.clip(gain * slices.images + rng.normal(0, noise, slices.images.shape), 1, WHITE)
    images = np.where(slices.images > 0, np.rint(noisy), 0).astype(np.uint8)
    return AlignedSlices(images, np.full(len(slices), patient), slices.numbers)
