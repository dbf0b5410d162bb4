"""One exam through the three networks: WT on the brain, TC and ET where WT was found, gated, on the exam's grid."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt

from imaging.exam import Exam
from imaging.pipeline.check import check_exam
from imaging.pipeline.flight import fly
from imaging.pipeline.gate import gate
from imaging.pipeline.observer import Observer, SilentObserver, Stage
from imaging.pipeline.plan import MULTIPLE, ModelPlan, ModelPlans
from imaging.pipeline.predictor import Predictor, ask
from imaging.pipeline.stages import Stages
from imaging.pipeline.windows import Window, whole_windows, windows
from imaging.preprocess.channels import required_modalities, stack_channels
from imaging.preprocess.components import drop_small
from imaging.preprocess.prepare import PreparedExam, prepare
from imaging.regions import BoolVolume, Region

WINDOW_MARGIN = 32
"""Voxels that a network is shown about what it is asked about. On four patients, a box for each micro-batch then gave
the masks that one box for all of them gives; with 16, up to 400 voxels of WT more differed, for a tenth less work."""

_STAGE_OF = {Region.WT: Stage.SEGMENT_WT, Region.TC: Stage.SEGMENT_TC, Region.ET: Stage.SEGMENT_ET}


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What the pipeline found.

    Args:
        masks: `bool [i, j, k]` per region on the exam's own grid; ET inside TC inside WT.
        voxels_removed: Voxels per region that gating took away.
        shown_share: Of three times the frame's voxels, what the three networks were shown; cost goes with it.
        timings_s: Seconds per stage, in order. TC and ET are found at one time: their seconds are the same ones.
        warnings: What a reader must know, e.g. that no tumour was found.
    """

    masks: Mapping[Region, BoolVolume]
    voxels_removed: Mapping[Region, int]
    shown_share: float
    timings_s: Mapping[Stage, float]
    warnings: tuple[str, ...]


def segment(
    exam: Exam,
    predictor: Predictor,
    plans: ModelPlans,
    *,
    observer: Observer | None = None,
    micro_batch: int = 8,
    in_flight: int = 1,
    full_frame: bool = False,
) -> Segmentation:
    """Segment a skull-stripped, co-registered exam of 1 mm voxels.

    Args:
        exam: The modalities that the plans' channels need.
        predictor: Runs the networks.
        plans: One plan per region.
        observer: Follows the run and may cancel it between micro-batches.
        micro_batch: Slices per call of the predictor, their mirror images not counted.
        in_flight: Calls of the predictor at one time, and contrasts that are normalised at one time.
        full_frame: Show every slice of the whole frame to all three networks, brain or not: the reference, by which
            the shorter way is judged.

    Raises:
        ExamError: A modality is missing or constant, or the exam is not skull-stripped.
        GeometryError: Voxels are not 1 mm.
        PipelineCancelledError: The observer cancelled.
    """
    stages = Stages(observer or SilentObserver())
    with stages.run(Stage.CHECK):
        needed = required_modalities([channel for plan in plans.values() for channel in plan.channels])
        check_exam(exam, needed=needed)
    with stages.run(Stage.NORMALISE):
        prepared = prepare(exam, multiple=MULTIPLE, threads=in_flight, full_frame=full_frame)
    run = _Run(predictor, stages, prepared, micro_batch, in_flight, exam.grid.voxel_volume_ml)

    whole = whole_windows(prepared.brain.shape, micro_batch=micro_batch) if full_frame else None
    shown = whole or windows(prepared.brain, margin=WINDOW_MARGIN, micro_batch=micro_batch)
    voxels_shown = sum(window.voxels for window in shown)
    masks = run.regions({plans[Region.WT]: shown})
    masks[Region.WT] = run.drop_small(masks[Region.WT], plans[Region.WT])
    run.tell(Region.WT, prepared.restore(masks[Region.WT]))
    warnings: list[str] = []
    if masks[Region.WT].any():
        shown = whole or windows(masks[Region.WT], margin=WINDOW_MARGIN, micro_batch=micro_batch)
        voxels_shown += 2 * sum(window.voxels for window in shown)
        masks |= run.regions({plans[Region.TC]: shown, plans[Region.ET]: shown})
    else:
        masks |= dict.fromkeys((Region.TC, Region.ET), masks[Region.WT])
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
    shown_share = voxels_shown / (len(Region) * math.prod(exam.grid.shape))
    return Segmentation(restored, gated.voxels_removed, shown_share, stages.timings_s, tuple(warnings))


@dataclass(frozen=True)
class _Run:
    """The moving parts of one call of `segment`."""

    predictor: Predictor
    stages: Stages
    prepared: PreparedExam
    micro_batch: int
    in_flight: int
    voxel_volume_ml: float

    def tell(self, region: Region, mask: BoolVolume) -> None:
        self.stages.observer.found(region, mask, voxel_volume_ml=self.voxel_volume_ml)

    def regions(self, shown: Mapping[ModelPlan, Sequence[Window]]) -> dict[Region, npt.NDArray[np.bool_]]:
        """The regions' masks, `bool [slice, i, j]` each, found at one time: a network that idles helps no other."""
        masks = {plan.region: np.zeros(self.prepared.brain.shape, dtype=bool) for plan in shown}
        tallies = {plan.region: _Tally(total=sum(len(window.slices) for window in shown[plan])) for plan in shown}
        # By turns, so that both are fed from the first moment to the last.
        turns = zip(*([(plan, window) for window in seen] for plan, seen in shown.items()), strict=True)

        def work(piece: tuple[ModelPlan, Window]) -> None:
            plan, window = piece
            slices = stack_channels(window.cut(self.prepared.modalities), plan.channels, dtype=np.float16)
            window.paste(ask(self.predictor, plan, slices) > plan.threshold, masks[plan.region])

        def done(piece: tuple[ModelPlan, Window]) -> None:
            plan, window = piece
            tally = tallies[plan.region]
            tally.add(len(window.slices))
            self.stages.observer.progressed(_STAGE_OF[plan.region], tally.done, tally.total)

        observer = self.stages.observer
        fly(chain.from_iterable(turns), work, in_flight=self.in_flight, before=observer.check_cancelled, done=done)
        for region, tally in tallies.items():
            self.stages.timings_s[_STAGE_OF[region]] = tally.seconds
        return {region: mask & self.prepared.brain for region, mask in masks.items()}

    def drop_small(self, mask: npt.NDArray[np.bool_], plan: ModelPlan) -> npt.NDArray[np.bool_]:
        return drop_small(
            mask,
            voxel_volume_ml=self.voxel_volume_ml,
            min_component_ml=plan.min_component_ml,
            min_region_ml=plan.min_region_ml,
        )


@dataclass
class _Tally:
    """How far one network is, and how long it took until then."""

    total: int
    done: int = 0
    seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    def add(self, slices: int) -> None:
        self.done += slices
        self.seconds = time.perf_counter() - self.started
