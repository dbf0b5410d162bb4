"""One head before it is scanned: a brain, the glioma that grew in it, its vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.modality import Modality
from imaging.phantom.anatomy import Anatomy, depth_below_surface, draw_pose, draw_positions, grow_anatomy
from imaging.phantom.errors import PhantomError
from imaging.phantom.fields import FloatVolume
from imaging.phantom.growth import Lesion, grow_lesion
from imaging.phantom.lesion import VOLUME_RANGE_ML, Enhancement, LesionPlan, mass_effect, plan_lesion
from imaging.phantom.template import load_template
from imaging.phantom.vessels import draw_vessels
from imaging.synthesis.side import Side


@dataclass(frozen=True)
class Streams:
    """Where chance comes from: independent streams of one seed, so that no part of a head depends on another's draws.

    Args:
        plan: For the tumour's plan.
        brain: For the brain.
        growth: For the tumour's shape.
        vessels: For the vessels.
        scans: For each contrast's look and scan.
    """

    plan: np.random.Generator
    brain: np.random.Generator
    growth: np.random.Generator
    vessels: np.random.Generator
    scans: dict[Modality, np.random.Generator]

    @classmethod
    def of_seed(cls, seed: int) -> Streams:
        """The streams of a seed.

        Raises:
            PhantomError: The seed is negative.
        """
        if seed < 0:
            raise PhantomError("seed", "must be at least 0", str(seed))
        plan, brain, growth, vessels, *scans = (
            np.random.default_rng(sequence) for sequence in np.random.SeedSequence(seed).spawn(4 + len(Modality))
        )
        return cls(plan, brain, growth, vessels, dict(zip(Modality, scans, strict=True)))


@dataclass(frozen=True, eq=False)
class Head:
    """What is where in one head, on the box.

    Args:
        plan: The tumour that was asked for.
        anatomy: The brain's tissues, pushed aside by it.
        lesion: The tumour that grew.
        vessels: How much of each voxel is enhancing vessel, `float32 [i, j, k]`, 0 to 1.
    """

    plan: LesionPlan
    anatomy: Anatomy
    lesion: Lesion
    vessels: FloatVolume


def grow_head(
    streams: Streams,
    *,
    enhancement: Enhancement | None = None,
    volume_ml: float | None = None,
    side: Side | None = None,
    volume_range_ml: tuple[float, float] = VOLUME_RANGE_ML,
) -> Head:
    """Deform the average brain and grow a glioma in it.

    Args:
        streams: Source of everything drawn; those for scans are left alone.
        enhancement: As for `plan_lesion`.
        volume_ml: Likewise.
        side: Likewise.
        volume_range_ml: Likewise.

    Raises:
        PhantomError: The volume is out of its range.
    """
    template = load_template()
    plan = plan_lesion(
        streams.plan,
        template,
        enhancement=enhancement,
        volume_ml=volume_ml,
        side=side,
        volume_range_ml=volume_range_ml,
    )
    pose = draw_pose(streams.brain)
    position_mm, brain = draw_positions(streams.brain, template, pose)
    position_mm = mass_effect(plan, pose, position_mm, depth_below_surface(brain))
    anatomy = grow_anatomy(streams.brain, template, position_mm, brain)
    lesion = grow_lesion(streams.growth, plan, pose, anatomy)
    return Head(plan, anatomy, lesion, draw_vessels(streams.vessels, anatomy))
