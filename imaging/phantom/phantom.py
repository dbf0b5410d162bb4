"""A phantom: an exam of a glioma that nobody has, with true labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.exam import Exam
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.phantom.acquisition import acquire, draw_protocol
from imaging.phantom.anatomy import depth_below_surface, draw_pose, draw_positions, grow_anatomy
from imaging.phantom.contrast import draw_appearance, render
from imaging.phantom.errors import PhantomError
from imaging.phantom.frame import BOX, GRID, SHAPE
from imaging.phantom.growth import grow_lesion
from imaging.phantom.lesion import Enhancement, LesionPlan, mass_effect, plan_lesion
from imaging.phantom.template import load_template
from imaging.phantom.vessels import draw_vessels
from imaging.regions import BoolVolume, Region
from imaging.volume import Volume

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic exam with its truth.

    Args:
        exam: T1, T1CE, T2 and FLAIR, `int16 [240, 240, 155]`, 1 mm, skull-stripped, background 0, like BraTS 2018.
        masks: WT, TC and ET, `bool [240, 240, 155]`, nested, inside the brain. ET is empty in tumours without uptake.
        plan: The tumour that was grown; its volumes were aimed at, those of the masks are true.
        seed: What it was made from.
    """

    exam: Exam
    masks: Mapping[Region, BoolVolume]
    plan: LesionPlan
    seed: int

    @property
    def case_id(self) -> str:
        """A name in the manner of BraTS, e.g. `Phantom_0007`."""
        return f"Phantom_{self.seed:04d}"

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """The truth as labels of BraTS 2018: NCR 1, ED 2, ET 4; `uint8 [240, 240, 155]`."""
        return LabelScheme.BRATS_2018.from_regions(self.masks)

    @property
    def description(self) -> str:
        """What it shows, in a sentence."""
        volumes = ", ".join(
            f"{region.name} {np.count_nonzero(mask) * self.exam.grid.voxel_volume_ml:.1f} ml"
            for region, mask in self.masks.items()
        )
        side = "left" if self.plan.centre_mm[0] < 0 else "right"
        kind = {
            Enhancement.RING: "ring-enhancing",
            Enhancement.NODULAR: "nodular enhancing",
            Enhancement.NONE: "non-enhancing",
        }[self.plan.enhancement]
        return f"Synthetic phantom, no patient: {kind} glioma of the {side} hemisphere, {volumes}; seed {self.seed}."


def make_phantom(seed: int, *, enhancement: Enhancement | None = None, volume_ml: float | None = None) -> Phantom:
    """Make a phantom. The same arguments give the same voxels, on one kind of machine and one set of versions.

    Args:
        seed: Decides everything that is not given; at least 0.
        enhancement: How the tumour takes up contrast agent; drawn if None.
        volume_ml: Volume of the whole tumour aimed at, 20 to 180; drawn if None.

    Raises:
        PhantomError: The seed is negative or the volume out of range.
    """
    if seed < 0:
        raise PhantomError("seed", "must be at least 0", str(seed))
    for_plan, for_brain, for_growth, for_vessels, *for_scans = (
        np.random.default_rng(sequence) for sequence in np.random.SeedSequence(seed).spawn(4 + len(Modality))
    )
    template = load_template()
    plan = plan_lesion(for_plan, template, enhancement=enhancement, volume_ml=volume_ml)
    pose = draw_pose(for_brain)
    position_mm, brain = draw_positions(for_brain, template, pose)
    position_mm = mass_effect(plan, pose, position_mm, depth_below_surface(brain))
    anatomy = grow_anatomy(for_brain, template, position_mm, brain)
    lesion = grow_lesion(for_growth, plan, pose, anatomy)
    vessels = draw_vessels(for_vessels, anatomy)
    volumes = {}
    for modality, rng in zip(Modality, for_scans, strict=True):
        ideal = render(rng, draw_appearance(rng, modality), anatomy, lesion, vessels)
        scanned = acquire(rng, draw_protocol(rng, modality), ideal, brain)
        volumes[modality] = Volume(_frame(scanned), GRID)
    masks = {region: _frame(mask) for region, mask in lesion.masks.items()}
    return Phantom(Exam(volumes), MappingProxyType(masks), plan, seed)


def _frame(box: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A volume of the box in the full frame, 0 around it."""
    framed = np.zeros(SHAPE, dtype=box.dtype)
    framed[BOX] = box
    return framed
