"""An index of training slices without images: enough to tell a case that comes too near to one of their patients."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imaging.replicas.align import AlignedSlices, ReplicaError
from imaging.replicas.arrayfile import MAX_FILE_BYTES, ReplicaIndexError, pack, unpack
from imaging.replicas.describe import Descriptors, descriptor, mirror
from imaging.replicas.hashes import HASH_BYTES, Hashes, correlate, hash_slices
from imaging.replicas.report import QUANTILE

LIMIT_FACTOR = 4.0
"""How many times the largest share of flagged slices of a real patient a case may have and be no replica: new patients
may lie nearer than those that were seen, and copies lie far beyond."""
VERSION = 1
"""Of the file, and of the way to hash. Another one is refused."""
_FIELDS = ("version", "calibration", "hashes", "patients", "source_digests", "source_patients")
MAX_LIMIT = 0.5
"""If patients resemble each other so much that half of a case may be flagged, the check tells nothing."""


@dataclass(frozen=True)
class IndexCalibration:
    """From where on slices are near and cases replicas, as learnt from the training patients, each left out in turn.

    Args:
        quantile: Of real slices' likeness to the nearest slice of another patient, between 0 and 1.
        threshold: That quantile: slices beyond it are flagged. An estimated correlation, -1 to 1.
        largest_real_share: The largest share of flagged slices of a training patient.
        limit: The share beyond which a case is a replica: `LIMIT_FACTOR` times that one, above 0 and up to `MAX_LIMIT`.

    Raises:
        ReplicaError: A number is out of its range.
    """

    quantile: float
    threshold: float
    largest_real_share: float
    limit: float

    def __post_init__(self) -> None:
        for field, value, lowest, highest in (
            ("quantile", self.quantile, 0.0, 1.0),
            ("threshold", self.threshold, -1.0, 1.0),
            ("largest_real_share", self.largest_real_share, 0.0, 1.0),
            ("limit", self.limit, 0.0, MAX_LIMIT),
        ):
            if not lowest <= value <= highest:
                raise ReplicaError(field, f"must be {lowest:g} to {highest:g}", f"{value:g}")


@dataclass(frozen=True, eq=False)
class ReplicaIndex:
    """Hashes of the slices that a generator was trained on. Valid once constructed.

    Args:
        hashes: `uint8 [slice, HASH_BYTES]`; of at least two patients.
        patients: `uint16 [slice]`, ascending: whose, 0 to the number of patients - 1; the numbers tell nothing.
        sources: The patient of each of the training patients' own maps, by the map's digest (sha256, hex).
        calibration: From where on something is near.

    Raises:
        ReplicaError: Arrays do not fit, there are fewer than two patients, or a digest is none.
    """

    hashes: Hashes
    patients: npt.NDArray[np.uint16]
    sources: Mapping[str, int]
    calibration: IndexCalibration

    def __post_init__(self) -> None:
        if self.hashes.dtype != np.uint8 or self.hashes.ndim != 2 or self.hashes.shape[1] != HASH_BYTES:
            got = f"{self.hashes.dtype} of shape {self.hashes.shape}"
            raise ReplicaError("hashes", f"must be uint8 [slice, {HASH_BYTES}]", got)
        if self.patients.dtype != np.uint16 or self.patients.shape != self.hashes.shape[:1]:
            got = f"{self.patients.dtype} of shape {self.patients.shape}"
            raise ReplicaError("patients", f"must be uint16, one for each of {len(self.hashes)} slices", got)
        numbers = np.unique(self.patients)
        if len(numbers) < 2 or numbers[-1] != len(numbers) - 1 or (self.patients[1:] < self.patients[:-1]).any():
            raise ReplicaError("patients", "must ascend from 0 by ones, to 1 or more", f"{len(numbers)} of them")
        for digest, patient in self.sources.items():
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ReplicaError("sources", "must be named by sha256 digests", f"{len(digest)} characters")
            if not 0 <= patient < len(numbers):
                raise ReplicaError("sources", f"must be of patients 0 to {len(numbers) - 1}", f"{patient}")
        object.__setattr__(self, "sources", MappingProxyType(dict(sorted(self.sources.items()))))

    @classmethod
    def build(cls, training: AlignedSlices, sources: Mapping[str, str], *, quantile: float = QUANTILE) -> ReplicaIndex:
        """Index the training patients' slices, and learn from them how near patients come to each other.

        Args:
            training: Of at least two patients.
            sources: Whose map it is, by the map's digest.
            quantile: For the threshold, between 0 and 1.

        Raises:
            ReplicaError: There are fewer than two patients, a map is of nobody among them, or they resemble each other
                too much.
        """
        described = descriptor(training)
        hashes = hash_slices(described)
        numbers = _numbers(hashes, training.patients)
        if strangers := set(sources.values()) - set(numbers):
            raise ReplicaError("sources", "must be maps of training patients", f"{len(strangers)} others")
        patients = np.array([numbers[patient] for patient in training.patients.tolist()], dtype=np.uint16)
        calibration = _calibrate(described, hashes, patients, quantile=quantile)
        order = np.lexsort((np.arange(len(patients)), patients))
        return cls(
            np.ascontiguousarray(hashes[order]),
            patients[order],
            {digest: numbers[patient] for digest, patient in sources.items()},
            calibration,
        )

    @classmethod
    def load(cls, path: Path) -> ReplicaIndex:
        """Read an index.

        Raises:
            ReplicaIndexError: The file is no index, or is damaged.
            OSError: It can't be read.
        """
        with path.open("rb") as file:
            return cls.decode(file.read(MAX_FILE_BYTES + 1))

    def save(self, path: Path) -> None:
        """Write the index.

        Raises:
            OSError: It can't be written.
        """
        path.write_bytes(self.encode())

    @classmethod
    def decode(cls, content: bytes) -> ReplicaIndex:
        """The index that `encode` gave.

        Raises:
            ReplicaIndexError: The content is no index, or is damaged.
        """
        arrays = unpack(content, _FIELDS)
        version, calibration = arrays["version"], arrays["calibration"]
        if version.shape != (1,) or version.dtype != np.uint8 or int(version[0]) != VERSION:
            raise ReplicaIndexError("version", f"must be {VERSION}", "another")
        if calibration.shape != (len(fields(IndexCalibration)),) or calibration.dtype != np.dtype("<f8"):
            raise ReplicaIndexError("calibration", "must hold 4 numbers", f"shape {calibration.shape}")
        digests, owners = arrays["source_digests"], arrays["source_patients"]
        if digests.dtype != np.uint8 or digests.shape != (*owners.shape, 32) or owners.dtype != np.dtype("<u2"):
            raise ReplicaIndexError("sources", "must have a digest and a patient each", f"shape {digests.shape}")
        try:
            return cls(
                arrays["hashes"],
                arrays["patients"],
                {row.tobytes().hex(): int(owner) for row, owner in zip(digests, owners, strict=True)},
                IndexCalibration(*map(float, calibration)),
            )
        except ReplicaError as error:
            raise ReplicaIndexError(error.field, error.rule, error.got) from None

    def encode(self) -> bytes:
        """The bytes of its file, a `.npz`: the same for the same index."""
        digests = np.frombuffer(bytes.fromhex("".join(self.sources)), dtype=np.uint8).reshape(-1, 32)
        return pack(
            {
                "version": np.array([VERSION], dtype=np.uint8),
                "calibration": np.array(astuple(self.calibration), dtype="<f8"),
                "hashes": self.hashes,
                "patients": self.patients.astype("<u2"),
                "source_digests": digests,
                "source_patients": np.array(list(self.sources.values()), dtype="<u2"),
            }
        )

    @cached_property
    def digest(self) -> str:
        """sha256 of its file, hex."""
        return hashlib.sha256(self.encode()).hexdigest()

    @property
    def patient_count(self) -> int:
        """How many patients it knows."""
        return int(self.patients[-1]) + 1

    def nearest(self, slices: Descriptors) -> npt.NDArray[np.float32]:
        """How near slices come to each patient: `float32 [slice, patient]`, -1 to 1.

        Of each patient, the nearest slice counts; slices are looked up as they are and with left and right exchanged.
        """
        found = likeness(slices, hash_slices(slices), self.hashes)
        starts = np.searchsorted(self.patients, np.arange(self.patient_count))
        return np.maximum.reduceat(found, starts, axis=1)


def likeness(slices: Descriptors, hashed: Hashes, others: Hashes) -> npt.NDArray[np.float32]:
    """Estimated correlations with other slices, `float32 [slice, other]`: the larger one of as it is and mirrored."""
    return np.maximum(correlate(hashed, others), correlate(hash_slices(mirror(slices)), others))


def _numbers(hashes: Hashes, patients: npt.NDArray[np.str_]) -> dict[str, int]:
    """A number for each patient, in an order that has nothing to do with names."""
    digests = {
        str(patient): hashlib.sha256(hashes[patients == patient].tobytes()).digest() for patient in np.unique(patients)
    }
    return {patient: number for number, patient in enumerate(sorted(digests, key=lambda one: (digests[one], one)))}


def _calibrate(
    described: Descriptors, hashes: Hashes, patients: npt.NDArray[np.uint16], *, quantile: float
) -> IndexCalibration:
    if not 0.0 < quantile < 1.0:
        raise ReplicaError("quantile", "must lie between 0 and 1", f"{quantile:g}")
    numbers = np.unique(patients)
    if len(numbers) < 2:
        raise ReplicaError("training", "must hold slices of at least 2 patients", f"{len(numbers)}")
    best = np.empty(len(patients), dtype=np.float32)
    for number in numbers:
        own = patients == number
        chosen = Descriptors(described.vectors[own], described.patients[own])
        best[own] = likeness(chosen, hashes[own], hashes[~own]).max(axis=1)
    threshold = float(np.quantile(best, quantile))
    largest = max(float((best[patients == number] > threshold).mean()) for number in numbers)
    limit = LIMIT_FACTOR * largest
    if limit > MAX_LIMIT:
        rule = f"must be so unlike that at most {MAX_LIMIT / LIMIT_FACTOR:.0%} of one's slices are flagged for others'"
        raise ReplicaError("training", rule, f"{largest:.0%}")
    return IndexCalibration(quantile, threshold, largest, limit)
