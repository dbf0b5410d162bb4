"""Grows a planned glioma in a brain: core, enhancement, and oedema that creeps along white matter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.graph import MCP_Geometric

from imaging.phantom.anatomy import Anatomy, Pose
from imaging.phantom.fields import FloatVolume, smooth_field, upsample
from imaging.phantom.frame import BOX_SHAPE
from imaging.phantom.lesion import Enhancement, LesionPlan, above_tentorium, offsets_from
from imaging.regions import BoolVolume, Region, RegionMasks

_COARSE = 2
_NEVER = np.float32(1e4)
_GM_DELAY = 6.0
_CSF_DELAY = 14.0
"""By how much of the arrival's unit, mm of white matter, a voxel's own grey matter or fluid holds oedema up."""
_SMALLEST_ISLAND_VOXELS = 60


@dataclass(frozen=True, eq=False)
class Lesion:
    """A grown glioma, on the box.

    Args:
        masks: WT, TC and ET, `bool [i, j, k]`, nested.
        oedema: How strongly oedema shows, `float32 [i, j, k]`, 0 to 1, about 1 near the core.
        fluid: Share of fluid in the core without uptake, `float32 [i, j, k]`, 0 to 1.
    """

    masks: RegionMasks
    oedema: FloatVolume
    fluid: FloatVolume

    @cached_property
    def soft_oedema(self) -> FloatVolume:
        """`oedema` with the edge of partial volume, as the next two."""
        return _soften(self.oedema, 1.0)

    @cached_property
    def soft_dead(self) -> FloatVolume:
        """Share of each voxel that is core without uptake, `float32 [i, j, k]`, 0 to 1."""
        return _soften(self.masks[Region.TC] & ~self.masks[Region.ET], 0.6)

    @cached_property
    def soft_enhancing(self) -> FloatVolume:
        """Share of each voxel that is enhancing tumour, likewise."""
        return _soften(self.masks[Region.ET], 0.9)


def grow_lesion(rng: np.random.Generator, plan: LesionPlan, pose: Pose, anatomy: Anatomy) -> Lesion:
    """Grow a glioma.

    The core is a level set: a tilted ellipsoid with smooth noise on its radius. Oedema is the set of voxels that a
    front from the core reaches first, a hundred times slower in fluid and eight times in grey matter than in
    white matter (the anisotropy of Swanson et al., Cell Prolif. 33, 2000, in arrival times). Both stay within
    brain, above the tentorium and on their side but for the corpus callosum, and stop at the planned volume.
    """
    domain = _domain(plan, anatomy)
    core = _grow_core(rng, plan, pose, domain)
    arrival = _arrival(rng, anatomy, domain, core)
    whole = core | _earliest(arrival, domain & ~core, voxels=round(1000 * plan.wt_ml) - int(core.sum()))
    whole = core | _without_islands(ndimage.binary_fill_holes(whole) & anatomy.brain)
    enhancing = _enhance(rng, plan, core)
    last = float(arrival[whole & ~core].max(initial=1.0))
    return Lesion(
        masks={Region.WT: whole, Region.TC: core, Region.ET: enhancing},
        oedema=np.where(whole & ~core, 1.0 - 0.35 * np.clip(arrival / last, 0, 1) ** 2, 0).astype(np.float32),
        fluid=_fluid(rng, plan),
    )


def _domain(plan: LesionPlan, anatomy: Anatomy) -> BoolVolume:
    x = anatomy.position_mm[0] * np.sign(plan.centre_mm[0])
    callosum = (anatomy.wm > 0.6) & (anatomy.position_mm[2] > 0) & (anatomy.position_mm[2] < 40)
    side = (x > 1.5) | (callosum & (x > -30))
    lakes = ndimage.uniform_filter(anatomy.csf, 3) > 0.6
    return np.asarray(anatomy.brain & above_tentorium(anatomy.position_mm) & side & ~lakes & (anatomy.depth_mm > 1.0))


def _grow_core(rng: np.random.Generator, plan: LesionPlan, pose: Pose, domain: BoolVolume) -> BoolVolume:
    radius = plan.core_radius_mm
    offset = offsets_from(pose.to_voxels(plan.centre_mm))
    tilt, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    axes = np.exp(rng.normal(0.0, 0.2, size=3))
    axes /= axes.prod() ** (1 / 3)
    squared = sum(
        (sum(np.float32(tilt[row, axis]) * offset[axis] for axis in range(3)) / np.float32(axes[row])) ** 2
        for row in range(3)
    )
    level = np.sqrt(squared)
    for share, scale_voxels in ((0.20, 0.6 * radius), (0.07, 0.25 * radius)):
        level += np.float32(share * radius) * smooth_field(rng, BOX_SHAPE, scale_voxels=max(scale_voxels, 2.0))
    core = _largest(_earliest(level, domain, voxels=round(1000 * plan.tc_ml)))
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_opening(core)))


def _arrival(rng: np.random.Generator, anatomy: Anatomy, domain: BoolVolume, core: BoolVolume) -> FloatVolume:
    """When the front from the core reaches each voxel, `float32 [i, j, k]`, in mm of white matter."""
    every = (slice(None, None, _COARSE),) * 3
    speed = 0.01 + 0.12 * anatomy.gm[every] + anatomy.wm[every] ** 2
    speed *= np.exp(0.5 * smooth_field(rng, speed.shape, scale_voxels=5.0))
    cost = np.where(domain[every] | core[every], 1.0 / speed, -1.0)
    starts = np.argwhere(core[every])
    reached, _ = MCP_Geometric(cost, sampling=(_COARSE,) * 3).find_costs(starts.tolist())
    coarse = np.minimum(reached, _NEVER).astype(np.float32)
    arrival = upsample(coarse, BOX_SHAPE, factor=_COARSE)
    fine = _GM_DELAY * anatomy.gm + _CSF_DELAY * anatomy.csf + smooth_field(rng, BOX_SHAPE, scale_voxels=2.5)
    return np.asarray(arrival + fine, dtype=np.float32)


def _enhance(rng: np.random.Generator, plan: LesionPlan, core: BoolVolume) -> BoolVolume:
    if plan.enhancement is Enhancement.NONE:
        return np.zeros_like(core)
    patches = smooth_field(rng, BOX_SHAPE, scale_voxels=3.5)
    if plan.enhancement is Enhancement.NODULAR:
        return np.asarray(core & (patches + smooth_field(rng, BOX_SHAPE, scale_voxels=8.0) > rng.uniform(-1.2, 0.2)))
    uneven = 1.0 + 0.45 * smooth_field(rng, BOX_SHAPE, scale_voxels=7.0) + 0.2 * patches
    thickness_mm = plan.rim_mm * np.clip(uneven, 0.0, 2.2)
    inner = ndimage.distance_transform_edt(core[_around(core)])
    depth_mm = np.zeros(core.shape, dtype=np.float32)
    depth_mm[_around(core)] = inner
    septa = (patches > 2.0) & (depth_mm < 3.5 * plan.rim_mm)
    return np.asarray(core & ((depth_mm <= thickness_mm) | septa))


def _fluid(rng: np.random.Generator, plan: LesionPlan) -> FloatVolume:
    patchy = plan.fluid + 0.25 * smooth_field(rng, BOX_SHAPE, scale_voxels=6.0)
    return np.asarray(np.clip(patchy, 0.0, 1.0), dtype=np.float32)


def _earliest(level: FloatVolume, domain: BoolVolume, *, voxels: int) -> BoolVolume:
    """The voxels of a domain where a level is lowest, as many as asked for, or the whole domain."""
    values = level[domain]
    if voxels >= values.size:
        return domain
    return np.asarray(domain & (level < np.partition(values, max(voxels, 0))[max(voxels, 0)]))


def _largest(mask: BoolVolume) -> BoolVolume:
    labels, _ = ndimage.label(mask)
    return np.asarray(mask & (labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])))


def _without_islands(mask: BoolVolume) -> BoolVolume:
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= _SMALLEST_ISLAND_VOXELS)[labels])


def _around(mask: BoolVolume) -> tuple[slice, slice, slice]:
    """The mask's bounding box with a margin of a voxel, inside the array."""
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    i, j, k = (slice(max(side.start - 1, 0), side.stop + 1) for side in found)
    return i, j, k


def _soften(mask: npt.NDArray[np.generic], sigma_voxels: float) -> FloatVolume:
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), sigma_voxels, truncate=3.0))
