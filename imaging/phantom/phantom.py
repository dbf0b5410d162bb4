"""A phantom: an exam of a glioma that nobody has, with true labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imaging.exam import Exam
from imaging.labels import LabelScheme
from imaging.phantom.acquisition import acquire, draw_protocol
from imaging.phantom.contrast import draw_appearance, render
from imaging.phantom.frame import GRID, to_frame
from imaging.phantom.head import Streams, grow_head
from imaging.phantom.lesion import Enhancement, LesionPlan
from imaging.regions import BoolVolume, Region
from imaging.volume import Volume


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
        kind = {
            Enhancement.RING: "ring-enhancing",
            Enhancement.NODULAR: "nodular enhancing",
            Enhancement.NONE: "non-enhancing",
        }[self.plan.enhancement]
        where = f"of the {self.plan.side} hemisphere"
        return f"Synthetic phantom, no patient: {kind} glioma {where}, {volumes}; seed {self.seed}."


def make_phantom(seed: int, *, enhancement: Enhancement | None = None, volume_ml: float | None = None) -> Phantom:
    """Make a phantom. The same arguments give the same voxels, on one kind of machine and one set of versions.

    Args:
        seed: Decides everything that is not given; at least 0.
        enhancement: How the tumour takes up contrast agent; drawn if None.
        volume_ml: Volume of the whole tumour aimed at, 20 to 180; drawn if None.

    Raises:
        PhantomError: The seed is negative or the volume out of range.
    """
    streams = Streams.of_seed(seed)
    head = grow_head(streams, enhancement=enhancement, volume_ml=volume_ml)
    volumes = {}
    for modality, rng in streams.scans.items():
        ideal = render(rng, draw_appearance(rng, modality), head.anatomy, head.lesion, head.vessels)
        scanned = acquire(rng, draw_protocol(rng, modality), ideal, head.anatomy.brain)
        volumes[modality] = Volume(to_frame(scanned), GRID)
    masks = {region: to_frame(mask) for region, mask in head.lesion.masks.items()}
    return Phantom(Exam(volumes), MappingProxyType(masks), head.plan, seed)
