"""One exam as it was acquired, through the networks, and its masks back on the grid that the caller names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imaging.casecheck.check import CaseReport
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.pipeline.observer import Observer, SilentObserver, Stage
from imaging.pipeline.plan import ModelPlans
from imaging.pipeline.predictor import Predictor
from imaging.pipeline.segment import segment
from imaging.pipeline.stages import Stages
from imaging.pipeline.standardise import ExtractBrain, Preparation, StandardExam, standardise
from imaging.preprocess.channels import required_modalities
from imaging.raw_exam import RawExam
from imaging.regions import BoolVolume, Region
from imaging.resample.masks import resample_mask, resample_masks


@dataclass(frozen=True, eq=False)
class ClinicalSegmentation:
    """What was found in an exam, on the grid of one of its modalities as sent.

    Args:
        masks: `bool [i, j, k]` per region; ET inside TC inside WT.
        grid: What they lie on.
        brain: What was taken for the brain, on the same grid; None where the exam came skull-stripped.
        preparations: What was done to each modality.
        voxels_removed: Voxels per region that gating took away, where the networks worked.
        shown_share: Of three times the frame's voxels, what the three networks were shown.
        timings_s: Seconds per stage, in order.
        warnings: What a reader must know.
    """

    masks: Mapping[Region, BoolVolume]
    grid: Grid
    brain: BoolVolume | None
    preparations: Mapping[Modality, Preparation]
    voxels_removed: Mapping[Region, int]
    shown_share: float
    timings_s: Mapping[Stage, float]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Workshop:
    """What the work is done with.

    Args:
        predictor: Runs the networks.
        plans: One plan per region.
        extract: Finds the brain; None where nothing can.
        micro_batch: Slices per call of the predictor, their mirror images not counted.
        in_flight: Calls of the predictor at one time.
        threads: For the registrations.
        max_voxels: Of one modality at 1 mm.
    """

    predictor: Predictor
    plans: ModelPlans
    extract: ExtractBrain | None
    micro_batch: int = 8
    in_flight: int = 1
    threads: int = 1
    max_voxels: int = 512**3

    @property
    def needs(self) -> dict[Region, tuple[Modality, ...]]:
        """The modalities that each region is found from."""
        return {region: required_modalities(plan.channels) for region, plan in self.plans.items()}


def segment_raw(
    raw: RawExam,
    report: CaseReport,
    workshop: Workshop,
    *,
    output: Modality = Modality.T1CE,
    full_frame: bool = False,
    observer: Observer | None = None,
) -> ClinicalSegmentation:
    """Align, resample, extract the brain, segment, and bring the masks back.

    Args:
        raw: The modalities that the plans' channels need.
        report: What the case check found; it must not refuse the exam.
        workshop: What the work is done with.
        output: The modality on whose grid the masks are wanted.
        full_frame: Whether the networks are shown everything, see `segment`.
        observer: Follows the run and may cancel it.

    Raises:
        ImagingError: The exam can't be brought into shape, see `standardise`, or segmented, see `segment`.
        PipelineCancelledError: The observer cancelled.
    """
    observer = observer or SilentObserver()
    stages = Stages(observer)
    standard = standardise(
        raw,
        report,
        extract=workshop.extract,
        stages=stages,
        max_voxels=workshop.max_voxels,
        threads=workshop.threads,
    )
    found = segment(
        standard.exam,
        workshop.predictor,
        workshop.plans,
        observer=observer,
        micro_batch=workshop.micro_batch,
        in_flight=workshop.in_flight,
        full_frame=full_frame,
    )
    stages.timings_s.update(found.timings_s)
    grid = raw.volumes[output].grid
    masks, brain = _returned(found.masks, standard, grid, output, stages)
    return ClinicalSegmentation(
        masks=masks,
        grid=grid,
        brain=brain,
        preparations=standard.preparations,
        voxels_removed=found.voxels_removed,
        shown_share=found.shown_share,
        timings_s=stages.timings_s,
        warnings=found.warnings,
    )


def _returned(
    masks: Mapping[Region, BoolVolume], standard: StandardExam, grid: Grid, output: Modality, stages: Stages
) -> tuple[Mapping[Region, BoolVolume], BoolVolume | None]:
    """The masks, and the brain, on the output's grid."""
    alignment = standard.preparations[output].alignment
    source, target = standard.exam.grid, grid.reorientation.target
    brain = None
    if alignment.registered or not source.matches(target):
        with stages.run(Stage.RETURN):
            masks = resample_masks(masks, source, target, motion=alignment.motion.inverse())
    if standard.brain is not None:
        found = standard.brain
        brain = resample_mask(found.voxels != 0, found.grid, target, motion=alignment.motion.inverse())
    undo = grid.reorientation.undo
    restored = {region: undo(mask) for region, mask in masks.items()}
    return restored, None if brain is None else undo(brain)
