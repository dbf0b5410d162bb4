"""Brain extraction: a rough look at the whole head finds the box, a fine look at the box finds the brain.

The way of deepbet (Fisch et al. 2024), whose networks these are: axes in RAS+ order, what is looked at brought to a
cube by its nearest voxels, intensities scaled between two percentiles of the whole field of view, the box a tenth
wider than the brain on each side, the largest component, holes filled. Here the cube's intensities and the
probabilities are levels of one byte, a quarter of what would travel to a server otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from imaging.brain.components import fill_holes, keep_largest
from imaging.brain.cube import LEVELS, resize, to_levels
from imaging.brain.plan import BrainPlan, BrainStep, BrainStepPlan
from imaging.errors import ExamError
from imaging.preprocess.box import Box
from imaging.regions import BoolVolume
from imaging.volume import Volume

PERCENTILES = (0.5, 99.5)
"""Of the whole field of view's intensities: what becomes the darkest and the brightest level."""
MARGIN = 0.1
"""By which the box is wider than the brain on each side, as a share of the brain's extent."""
OCCUPIED = 0.02
"""Share of a plane that must be brain for the plane to count when the box is drawn; less is a speck."""


class BrainNetwork(Protocol):
    """Runs the networks of brain extraction. Called from worker threads, must be thread-safe."""

    def find_brain(self, step: BrainStep, volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Probabilities of brain.

        Args:
            step: Which network.
            volume: `uint8 [i, j, k]`, axes in RAS+ order, levels 0 to 255, all extents multiples of 32; in use the
                cube of the step's plan.

        Returns:
            `uint8 [i, j, k]` of the same shape: probability times 255.
        """
        ...


def extract_brain(
    volume: Volume,
    network: BrainNetwork,
    plan: BrainPlan,
    *,
    field: str = "volume",
    check_cancelled: Callable[[], None] = lambda: None,
) -> BoolVolume:
    """Find the brain in a head.

    Args:
        volume: A head with its skull, best a T1CE or a T1 as it was acquired. Any spacing, any orientation: volumes
            that differ in the order and direction of their axes alone get masks that do so too.
        network: What runs the networks.
        plan: How the networks are used.
        field: How the volume is named in an error.
        check_cancelled: Called before each network runs; raises if the caller no longer wants the mask.

    Returns:
        `bool [i, j, k]` on the volume's own grid: one piece without holes.

    Raises:
        ExamError: The volume is of one intensity, or shows nothing like a brain.
    """
    canonical = volume.canonical()
    head = resize(canonical.voxels, (plan.box.side,) * 3).astype(np.float32)
    low, high = (float(level) for level in np.percentile(head, PERCENTILES))
    if not high > low:
        raise ExamError(field, "must show a head: more than one intensity", f"{low:g} to {high:g}")

    check_cancelled()
    rough = _find(network, plan.box, to_levels(head, low=low, high=high))
    field_of_view_ml = canonical.grid.voxel_volume_ml * canonical.voxels.size
    _require_brain(rough, plan.box, voxel_volume_ml=field_of_view_ml / rough.size, field=field)
    box = _box_around(rough, canonical.grid.shape, field=field)

    check_cancelled()
    seen = to_levels(box.cut(canonical.voxels), low=low, high=high)
    fine = _find(network, plan.mask, resize(seen, (plan.mask.side,) * 3))
    brain = fill_holes(keep_largest(resize(fine, box.shape)))
    _require_brain(brain, plan.mask, voxel_volume_ml=canonical.grid.voxel_volume_ml, field=field)
    return volume.grid.reorientation.undo(box.paste(brain, canonical.grid.shape))


def _find(network: BrainNetwork, plan: BrainStepPlan, cube: npt.NDArray[np.uint8]) -> BoolVolume:
    found: BoolVolume = network.find_brain(plan.step, cube) > plan.threshold * LEVELS
    return keep_largest(found) if plan.step is BrainStep.BOX else found


def _require_brain(brain: BoolVolume, plan: BrainStepPlan, *, voxel_volume_ml: float, field: str) -> None:
    volume_ml = np.count_nonzero(brain) * voxel_volume_ml
    if volume_ml == 0.0 or volume_ml < plan.smallest_ml:
        raise ExamError(field, f"must show a brain: {plan.smallest_ml:g} ml or more of it", f"{volume_ml:.0f} ml")


def _box_around(rough: BoolVolume, shape: tuple[int, int, int], *, field: str) -> Box:
    """The box about the brain in a volume of this shape, from a mask of the whole volume at another size."""
    start, stop = [], []
    for axis, extent in enumerate(shape):
        others = tuple(other for other in range(3) if other != axis)
        planes = np.flatnonzero(rough.mean(axis=others) > OCCUPIED)
        if planes.size == 0:
            raise ExamError(field, f"must show a brain that fills {OCCUPIED:.0%} of a plane", "less")
        first, last = int(planes[0]), int(planes[-1]) + 1
        scale = extent / rough.shape[axis]
        centre = round(scale * (first + last) / 2)
        size = round(scale * (last - first) * (1 + 2 * MARGIN))
        start.append(max(int(centre - size / 2), 0))
        stop.append(min(max(int(centre + size / 2), start[-1] + 1), extent))
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
