"""Small scans of the analytic head: noisy air where there is a skull, nothing where it was stripped."""

import numpy as np

from imaging.registration.motion import RigidMotion
from imaging.volume import Volume
from tests.imaging.pipeline import analytic

SMALL = analytic.grid((84, 100, 84), (2.2, 2.2, 2.2))
OWN = analytic.grid((90, 92, 86), (2.2, 2.4, 2.3), rotation_deg=(2, -3, 4), shift_mm=(3, -2, 4))
THICK = analytic.grid((150, 180, 34), (1.3, 1.3, 5.5), rotation_deg=(-5, 2, 3), shift_mm=(1, 4, -2))
MOVED = RigidMotion.about((5, -10, 3), rotation_deg=(6, -7, 8), shift_mm=(9, -8, 5))
CORNERS = np.array(np.meshgrid((-62.0, 62), (-75.0, 75), (-55.0, 55))).reshape(3, -1).T
"""Of the box around the brain."""


def scan(modality, at, *, skull=True, motion=None):
    """What a contrast shows on a grid after a motion; int16, as scanners store it."""
    seen = analytic.look(modality, at, skull=skull, motion=motion).voxels
    if skull:
        noise = np.random.default_rng(2).normal(scale=4.0, size=(2, *seen.shape))
        seen = np.sqrt((seen + noise[0]) ** 2 + noise[1] ** 2)
    return Volume(np.rint(seen).astype(np.int16), at)
