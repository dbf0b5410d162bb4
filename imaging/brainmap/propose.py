"""Draws an edit that a brain map can take, at a place where a glioma may sit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imaging.brainmap.apply import mirror
from imaging.brainmap.edit import (
    MAX_ELASTIC_SCALE_MM,
    MAX_ELASTIC_SHARE,
    MAX_SCALE,
    MAX_SHIFT_MM,
    MIN_ELASTIC_SCALE_MM,
    MIN_SCALE,
    EditError,
    MapEdit,
    check_within,
)
from imaging.brainmap.fill import healthy_bands
from imaging.brainmap.maps import BrainMap, BrainMapError
from imaging.brainmap.midplane import MidPlane, to_world
from imaging.brainmap.motion import Motion
from imaging.brainmap.nearest import Indices, lookup, nearest
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.phantom.lesion import above_tentorium
from imaging.regions import BoolVolume
from imaging.synthesis.side import Side

SHAPES = 12
"""Sizes, rotations and shapes that are tried at most."""
PLACES = 24
"""Places that are tried at most with each of them."""

_STEP = 2
"""Every second voxel along each axis may become the lesion's centroid."""
_SAMPLE = 4000
_MAX_OUTSIDE = 0.1
"""Stricter than `apply_edit`, as the elastic field comes on top."""
_MAX_FLUID = 0.15
_MAX_MORE_ACROSS = 0.1
_MIN_ON_SIDE = 0.6
"""Of a lesion in the hemisphere wanted: more than half, as the elastic field comes on top."""
_FLUID_T2 = 3
_TEMPLATE_LOW_MM, _TEMPLATE_HIGH_MM = np.array([-70.0, -105.0, -72.0]), np.array([70.0, 73.0, 82.0])
"""Extent of the average brain that `above_tentorium` knows, in its world."""


@dataclass(frozen=True)
class EditRanges:
    """From what edits are drawn, uniformly. Valid once constructed.

    Args:
        shift_mm: Least and largest distance by which the lesion's centroid moves, 0 to `MAX_SHIFT_MM`.
        scale: Least and largest linear factor.
        rotation_deg: Largest rotation about each axis, either way, 0 to 180.
        elastic_mm: Least and largest elastic displacement, at most `MAX_ELASTIC_SHARE` of the least scale.
        elastic_scale_mm: Least and largest scale of the elastic field.
        depth_mm: Least distance of the lesion's centroid from the brain's surface, 0 to `MAX_SHIFT_MM`.
        mirror: Whether every second map is mirrored.
        side: The hemisphere that holds most of the lesion afterwards; None for either.

    Raises:
        BrainMapError: A number is not finite or out of its range, or a range is upside down.
    """

    shift_mm: tuple[float, float] = (0.0, 100.0)
    scale: tuple[float, float] = (0.7, 1.3)
    rotation_deg: float = 30.0
    elastic_mm: tuple[float, float] = (0.0, 4.0)
    elastic_scale_mm: tuple[float, float] = (16.0, 32.0)
    depth_mm: float = 10.0
    mirror: bool = True
    side: Side | None = None

    def __post_init__(self) -> None:
        most_elastic = MAX_ELASTIC_SHARE * self.elastic_scale_mm[0]
        for field, bounds, lowest, highest in (
            ("shift_mm", self.shift_mm, 0.0, MAX_SHIFT_MM),
            ("scale", self.scale, MIN_SCALE, MAX_SCALE),
            ("rotation_deg", (self.rotation_deg,), 0.0, 180.0),
            ("elastic_scale_mm", self.elastic_scale_mm, MIN_ELASTIC_SCALE_MM, MAX_ELASTIC_SCALE_MM),
            ("elastic_mm", self.elastic_mm, 0.0, most_elastic),
            ("depth_mm", (self.depth_mm,), 0.0, MAX_SHIFT_MM),
        ):
            for value in bounds:
                check_within(field, value, lowest=lowest, highest=highest)
            if bounds[0] > bounds[-1]:
                raise BrainMapError(field, "must hold the smaller number first", f"{bounds[0]:g}, {bounds[-1]:g}")


def draw_edit(brain_map: BrainMap, rng: np.random.Generator, ranges: EditRanges) -> MapEdit:
    """Draw an edit that moves a map's lesion to where a glioma may sit.

    The centroid comes to lie deep enough in the brain, roughly above the tentorium (which takes the map for one
    of a whole brain), not in fluid; of the lesion before elastic deformation
    no more than a tenth lies outside the brain, a small share in fluid, and little more than before beyond the
    midsagittal plane; most of it lies in the hemisphere wanted, if one is. Of all places alike, those that allow this
    are taken alike; large lesions are refused more often, so that sizes drawn lean to the small side where a range is
    wide.

    Args:
        brain_map: With a lesion.
        rng: Source of everything drawn.
        ranges: From what is drawn.

    Returns:
        An edit. `apply_edit` may still refuse it where a strong elastic field pushes the lesion out of the brain.

    Raises:
        EditError: The map has no lesion, or within `SHAPES` times `PLACES` draws no edit was found.
    """
    if not brain_map.lesion.any():
        raise EditError("lesion", "must be there to be changed", "a map without one")
    mirrored = ranges.mirror and bool(rng.integers(2))
    site = _Site.of_map(mirror(brain_map) if mirrored else brain_map)
    places = site.places(ranges)
    for _ in range(SHAPES if len(places) else 0):
        scale = rng.uniform(*ranges.scale)
        rotation_deg = rng.uniform(-ranges.rotation_deg, ranges.rotation_deg, 3).tolist()
        elastic_mm, elastic_scale_mm = rng.uniform(*ranges.elastic_mm), rng.uniform(*ranges.elastic_scale_mm)
        for place in places[rng.integers(len(places), size=PLACES)]:
            edit = MapEdit(
                shift_mm=tuple((site.grid.affine[:3, :3] @ (place - site.old.mean(axis=0))).tolist()),
                scale=scale,
                rotation_deg=tuple(rotation_deg),
                elastic_mm=elastic_mm,
                elastic_scale_mm=elastic_scale_mm,
                mirror=mirrored,
            )
            if site.takes(edit, ranges.side):
                return edit
    got = f"none in {SHAPES} x {PLACES} draws" if len(places) else "no place for the lesion's centroid"
    raise EditError("ranges", "must hold an edit that this map can take", got)


@dataclass(frozen=True, eq=False)
class _Site:
    """A brain as a place for lesions."""

    brain: BoolVolume
    fluid: BoolVolume
    old: Indices
    plane: MidPlane
    grid: Grid

    @classmethod
    def of_map(cls, brain_map: BrainMap) -> _Site:
        bands, brain = healthy_bands(brain_map), brain_map.brain
        # Fluid is bright in T2 and, alone among what is bright there, dark in FLAIR.
        fluid = (bands[Modality.T2] >= _FLUID_T2) & (bands[Modality.FLAIR] == 1)
        plane = MidPlane.of_brain(brain, brain_map.grid)
        return cls(brain, fluid, np.argwhere(brain_map.lesion), plane, brain_map.grid)

    def places(self, ranges: EditRanges) -> npt.NDArray[np.float64]:
        """Where the centroid may go, `float64 [n, 3]` in voxels."""
        thinned = (slice(None, None, _STEP),) * 3
        # Past the frame's ends there is no brain.
        coarse = np.pad(self.brain[thinned], 1)
        spacing_mm = [_STEP * spacing for spacing in self.grid.spacing_mm]
        depth_mm = ndimage.distance_transform_edt(coarse, sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
        centre = self.old.mean(axis=0)
        deep = np.argwhere((depth_mm >= ranges.depth_mm) & self.brain[thinned] & ~self.fluid[thinned]) * _STEP
        # The lesion's own place is one of a real tumour, wherever that is.
        places = np.vstack([centre, deep[self._in_hemispheres(deep)]])
        shift_mm = np.linalg.norm(to_world(places, self.grid) - to_world(centre, self.grid), axis=1)
        allowed = (shift_mm >= ranges.shift_mm[0]) & (shift_mm <= ranges.shift_mm[1])
        if ranges.side is not None:
            allowed &= self._on(places, ranges.side)
        return np.asarray(places[allowed])

    def _in_hemispheres(self, voxels: Indices) -> npt.NDArray[np.bool_]:
        """Which voxels are neither cerebellum nor brain stem, `bool [n]`, by their place in the brain's extent."""
        inside = np.argwhere(self.brain)
        low, high = inside.min(axis=0), inside.max(axis=0)
        share = (voxels - low) / np.maximum(high - low, 1)
        return above_tentorium((_TEMPLATE_LOW_MM + share * (_TEMPLATE_HIGH_MM - _TEMPLATE_LOW_MM)).T)

    def takes(self, edit: MapEdit, side: Side | None) -> bool:
        """Whether the lesion, before elastic deformation, lies well in its new place, on the side wanted."""
        sample = self.old[:: max(len(self.old) // _SAMPLE, 1)]
        moved = Motion.of_edit(edit, self.old, grid=self.grid).apply(sample)
        voxels = nearest(moved)
        return (
            1.0 - float(lookup(self.brain, voxels).mean()) <= _MAX_OUTSIDE
            and float(lookup(self.fluid, voxels).mean()) <= _MAX_FLUID
            and self._across(moved) <= self._across(sample) + _MAX_MORE_ACROSS
            and (side is None or float(self._on(moved, side).mean()) >= _MIN_ON_SIDE)
        )

    def _across(self, voxels: Indices | npt.NDArray[np.float64]) -> float:
        """Share of a lesion in the hemisphere that holds less of it."""
        right = float(self._on(voxels, Side.RIGHT).mean())
        return min(right, 1.0 - right)

    def _on(self, voxels: Indices | npt.NDArray[np.float64], side: Side) -> npt.NDArray[np.bool_]:
        """Which voxels lie in a hemisphere, `bool [n]`."""
        right = self.plane.right_of(to_world(voxels, self.grid)) > 0
        return right if side is Side.RIGHT else ~right
