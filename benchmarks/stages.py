"""One exam: where its time goes, and what crop and cascade save against the naive loop over the same ONNX files.

    python benchmarks/stages.py [--pairs 3] [--models models]

The exam is a phantom, or the first patient of GLIOSERVE_BRATS_DIR. The naive loop shows every slice of the full frame
to all three networks, and then thresholds, gates and drops small parts as the pipeline does.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pairing import time_paired

from imaging.brats import find_cases, load_exam
from imaging.exam import Exam
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.phantom import make_phantom
from imaging.pipeline.gate import gate
from imaging.pipeline.plan import ModelPlans
from imaging.pipeline.segment import Segmentation, segment
from imaging.preprocess.box import Box
from imaging.preprocess.channels import stack_channels
from imaging.preprocess.components import drop_small
from imaging.preprocess.normalise import find_brain, z_score
from imaging.preprocess.prepare import from_slices, to_slices
from imaging.regions import Region, RegionMasks
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor

MICRO_BATCH = 8
MULTIPLE = 16


def the_exam() -> tuple[Exam, str]:
    """The exam that is measured, and what to call it."""
    folder = os.environ.get("GLIOSERVE_BRATS_DIR")
    if folder:
        return load_exam(find_cases(Path(folder))[0]), "a patient"
    return make_phantom(7).exam, "phantom 7"


def naive(exam: Exam, predictor: OnnxRuntimePredictor, plans: ModelPlans) -> RegionMasks:
    """Every slice of the whole frame through every network."""
    reorientation = exam.grid.reorientation
    canonical = {modality: reorientation.apply(volume.voxels) for modality, volume in exam.volumes.items()}
    brain = find_brain(canonical)
    shape = brain.shape
    frame = Box((0, 0, 0), (-(-shape[0] // MULTIPLE) * MULTIPLE, -(-shape[1] // MULTIPLE) * MULTIPLE, shape[2]))
    scores = {modality: to_slices(frame.cut(z_score(voxels, brain))) for modality, voxels in canonical.items()}
    masks = {}
    for region, plan in plans.items():
        inputs = stack_channels(scores, plan.channels)
        answers = []
        for start in range(0, len(inputs), MICRO_BATCH):
            batch = inputs[start : start + MICRO_BATCH]
            answer = predictor.predict(region, batch)
            if plan.mirror:
                mirrored = predictor.predict(region, np.ascontiguousarray(batch[:, :, ::-1]))
                answer = (answer + mirrored[:, ::-1]) * np.float32(0.5)
            answers.append(answer > plan.threshold)
        masks[region] = frame.paste(from_slices(np.concatenate(answers)), shape) & brain
    volume_ml = exam.grid.voxel_volume_ml

    def kept(mask: npt.NDArray[np.bool_], region: Region) -> npt.NDArray[np.bool_]:
        plan = plans[region]
        return drop_small(
            mask,
            voxel_volume_ml=volume_ml,
            min_component_ml=plan.min_component_ml,
            min_region_ml=plan.min_region_ml,
        )

    masks[Region.WT] = kept(masks[Region.WT], Region.WT)
    gated = dict(gate(masks).masks)
    gated[Region.TC] = kept(gated[Region.TC], Region.TC)
    gated[Region.ET] = kept(gated[Region.ET] & gated[Region.TC], Region.ET)
    return {region: np.ascontiguousarray(reorientation.undo(mask)) for region, mask in gated.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models")
    arguments = parser.parse_args()
    exam, name = the_exam()
    predictor = OnnxRuntimePredictor(arguments.models)
    plans = predictor.catalog.plans
    runs: list[Segmentation] = []
    full: list[RegionMasks] = []
    times = time_paired(
        lambda: runs.append(segment(exam, predictor, plans, micro_batch=MICRO_BATCH)),
        lambda: full.append(naive(exam, predictor, plans)),
        pairs=arguments.pairs,
        warm_ups=0,
    )
    print(f"Exam: {name}, {os.cpu_count()} cores, in-process ONNX Runtime, {arguments.pairs} pairs, medians.\n")
    print(f"{'stage':<14}{'seconds':>10}")
    for stage in runs[0].timings_s:
        print(f"{stage.value:<14}{statistics.median(run.timings_s[stage] for run in runs):>10.2f}")
    print(f"{'pipeline':<14}{times.first_median_s:>10.2f}")
    print(f"{'naive loop':<14}{times.second_median_s:>10.2f}   {times.ratio:.2f} times the pipeline\n")
    print(f"{'region':<8}{'voxels':>10}{'flipped':>10}{'DSC of both':>14}")
    for region in Region:
        one, other = runs[0].masks[region], full[0][region]
        flipped = int(np.count_nonzero(one != other))
        dsc = compute_dsc(count_confusion(one, other))
        print(f"{region.name:<8}{int(np.count_nonzero(one)):>10}{flipped:>10}{dsc:>14.6f}")


if __name__ == "__main__":
    main()
