"""A data folder, opened for training: prepared cases, a patient-level split, a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from imaging.brats import BratsCase, find_cases
from imaging.labels import LabelScheme
from imaging.regions import Region
from training.cache import CachedCase, cache_cases, cache_key
from training.errors import TrainingError
from training.plan import Fingerprint, fingerprint
from training.split import Split, split_patients

VALIDATION_FRACTION = 0.2


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled patients and which of them train.

    Args:
        found: The cases on disk.
        cases: The same, prepared, in the same order.
        split: By patient; equal for equal data and seed, whatever is trained.
        strata: The stratum of each patient id, which splits keep even.
        fingerprint: What the data are, without any image.
    """

    found: tuple[BratsCase, ...]
    cases: tuple[CachedCase, ...]
    split: Split
    strata: Mapping[str, str]
    fingerprint: Fingerprint

    def divided(self, split: Split) -> Dataset:
        """The same patients under another split."""
        described = fingerprint(
            self.cases,
            namings={case.case_id: case.naming.value for case in self.found},
            train=split.train,
            digest=self.fingerprint.digest,
        )
        return replace(self, split=split, fingerprint=described)

    @property
    def train(self) -> tuple[CachedCase, ...]:
        """Prepared cases of the training patients."""
        return tuple(case for case in self.cases if case.patient_id in self.split.train)

    @property
    def validation(self) -> tuple[CachedCase, ...]:
        """Prepared cases of the validation patients."""
        return tuple(case for case in self.cases if case.patient_id in self.split.validation)

    @property
    def train_found(self) -> tuple[BratsCase, ...]:
        """Cases on disk of the training patients."""
        return tuple(case for case in self.found if case.patient_id in self.split.train)

    @property
    def validation_found(self) -> tuple[BratsCase, ...]:
        """Cases on disk of the validation patients."""
        return tuple(case for case in self.found if case.patient_id in self.split.validation)


def open_dataset(data: Path, cache: Path, *, seed: int, label_scheme: LabelScheme | None = None) -> Dataset:
    """Find the labelled cases, prepare those that the cache does not hold, split by patient.

    Args:
        data: Folder of BraTS cases.
        cache: Folder of the slice cache.
        seed: Of the split.
        label_scheme: How labels are read; None as far as names tell.

    Raises:
        ImagingError: The data can't be read.
        TrainingError: There is no labelled case, or too few patients for a split.
    """
    found = tuple(case for case in find_cases(data, label_scheme=label_scheme) if case.reference)
    if not found:
        raise TrainingError("data", "must hold BraTS cases with labels", "none")
    cases = tuple(cache_cases(found, cache))
    namings = {case.case_id: case.naming.value for case in found}
    strata = {
        case.patient_id: f"{namings[case.case_id]}, {'with' if case.voxels[Region.ET] else 'without'} ET"
        for case in cases
    }
    split = split_patients(strata, fraction=VALIDATION_FRACTION, seed=seed)
    digest = hashlib.sha256("".join(cache_key(case) for case in found).encode()).hexdigest()
    described = fingerprint(cases, namings=namings, train=split.train, digest=digest)
    return Dataset(found, cases, split, strata, described)
