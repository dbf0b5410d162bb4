"""What glioma a phantom has: kind, place and size, and how it pushes the brain aside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from imaging.phantom.anatomy import Pose
from imaging.phantom.errors import PhantomError
from imaging.phantom.fields import FloatVolume
from imaging.phantom.frame import BOX_SHAPE
from imaging.phantom.template import Template
from imaging.regions import BoolVolume
from imaging.synthesis.side import Side

VOLUME_RANGE_ML = (20.0, 180.0)
"""Whole tumours, most of what BraTS holds."""
_MEDIAN_VOLUME_ML = 75.0
_MASS_EFFECT_REACH_MM = 25.0
_SKULL_HOLDS_MM = 8.0


class Enhancement(StrEnum):
    """How a tumour core takes up contrast agent."""

    RING = "ring"
    """A rim of uneven thickness around necrosis, as in most glioblastomas."""
    NODULAR = "nodular"
    """Solid, patchy uptake."""
    NONE = "none"
    """No uptake, as in most low-grade gliomas: there is no ET."""


_FREQUENCY = {Enhancement.RING: 0.6, Enhancement.NODULAR: 0.2, Enhancement.NONE: 0.2}
_CORE_FRACTION = {Enhancement.RING: (0.2, 0.55), Enhancement.NODULAR: (0.1, 0.35), Enhancement.NONE: (0.35, 0.75)}
"""Range of TC over WT."""
_FLUID_FRACTION = {Enhancement.RING: (0.3, 1.0), Enhancement.NODULAR: (0.0, 0.3), Enhancement.NONE: (0.0, 0.35)}
"""Range of how much of the core that does not enhance is fluid; the rest is solid tumour."""


@dataclass(frozen=True)
class LesionPlan:
    """A glioma before it is grown.

    Args:
        enhancement: How its core takes up contrast agent.
        wt_ml: Volume of the whole tumour aimed at.
        tc_ml: Volume of its core aimed at.
        centre_mm: Middle of the core in the template's world, RAS+, before deformation.
        rim_mm: Mean thickness of an enhancing rim.
        fluid: Share of the core without uptake that is fluid, 0 to 1.
        push_mm: How far tissue at the core's surface is pushed outwards.
    """

    enhancement: Enhancement
    wt_ml: float
    tc_ml: float
    centre_mm: tuple[float, float, float]
    rim_mm: float
    fluid: float
    push_mm: float

    @property
    def side(self) -> Side:
        """The hemisphere that it starts in."""
        return Side.LEFT if self.centre_mm[0] < 0 else Side.RIGHT

    @property
    def core_radius_mm(self) -> float:
        """Radius of a ball of the core's volume."""
        return _ball_radius_mm(self.tc_ml)


def plan_lesion(
    rng: np.random.Generator,
    template: Template,
    *,
    enhancement: Enhancement | None = None,
    volume_ml: float | None = None,
    side: Side | None = None,
    volume_range_ml: tuple[float, float] = VOLUME_RANGE_ML,
) -> LesionPlan:
    """Draw a glioma: three fifths ring-enhancing, a fifth nodular, a fifth without ET.

    Args:
        rng: Source of everything drawn.
        template: Where it may sit: in the white matter of either hemisphere, above the tentorium.
        enhancement: The kind wanted; drawn if None.
        volume_ml: The whole tumour's volume wanted; drawn if None.
        side: The hemisphere wanted; drawn if None. A tumour of the other one is mirrored.
        volume_range_ml: What the whole tumour's volume may be.

    Raises:
        PhantomError: The volume is out of its range.
    """
    low, high = volume_range_ml
    drawn_kind = Enhancement(rng.choice(list(_FREQUENCY), p=list(_FREQUENCY.values())))
    drawn_ml = float(np.clip(_MEDIAN_VOLUME_ML * np.exp(rng.normal(0.0, 0.6)), low, high))
    kind = drawn_kind if enhancement is None else Enhancement(enhancement)
    wt_ml = drawn_ml if volume_ml is None else volume_ml
    if not low <= wt_ml <= high:
        raise PhantomError("volume_ml", f"must be from {low:g} to {high:g}", f"{wt_ml:g}")
    tc_ml = wt_ml * rng.uniform(*_CORE_FRACTION[kind])
    radius_mm = _ball_radius_mm(tc_ml)
    return LesionPlan(
        enhancement=kind,
        wt_ml=wt_ml,
        tc_ml=tc_ml,
        centre_mm=_draw_centre(rng, template, side),
        rim_mm=float(min(rng.uniform(2.5, 5.0), 0.35 * radius_mm)),
        fluid=float(rng.uniform(*_FLUID_FRACTION[kind])),
        push_mm=float(radius_mm * rng.uniform(0.1, 0.35)),
    )


def above_tentorium(position_mm: npt.NDArray[np.floating]) -> BoolVolume:
    """Which positions `[3, ...]` of the template's world belong to the hemispheres, not to cerebellum or brain stem.

    A rough floor of three steps: low under the temporal lobes, higher behind them, highest in the middle.
    """
    x, y, z = np.abs(position_mm[0]), position_mm[1], position_mm[2]
    floor_mm = np.where((x > 28) & (y > -45), -24.0, -8.0)
    floor_mm = np.where(((x > 20) & (y > -18)) | (y > 8), -60.0, floor_mm)
    return np.asarray(z > floor_mm)


def mass_effect(plan: LesionPlan, pose: Pose, position_mm: FloatVolume, depth_mm: FloatVolume) -> FloatVolume:
    """The positions that voxels show once the tumour has pushed tissue away from its middle.

    The push grows to `push_mm` at the core's surface, dies away outside, and is held back by the skull.

    Args:
        plan: The tumour.
        pose: The pose of the head.
        position_mm: Positions before, `float32 [3, i, j, k]`.
        depth_mm: Distance to the brain's surface, `float32 [i, j, k]`.

    Returns:
        Positions after, `float32 [3, i, j, k]`.
    """
    offset = offsets_from(pose.to_voxels(plan.centre_mm))
    distance = np.sqrt(sum(component**2 for component in offset)) + np.float32(1e-3)
    inside = np.minimum(distance / plan.core_radius_mm, 1.0)
    fall = np.exp(-np.maximum(distance - plan.core_radius_mm, 0.0) / _MASS_EFFECT_REACH_MM)
    push = plan.push_mm * inside * fall * (1.0 - np.exp(-depth_mm / _SKULL_HOLDS_MM)) / distance
    linear = pose.linear.astype(np.float32)
    pulled = [sum(linear[row, axis] * offset[axis] for axis in range(3)) * push for row in range(3)]
    return np.asarray(position_mm - np.stack(pulled), dtype=np.float32)


def offsets_from(centre_voxels: npt.NDArray[np.float64]) -> list[FloatVolume]:
    """Offset of every voxel of the box from a voxel, one array per axis, shaped to broadcast over `[i, j, k]`."""
    axes = [
        np.arange(extent, dtype=np.float32) - np.float32(c) for extent, c in zip(BOX_SHAPE, centre_voxels, strict=True)
    ]
    return [axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]]


def _ball_radius_mm(volume_ml: float) -> float:
    return math.cbrt(3000.0 * volume_ml / (4.0 * math.pi))


def _draw_centre(rng: np.random.Generator, template: Template, side: Side | None) -> tuple[float, float, float]:
    allowed = _white_matter(template)
    x, y, z = allowed[rng.integers(len(allowed))].tolist()
    # The template is symmetric: what is white matter here is so on the other side.
    if side is not None:
        x = abs(x) if Side(side) is Side.RIGHT else -abs(x)
    return x, y, z


@lru_cache(maxsize=1)
def _white_matter(template: Template) -> npt.NDArray[np.float64]:
    """Where a tumour may start, `float64 [n, 3]`, mm: white matter off the midline, not at the brain's base."""
    position_mm = np.argwhere(template.wm > 0.6) + np.array(template.origin_mm)
    lateral = np.abs(position_mm[:, 0]) > 16
    allowed: npt.NDArray[np.float64] = position_mm[lateral & above_tentorium(position_mm.T) & (position_mm[:, 2] > -25)]
    return allowed
