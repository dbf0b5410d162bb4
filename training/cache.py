"""The slice cache: every patient prepared once, memory-mapped ever after."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imaging.brats import BratsCase, load_exam, load_reference
from imaging.exam import Exam
from imaging.modality import Modality
from imaging.pipeline.plan import MULTIPLE
from imaging.preprocess.prepare import prepare
from imaging.regions import Region, RegionMasks
from training.files import save_array_atomically, write_text_atomically

CACHE_VERSION = 1
"""Part of every key: raise it whenever preparation changes."""

REGION_BITS = {Region.WT: 1, Region.TC: 2, Region.ET: 4}
"""How the three masks share one byte."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CachedCase:
    """A prepared patient.

    Args:
        case_id: As in the data set's folder name.
        patient_id: Equal for all time points of a patient.
        slices: Z-scores, `float16 [slice, modality, i, j]`, modalities in the order of `Modality`.
        labels: `uint8 [slice, i, j]`, a bit per region.
        voxels: Voxels of each region.
    """

    case_id: str
    patient_id: str
    slices: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]
    voxels: dict[Region, int]

    def mask(self, region: Region) -> npt.NDArray[np.bool_]:
        """A region's mask, `bool [slice, i, j]`."""
        mask: npt.NDArray[np.bool_] = (self.labels & REGION_BITS[region]) != 0
        return mask


def cache_cases(cases: Sequence[BratsCase], folder: Path) -> list[CachedCase]:
    """Prepare the cases that the folder does not hold yet, and open all of them.

    Raises:
        ImagingError: A case can't be read or prepared.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cached = []
    for number, case in enumerate(cases, start=1):
        stem = folder / cache_key(case)
        if not is_stored(stem):
            store_case(stem, load_exam(case), load_reference(case))
            log.info("prepared %d of %d", number, len(cases))
        cached.append(open_stored(stem, case_id=case.case_id, patient_id=case.patient_id))
    return cached


def is_stored(stem: Path) -> bool:
    """Whether a prepared case lies whole under this name."""
    return stem.with_suffix(".json").exists()


def open_stored(stem: Path, *, case_id: str, patient_id: str) -> CachedCase:
    """A prepared case, memory-mapped."""
    voxels = json.loads(stem.with_suffix(".json").read_text())
    return CachedCase(
        case_id=case_id,
        patient_id=patient_id,
        slices=np.load(stem.with_suffix(".slices.npy"), mmap_mode="r"),
        labels=np.load(stem.with_suffix(".labels.npy"), mmap_mode="r"),
        voxels={Region(region): count for region, count in voxels.items()},
    )


def cache_key(case: BratsCase) -> str:
    """A case's name in the cache: a digest of its files' content and of the way of preparing them."""
    digest = hashlib.sha256(f"{CACHE_VERSION} {case.label_scheme}".encode())
    for path in [*case.files.values(), *([case.reference] if case.reference else [])]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def store_case(stem: Path, exam: Exam, reference: RegionMasks) -> None:
    """Prepare a labelled exam and write it under this name.

    Raises:
        ExamError: The exam can't be prepared.
    """
    prepared = prepare(exam, multiple=MULTIPLE)
    slices = np.stack([prepared.modalities[modality] for modality in Modality], axis=1).astype(np.float16)
    labels = np.zeros(prepared.brain.shape, dtype=np.uint8)
    for region, bit in REGION_BITS.items():
        labels[prepared.cut(reference[region])] |= bit
    save_array_atomically(stem.with_suffix(".slices.npy"), slices)
    save_array_atomically(stem.with_suffix(".labels.npy"), labels)
    # Written last: its presence says that the others are whole.
    voxels = {region.value: int(np.count_nonzero(reference[region])) for region in Region}
    write_text_atomically(stem.with_suffix(".json"), json.dumps(voxels))
