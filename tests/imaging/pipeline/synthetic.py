"""A small exam in a 1 mm grid, and predictors that are pure functions of each voxel."""

from itertools import permutations, product

import numpy as np

from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Channel, Modality
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from imaging.volume import Volume

SHAPE = (48, 40, 24)
CHANNELS = (Channel.T1, Channel.T2, Channel.FLAIR, Channel.T1CE_MINUS_T1)


def ball(centre, radius, shape=SHAPE):
    grid = np.indices(shape)
    distance = sum((axis - middle) ** 2 for axis, middle in zip(grid, centre, strict=True))
    return distance <= radius**2


def exam(*, tumour=True, affine=None):
    """A brain with a tumour that is bright in FLAIR (WT) and T2 (TC), and takes up contrast (ET)."""
    rng = np.random.default_rng(0)
    brain = ball((24, 20, 12), 11)
    arrays = {modality: np.where(brain, rng.integers(99, 101, SHAPE), 0).astype(np.int16) for modality in Modality}
    if tumour:
        arrays[Modality.FLAIR][ball((26, 18, 12), 6)] = 220
        arrays[Modality.T2][ball((26, 18, 12), 4)] = 220
        arrays[Modality.T1CE][ball((26, 18, 12), 3)] = 220
    affine = np.diag([1.0, 1, 1, 1]) if affine is None else affine
    return Exam({modality: Volume(array, Grid(SHAPE, affine)) for modality, array in arrays.items()})


def plans(**changes):
    return {region: ModelPlan(region=region, channels=CHANNELS, **changes) for region in Region}


CHANNEL_OF = {Region.WT: 2, Region.TC: 1, Region.ET: 3}


class VoxelPredictor:
    """Foreground where a region's channel is bright; remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def predict(self, region, slices):
        self.calls.append((region, slices.shape))
        return (slices[:, CHANNEL_OF[region]] > 1.9).astype(np.float32)


def all_orientations():
    """The 48 signed permutations of axes, as 4 x 4 matrices with 1 mm voxels."""
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.zeros((4, 4))
            matrix[3, 3] = 1
            for axis, (target, sign) in enumerate(zip(order, signs, strict=True)):
                matrix[target, axis] = sign
            yield matrix
