"""A head that is known everywhere in the world: it can be looked at on any grid, by any contrast, after any motion."""

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.geometry import Grid
from imaging.modality import Channel, Modality
from imaging.pipeline.plan import ModelPlan
from imaging.raw_exam import RawExam
from imaging.regions import Region
from imaging.registration.motion import RigidMotion
from imaging.volume import Volume

LESION_MM = (18.0, 12.0, 8.0)
RADII_MM = {Region.WT: 15.0, Region.TC: 10.0, Region.ET: 6.0}

_TISSUES = {
    # scalp, brain, deep grey, fluid, oedema, core, rim
    Modality.T1: (220, 150, 120, 40, 110, 80, 100),
    Modality.T1CE: (230, 155, 125, 45, 115, 85, 260),
    Modality.T2: (140, 120, 100, 300, 220, 240, 200),
    Modality.FLAIR: (130, 130, 115, 30, 420, 420, 420),
}

_FOLDS = {Modality.T1: 60.0, Modality.T1CE: 55.0, Modality.T2: -80.0, Modality.FLAIR: -30.0}


def grid(shape, spacing, *, rotation_deg=(0, 0, 0), shift_mm=(0, 0, 0)):
    """A grid whose middle lies at the middle of the world, moved and turned."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(rotation_deg, degrees=True).as_matrix() * np.array(spacing)
    affine[:3, 3] = np.array(shift_mm) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(tuple(shape), affine)


def world_of(at, motion=None):
    index = np.stack(np.meshgrid(*[np.arange(extent) for extent in at.shape], indexing="ij")).reshape(3, -1)
    world = at.affine[:3, :3] @ index + at.affine[:3, 3:]
    if motion is not None:
        back = motion.inverse().matrix
        world = back[:3, :3] @ world + back[:3, 3:]
    return world.reshape(3, *at.shape)


def inside(world, centre, radii):
    offset = (world - np.reshape(centre, (3, 1, 1, 1))) / np.reshape(radii, (3, 1, 1, 1))
    return (offset**2).sum(axis=0) <= 1.0


def brain_at(at, motion=None):
    return inside(world_of(at, motion), (0, 0, 0), (62, 75, 55))


def lesion_at(at, region, motion=None):
    return inside(world_of(at, motion), LESION_MM, (RADII_MM[region],) * 3)


def look(modality, at, *, skull=True, motion=None):
    """What a contrast shows on a grid.

    Args:
        motion: How the patient has moved since the T1CE: from where things were to where they are.
    """
    world = world_of(at, motion)
    scalp, brain, grey, fluid, oedema, core, rim = _TISSUES[modality]
    voxels = np.zeros(at.shape, dtype=np.float32)
    if skull:
        voxels[inside(world, (0, 0, 0), (84, 102, 84))] = scalp
        voxels[inside(world, (0, 0, 0), (74, 90, 70))] = 20
    voxels[inside(world, (0, 0, 0), (62, 75, 55))] = brain
    for centre, radii in (((-25, 20, 5), (14, 22, 16)), ((24, -30, -10), (20, 12, 14)), ((0, -50, 15), (12, 9, 20))):
        voxels[inside(world, centre, radii)] = grey
    for centre, radii in (((-9, 3, 12), (5, 24, 9)), ((10, -2, 14), (4, 20, 8)), ((-30, -40, -20), (9, 6, 7))):
        voxels[inside(world, centre, radii)] = fluid
    voxels[voxels > 0] += (_FOLDS[modality] * folds(world))[voxels > 0]
    for region, value in ((Region.WT, oedema), (Region.TC, core), (Region.ET, rim)):
        voxels[inside(world, LESION_MM, (RADII_MM[region],) * 3)] = value
    return Volume(np.maximum(voxels, 0), at)


def folds(world):
    """Light and dark as between gyri, from -1 to 1: without it, ellipsoids would fit in many ways."""
    rng = np.random.default_rng(4)
    waves = rng.normal(size=(6, 3))
    waves *= (2 * np.pi / rng.uniform(18.0, 45.0, 6) / np.linalg.norm(waves, axis=1))[:, None]
    phases = np.tensordot(waves.astype(np.float32), world.astype(np.float32), 1)
    return np.sin(phases).mean(axis=0)


def exam(grids, *, skull=True, motions=None):
    """A raw exam: a grid per modality, and how the patient had moved by then."""
    return RawExam(
        {
            modality: look(modality, grids[modality], skull=skull, motion=(motions or {}).get(modality))
            for modality in Modality
        }
    )


class BrightFlair:
    """Finds what is bright in FLAIR, which is the lesion; TC and ET by what they look like in T1 and T1CE - T1."""

    def predict(self, region, slices):
        slices = slices.astype(np.float32)
        score = {Region.WT: slices[:, 2] - 2.5, Region.TC: 0.0 - slices[:, 0], Region.ET: slices[:, -1] - 2.0}[region]
        if region is not Region.WT:
            score = np.minimum(score, slices[:, 2] - 2.5)
        return (1.0 / (1.0 + np.exp(-8.0 * score))).astype(np.float32)


CHANNELS = (Channel.T1, Channel.T2, Channel.FLAIR)
PLANS = {
    region: ModelPlan(region, CHANNELS if region is Region.WT else (*CHANNELS, Channel.T1CE_MINUS_T1))
    for region in Region
}
MOVED = RigidMotion.about((0, 0, 0), rotation_deg=(3, -4, 6), shift_mm=(4, -6, 3))
