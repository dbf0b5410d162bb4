"""Brain extraction: how near to HD-BET, whether it cuts tumours off, in what time and memory.

    GLIOSERVE_RAW_DIR=... GLIOSERVE_BRATS_DIR=... python -m benchmarks.brain [--patients 30] [--threads 2]

The folder of raw exams holds TCGA-FG-6692, with its masks by HD-BET. Patients of BraTS are stripped already, so each
gets an artificial skull. What is not there is left out; without either, the head of a phantom is all there is.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt

from benchmarks.workload import ROOT
from imaging.brain.extract import extract_brain
from imaging.brats import find_cases, load_exam, load_reference
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.modality import Modality
from imaging.phantom.phantom import make_phantom
from imaging.phantom.skull import with_skull
from imaging.regions import Region
from imaging.volume import Volume
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor

BoolVolume = npt.NDArray[np.bool_]
EXAM = "TCGA-FG-6692"


def extract(engine: OnnxRuntimePredictor, volume: Volume) -> tuple[BoolVolume, str]:
    """The brain, and what it took."""
    if engine.catalog.brain is None:
        raise SystemExit("the model repository has no brain extraction")
    wall, processor = time.perf_counter(), time.process_time()
    mask = extract_brain(volume, engine, engine.catalog.brain.plan)
    return mask, f"{time.perf_counter() - wall:.2f} s, {time.process_time() - processor:.2f} s of processor time"


def compare(name: str, mask: BoolVolume, reference: BoolVolume, cost: str) -> None:
    """Print how near a mask is."""
    print(f"{name:<12} DSC {compute_dsc(count_confusion(mask, reference)):.4f}  {cost}")


def clinical(engine: OnnxRuntimePredictor, folder: Path) -> None:
    """Every contrast of the exam against its mask by HD-BET."""
    for modality in Modality:
        image = nib.load(folder / f"native_{modality}.nii.gz")
        reference = np.asarray(nib.load(folder / f"reference_hdbet_mask_{modality}.nii.gz").dataobj) > 0
        mask, cost = extract(engine, Volume.from_affine(np.asarray(image.dataobj), image.affine))
        compare(modality.name, mask, reference, cost)


def tumours(engine: OnnxRuntimePredictor, data: Path, patients: int) -> None:
    """How much of the tumour the mask misses, in heads with an artificial skull."""
    missed: dict[tuple[Modality, Region], list[float]] = {}
    for case in find_cases(data)[:patients]:
        exam, reference = load_exam(case), load_reference(case)
        for modality in (Modality.T1, Modality.T1CE):
            mask, _ = extract(engine, with_skull(exam.volumes[modality]))
            for region in (Region.WT, Region.ET):
                if tumour := np.count_nonzero(reference[region]):
                    share = np.count_nonzero(reference[region] & ~mask) / tumour
                    missed.setdefault((modality, region), []).append(share)
    for (modality, region), shares in missed.items():
        largest = max(shares)
        print(f"{modality.name} misses of {region.name}: median {np.median(shares):.3%}, at most {largest:.2%}", end="")
        print(f", over 1 % in {sum(share > 0.01 for share in shares)} of {len(shares)}")


def main() -> None:
    """Measure what there is data for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--patients", type=int, default=30)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    engine = OnnxRuntimePredictor(ROOT / "models", threads=options.threads)
    stripped = make_phantom(3).exam.volumes[Modality.T1CE]
    mask, cost = extract(engine, with_skull(stripped))
    compare("phantom", mask, stripped.voxels != 0, cost)
    if raw := os.environ.get("GLIOSERVE_RAW_DIR"):
        clinical(engine, Path(raw, EXAM))
    if data := os.environ.get("GLIOSERVE_BRATS_DIR"):
        tumours(engine, Path(data), options.patients)
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
