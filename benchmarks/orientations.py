"""Is an exam that is stored in another orientation segmented alike? By the shipped networks, on patients.

    GLIOSERVE_BRATS_DIR=... python -m benchmarks.orientations [--patients 1] [--orders 48]

First the 48 orders and directions of a file's axes: the masks must be the same to the voxel. Then oblique grids: the
exam is resampled to a grid that is turned about one axis, or about three, segmented there, and compared with the masks
of the exam as it is, brought onto that grid. The turned exam was interpolated twice by then, once here in a scanner's
place and once by the pipeline. Exit code 1 if an order of axes changes a voxel.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import permutations, product
from pathlib import Path

import numpy as np
from nibabel import orientations
from scipy.spatial.transform import Rotation

from benchmarks.machine import cores
from benchmarks.workload import DATA_VARIABLE, ROOT
from imaging.brain.extract import extract_brain
from imaging.brats import find_cases, load_exam
from imaging.casecheck.check import check_case
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.pipeline.clinical import ClinicalSegmentation, Workshop, segment_raw
from imaging.raw_exam import RawExam
from imaging.regions import Region
from imaging.resample.masks import resample_masks
from imaging.resample.volume import Interpolation, resample
from imaging.volume import Volume
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor

TURNS_DEG = ((8.0, 0.0, 0.0), (5.0, -10.0, 15.0))
MARGIN = 24
"""Voxels that a turned grid is longer than the exam's, so that it holds all of the head."""
MIN_DSC = 0.99
_LEAST_INTENSITY = 1e-3


def main() -> int:
    """Run and print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1, help="the first so many")
    parser.add_argument("--orders", type=int, default=48, help="the first so many orders of axes")
    arguments = parser.parse_args()
    engine = OnnxRuntimePredictor(ROOT / "models", threads=cores())
    brain = engine.catalog.brain
    extract = None if brain is None else partial(extract_brain, network=engine, plan=brain.plan)
    workshop = Workshop(engine, engine.catalog.plans, extract, threads=1)
    changed = 0
    for number, case in enumerate(find_cases(Path(os.environ[DATA_VARIABLE]))[: arguments.patients], start=1):
        exam = load_exam(case)
        usual = run(exam, workshop)
        codes = list(all_axis_codes())[: arguments.orders]
        differing = [code for code in codes if not same_in(code, exam, usual, workshop)]
        print(f"patient {number}: {len(codes) - len(differing)} of {len(codes)} orders of axes voxel-exact", flush=True)
        changed += len(differing)
        for turn in TURNS_DEG:
            scores = turned_scores(turn, exam, usual, workshop)
            told = ", ".join(f"{region.name} {score:.3f}" for region, score in scores.items())
            verdict = "reached" if min(scores.values()) > MIN_DSC else "MISSED"
            print(f"  turned by {turn} degrees: DSC {told} ({verdict}: above {MIN_DSC})", flush=True)
    return 1 if changed else 0


def run(exam: Exam, workshop: Workshop) -> ClinicalSegmentation:
    """What a file's user gets."""
    raw = RawExam(exam.volumes)
    report = check_case(raw, needs=workshop.needs, facts={})
    report.require()
    return segment_raw(raw, report, workshop)


def all_axis_codes() -> Iterator[str]:
    """The 48, e.g. `LPS`."""
    for axes in permutations(("LR", "AP", "IS")):
        for ends in product((0, 1), repeat=3):
            yield "".join(axis[end] for axis, end in zip(axes, ends, strict=True))


def same_in(codes: str, exam: Exam, usual: ClinicalSegmentation, workshop: Workshop) -> bool:
    """Whether the exam, stored so, is given the same masks, stored so."""
    found = run(Exam({name: reordered(volume, codes) for name, volume in exam.volumes.items()}), workshop)
    return all(
        np.array_equal(found.masks[region], reordered(Volume(usual.masks[region], usual.grid), codes).voxels)
        for region in Region
    )


def reordered(volume: Volume, codes: str) -> Volume:
    """The volume with its axes in another order and direction, by nibabel."""
    affine = volume.grid.affine
    transform = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt(tuple(codes))
    )
    back = orientations.inv_ornt_aff(transform, volume.grid.shape)
    return Volume.from_affine(orientations.apply_orientation(volume.voxels, transform), affine @ back)


def turned_scores(
    degrees: tuple[float, float, float], exam: Exam, usual: ClinicalSegmentation, workshop: Workshop
) -> dict[Region, float]:
    """DSC of the masks on a turned grid with those of the exam as it is, on that grid."""
    grid = turned(exam.grid, degrees)
    found = run(Exam({name: seen(volume, grid) for name, volume in exam.volumes.items()}), workshop)
    expected = resample_masks(usual.masks, exam.grid, grid)
    return {region: compute_dsc(count_confusion(found.masks[region], expected[region])) for region in Region}


def turned(grid: Grid, degrees: tuple[float, float, float]) -> Grid:
    """A grid of 1 mm about the same centre, turned."""
    rotation = Rotation.from_rotvec(degrees, degrees=True).as_matrix()
    shape = [extent + MARGIN for extent in grid.shape]
    centre = grid.affine @ [*((np.array(grid.shape) - 1) / 2), 1.0]
    affine = np.eye(4)
    affine[:3, :3] = rotation
    affine[:3, 3] = centre[:3] - rotation @ ((np.array(shape) - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), affine)


def seen(volume: Volume, grid: Grid) -> Volume:
    """A stripped contrast on another grid, as a scanner would have seen it: sharp, and zero outside the brain."""
    shown = resample(Volume((volume.voxels != 0).astype(np.float32), volume.grid), grid)
    sharp = resample(volume, grid, interpolation=Interpolation.BSPLINE)
    values = np.maximum(sharp.voxels.astype(np.float32), np.float32(_LEAST_INTENSITY))
    return Volume(np.where(shown.voxels.astype(np.float32) > np.float32(0.5), values, np.float32(0)), grid)


if __name__ == "__main__":
    sys.exit(main())
