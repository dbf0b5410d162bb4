"""One exam through the three networks: WT on the brain, TC and ET where WT was found, gated, on the exam's grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.exam import Exam
from imaging.pipeline.check import check_exam
from imaging.pipeline.gate import gate
from imaging.pipeline.observer import Observer, SilentObserver, Stage
from imaging.pipeline.plan import MULTIPLE, ModelPlan, ModelPlans
from imaging.pipeline.predictor import Predictor, ask
from imaging.pipeline.stages import Stages
from imaging.preprocess.box import Box
from imaging.preprocess.channels import required_modalities, stack_channels
from imaging.preprocess.components import drop_small
from imaging.preprocess.prepare import PreparedExam, from_slices, prepare
from imaging.regions import BoolVolume, Region

TUMOUR_MARGIN = 32
"""Voxels around WT for TC and ET: with this many, gating makes their answer equal to the full frame's."""

_STAGE_OF = {Region.WT: Stage.SEGMENT_WT, Region.TC: Stage.SEGMENT_TC, Region.ET: Stage.SEGMENT_ET}


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What the pipeline found.

    Args:
        masks: `bool [i, j, k]` per region on the exam's own grid; ET inside TC inside WT.
        voxels_removed: Voxels per region that gating took away.
        timings_s: Seconds per stage, in order.
        warnings: What a reader must know, e.g. that no tumour was found.
    """

    masks: Mapping[Region, BoolVolume]
    voxels_removed: Mapping[Region, int]
    timings_s: Mapping[Stage, float]
    warnings: tuple[str, ...]


def segment(
    exam: Exam,
    predictor: Predictor,
    plans: ModelPlans,
    *,
    observer: Observer | None = None,
    micro_batch: int = 8,
) -> Segmentation:
    """Segment a skull-stripped, co-registered exam of 1 mm voxels.

    Args:
        exam: The modalities that the plans' channels need.
        predictor: Runs the networks.
        plans: One plan per region.
        observer: Follows the run and may cancel it between micro-batches.
        micro_batch: Slices per call of the predictor.

    Raises:
        ExamError: A modality is missing or constant, or the exam is not skull-stripped.
        GeometryError: Voxels are not 1 mm.
        PipelineCancelledError: The observer cancelled.
    """
    stages = Stages(observer or SilentObserver())
    run = _Run(predictor, stages, micro_batch, voxel_volume_ml=exam.grid.voxel_volume_ml)
    with stages.run(Stage.CHECK):
        needed = required_modalities([channel for plan in plans.values() for channel in plan.channels])
        check_exam(exam, needed=needed)
    with stages.run(Stage.NORMALISE):
        prepared = prepare(exam, multiple=MULTIPLE)

    empty = np.zeros(prepared.brain.shape, dtype=bool)
    masks = dict.fromkeys(Region, empty)
    masks[Region.WT] = run.region(prepared, plans[Region.WT], prepared.brain)
    run.tell(Region.WT, prepared.restore(masks[Region.WT]))
    warnings: list[str] = []
    if masks[Region.WT].any():
        # The prepared box starts at a multiple itself, so multiples within it are multiples in the full frame.
        tumour = Box.around(from_slices(masks[Region.WT]), margin=TUMOUR_MARGIN, multiple=MULTIPLE)
        for region in (Region.TC, Region.ET):
            masks[region] = run.region(prepared, plans[region], masks[Region.WT], tumour)
    else:
        warnings.append("No tumour was found: WT, TC and ET are empty.")

    with stages.run(Stage.GATE):
        gated = gate(masks)
        final = dict(gated.masks)
        final[Region.TC] = run.drop_small(final[Region.TC], plans[Region.TC])
        final[Region.ET] = run.drop_small(final[Region.ET] & final[Region.TC], plans[Region.ET])
    with stages.run(Stage.RESTORE):
        restored = {region: prepared.restore(mask) for region, mask in final.items()}
    for region in (Region.TC, Region.ET):
        run.tell(region, restored[region])
    if restored[Region.WT].any() and not restored[Region.ET].any():
        warnings.append("No enhancing tumour was found: ET is empty.")
    return Segmentation(restored, gated.voxels_removed, stages.timings_s, tuple(warnings))


@dataclass(frozen=True)
class _Run:
    """The moving parts of one call of `segment`."""

    predictor: Predictor
    stages: Stages
    micro_batch: int
    voxel_volume_ml: float

    def tell(self, region: Region, mask: BoolVolume) -> None:
        self.stages.observer.found(region, mask, voxel_volume_ml=self.voxel_volume_ml)

    def region(
        self,
        prepared: PreparedExam,
        plan: ModelPlan,
        where: npt.NDArray[np.bool_],
        box: Box | None = None,
    ) -> npt.NDArray[np.bool_]:
        """A region's mask `bool [slice, i, j]`: the slices where `where` holds a voxel, in the box."""
        box = box or Box((0, 0, 0), from_slices(where).shape)
        observer, stage = self.stages.observer, _STAGE_OF[plan.region]
        with self.stages.run(stage):
            slices = np.flatnonzero(where.any(axis=(1, 2)))
            mask = np.zeros(where.shape, dtype=bool)
            i, j = slice(box.start[0], box.stop[0]), slice(box.start[1], box.stop[1])
            for start in range(0, len(slices), self.micro_batch):
                observer.check_cancelled()
                batch = slices[start : start + self.micro_batch]
                inputs = {modality: scores[batch, i, j] for modality, scores in prepared.modalities.items()}
                probabilities = ask(self.predictor, plan, stack_channels(inputs, plan.channels))
                mask[batch, i, j] = probabilities > plan.threshold
                observer.progressed(stage, start + len(batch), len(slices))
            mask &= prepared.brain
            return self.drop_small(mask, plan) if plan.region is Region.WT else mask

    def drop_small(self, mask: npt.NDArray[np.bool_], plan: ModelPlan) -> npt.NDArray[np.bool_]:
        return drop_small(
            mask,
            voxel_volume_ml=self.voxel_volume_ml,
            min_component_ml=plan.min_component_ml,
            min_region_ml=plan.min_region_ml,
        )
