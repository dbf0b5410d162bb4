"""Which patients train and which validate. By patient, stratified, decided by a rule and a seed, recorded."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.errors import TrainingError


@dataclass(frozen=True)
class Split:
    """Patient ids of each side; no patient is on both. Nobody validates a network that learns from everyone.

    Raises:
        TrainingError: A patient is on both sides, or nobody trains.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]

    def __post_init__(self) -> None:
        if both := set(self.train) & set(self.validation):
            raise TrainingError("split", "must not have a patient on both sides", f"{len(both)} on both")
        if not self.train:
            raise TrainingError("split", "must have patients to learn from", "none")


def split_patients(strata: Mapping[str, str], *, fraction: float, seed: int) -> Split:
    """Send a fraction of each stratum to validation.

    Within a stratum patients are ordered by a hash of seed and id, so that the outcome depends on neither
    the order of files nor on other patients' names. The strata's remainders go to the largest fractions,
    so that the sides' sizes are right in sum.

    Args:
        strata: The stratum of each patient id.
        fraction: Share of patients for validation, between 0 and 1.
        seed: Part of the hash.

    Raises:
        TrainingError: Fewer than two patients, or a fraction out of range.
    """
    if not 0.0 < fraction < 1.0:
        raise TrainingError("fraction", "must lie between 0 and 1", f"{fraction}")
    if len(strata) < 2:
        raise TrainingError("patients", "must be at least 2", f"{len(strata)}")
    members: dict[str, list[str]] = defaultdict(list)
    for patient, stratum in strata.items():
        members[stratum].append(patient)
    total = min(max(round(fraction * len(strata)), 1), len(strata) - 1)
    quotas = _quotas({name: len(group) for name, group in members.items()}, total)
    validation = {
        patient
        for name, group in members.items()
        for patient in sorted(group, key=lambda one: _rank(one, seed))[: quotas[name]]
    }
    return Split(tuple(sorted(set(strata) - validation)), tuple(sorted(validation)))


def split_folds(strata: Mapping[str, str], *, folds: int, seed: int) -> tuple[Split, ...]:
    """Send every patient to validation once.

    Patients, ordered by stratum and then by a hash of seed and id, are dealt out like cards: folds differ by at most
    one patient in size, and so do their shares of each stratum.

    Args:
        strata: The stratum of each patient id.
        folds: How many, at least 2.
        seed: Part of the hash.

    Raises:
        TrainingError: Fewer than two folds, or fewer patients than folds.
    """
    if folds < 2:
        raise TrainingError("folds", "must be at least 2", f"{folds}")
    if len(strata) < folds:
        raise TrainingError("patients", f"must be at least as many as folds ({folds})", f"{len(strata)}")
    everyone = sorted(strata, key=lambda patient: (strata[patient], _rank(patient, seed)))
    return tuple(
        Split(
            tuple(sorted(set(everyone) - set(everyone[fold::folds]))),
            tuple(sorted(everyone[fold::folds])),
        )
        for fold in range(folds)
    )


def _quotas(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Whole numbers in proportion to the sizes, `total` in sum (largest remainders)."""
    everyone = sum(sizes.values())
    exact = {name: size * total / everyone for name, size in sizes.items()}
    quotas = {name: int(share) for name, share in exact.items()}
    by_remainder: Sequence[str] = sorted(exact, key=lambda name: (quotas[name] - exact[name], name))
    for name in by_remainder[: total - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _rank(patient: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{patient}".encode()).hexdigest()
