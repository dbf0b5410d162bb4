"""Masks from one grid to another, by how much of each new voxel they cover."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imaging.geometry import Grid
from imaging.preprocess.box import Box
from imaging.regions import BoolVolume, Region, RegionMasks
from imaging.registration.motion import RigidMotion
from imaging.resample.volume import Interpolation, interpolate
from imaging.volume import Volume

MAX_PARTS = 8
"""Most parts that a new voxel is divided into along an axis."""
_MARGIN = 2
"""New voxels around the mask that may be covered in part."""


def resample_masks(
    masks: RegionMasks, source: Grid, onto: Grid, *, motion: RigidMotion | None = None
) -> dict[Region, BoolVolume]:
    """Region masks on another grid, see `resample_mask`; ET stays inside TC, and TC inside WT.

    Args:
        masks: `bool [i, j, k]` per region on the source grid, nested.
        source: Where they lie.
        onto: Where they are wanted.
        motion: Takes positions of the new grid's world to the masks'; None where both are one world.
    """
    moved = {region: resample_mask(mask, source, onto, motion=motion) for region, mask in masks.items()}
    # By ranks of their own, a voxel of the inner region may be left out of the outer one: it belongs to both.
    moved[Region.TC] = moved[Region.TC] | moved[Region.ET]
    moved[Region.WT] = moved[Region.WT] | moved[Region.TC]
    return moved


def resample_mask(mask: BoolVolume, source: Grid, onto: Grid, *, motion: RigidMotion | None = None) -> BoolVolume:
    """A mask on another grid, its volume kept.

    Of every new voxel the share that the mask covers is measured; as many voxels as the shares sum up to, the best
    covered ones, make up the new mask. So thick slices neither swell a lesion nor lose one that fills less than half
    of a slice, and what lies outside the new field of view is not made up for.

    Args:
        mask: `bool [i, j, k]` on the source grid.
        source: Where it lies.
        onto: Where it is wanted.
        motion: Takes positions of the new grid's world to the mask's; None where both are one world.

    Returns:
        `bool [i, j, k]` on the new grid; at least one voxel where any of the mask is in the field of view.
    """
    moved = np.zeros(onto.shape, dtype=bool)
    motion = motion or RigidMotion.identity()
    box = _box(mask, source, onto, motion)
    if box is None:
        return moved
    shares = _shares(mask, source, _part(onto, box), motion)
    total = float(shares.sum(dtype=np.float64))
    if total <= 0.0:
        return moved
    count = max(round(total), 1)
    best = np.argsort(-shares, axis=None, kind="stable")[:count]
    chosen = np.zeros(shares.shape, dtype=bool)
    chosen.ravel()[best] = shares.ravel()[best] > 0.0
    return box.paste(chosen, onto.shape)


def _box(mask: BoolVolume, source: Grid, onto: Grid, motion: RigidMotion) -> Box | None:
    """Where on the new grid the mask may be; None where nowhere."""
    where = np.argwhere(mask)
    if not len(where):
        return None
    low, high = where.min(axis=0) - 0.5, where.max(axis=0) + 0.5
    corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1)
    to_voxels = np.linalg.inv(onto.affine) @ motion.inverse().matrix @ source.affine
    there = to_voxels[:3, :3] @ corners + to_voxels[:3, 3:]
    start = np.maximum(np.floor(there.min(axis=1)).astype(int) - _MARGIN, 0)
    stop = np.minimum(np.ceil(there.max(axis=1)).astype(int) + _MARGIN + 1, onto.shape)
    if (stop <= start).any():
        return None
    return Box((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))


def _part(grid: Grid, box: Box) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array(box.start)
    return Grid(box.shape, affine)


def _shares(mask: BoolVolume, source: Grid, onto: Grid, motion: RigidMotion) -> npt.NDArray[np.float32]:
    """The share of each new voxel that the mask covers, `float32 [i, j, k]`, 0 to 1."""
    finest = min(source.spacing_mm)
    parts = np.clip(np.ceil(np.array(onto.spacing_mm) / finest - 0.01).astype(int), 1, MAX_PARTS)
    affine = onto.affine.copy()
    affine[:3, :3] /= parts
    affine[:3, 3] -= affine[:3, :3] @ ((parts - 1) / 2.0)
    i, j, k = (int(extent) for extent in np.array(onto.shape) * parts)
    fine = Grid((i, j, k), affine)
    covered = Volume(mask.astype(np.float32), source)
    voxels = interpolate(covered, fine, motion=motion, interpolation=Interpolation.LINEAR).voxels
    split = voxels.reshape(onto.shape[0], parts[0], onto.shape[1], parts[1], onto.shape[2], parts[2])
    return np.asarray(split.mean(axis=(1, 3, 5)), dtype=np.float32)
