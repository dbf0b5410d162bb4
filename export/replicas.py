"""Beside a generator, the image-free index of the patients it learned from, by which replicas of them are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.errors import DataError, FactsError, RepositoryError
from export.replica_trial import Trial, try_index
from export.repository import PROVENANCE_FILE
from imaging.brainmap.apply import mirror
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import digest_map
from imaging.brats import BratsCase, find_cases, load_exam, load_reference
from imaging.labels import LabelScheme
from imaging.replicas.align import AlignedSlices, align_exam, join
from imaging.replicas.describe import descriptor
from imaging.replicas.hashes import BITS, EstimateError, estimate_error
from imaging.replicas.index import LIMIT_FACTOR, ReplicaIndex
from training.cache import cache_key
from training.files import write_atomically, write_text_atomically
from training.split import Split

INDEX_FILE = "replicas.npz"
REPORT_FILE = "replicas.json"
"""The index's calibration, how exact it is, and what it said of cases whose truth is known."""
MAX_INDEX_BYTES = 1_000_000
"""It is part of the source tree."""


@dataclass(frozen=True, eq=False)
class BuiltIndex:
    """An index, and what is known of it.

    Args:
        index: The index.
        error: Of its estimates.
        trials: What it said of cases whose truth is known, by their kind.
    """

    index: ReplicaIndex
    error: EstimateError
    trials: Mapping[str, Trial]

    def to_json(self) -> str:
        """All of it but the hashes."""
        index = self.index
        content = {
            "index_sha256": index.digest,
            "bits": BITS,
            "slices": len(index.hashes),
            "patients": index.patient_count,
            "source_maps": len(index.sources),
            "calibration": asdict(index.calibration),
            "rule": (
                "A slice is flagged if its estimated correlation with the nearest training slice exceeds the "
                f"threshold, the {index.calibration.quantile:.0%} quantile of training slices' correlation with the "
                "nearest slice of another patient. A case is a replica if a larger share of its slices is flagged "
                f"than the limit, {LIMIT_FACTOR:g} times the largest share of a training patient whose own slices were "
                "left out."
            ),
            "estimate_error": asdict(self.error),
            "trials": {kind: asdict(trial) for kind, trial in self.trials.items()},
        }
        return json.dumps(content, indent=1) + "\n"


def build_index(
    data: Path,
    model: Path,
    *,
    label_scheme: LabelScheme | None = None,
) -> BuiltIndex:
    """Index the patients that a generator learned from, write the index and its report beside the generator.

    Args:
        data: Folder of the BraTS cases that the generator was trained and validated on, all of them.
        model: The generator's folder in the model repository.
        label_scheme: How labels are read, where names do not tell: the same as in training.

    Raises:
        FactsError: The generator's provenance tells no split or fingerprint.
        DataError: The data are others than those that the generator learned from.
        RepositoryError: The index would be too large.
        ImagingError: A case can't be read or compared.
        OSError: A file can't be read or written.
    """
    split, fingerprint = _facts(model)
    found = tuple(case for case in find_cases(data, label_scheme=label_scheme) if case.reference)
    if data_digest(found) != fingerprint:
        raise DataError("data", "must be those that the generator learned from, by their fingerprint", "others")
    training = [case for case in found if case.patient_id in split.train]
    unseen = [case for case in found if case.patient_id in split.validation]
    slices, sources = _read(training)
    index = ReplicaIndex.build(slices, sources)
    content = index.encode()
    if len(content) > MAX_INDEX_BYTES:
        raise RepositoryError("data", f"must give an index of at most {MAX_INDEX_BYTES} bytes", f"{len(content)}")
    built = BuiltIndex(index, estimate_error(descriptor(slices)), try_index(index, training=training, unseen=unseen))
    write_atomically(model / INDEX_FILE, lambda partial: partial.write_bytes(content))
    write_text_atomically(model / REPORT_FILE, built.to_json())
    return built


def data_digest(cases: Sequence[BratsCase]) -> str:
    """The digest of labelled cases that a training run's fingerprint has."""
    return hashlib.sha256("".join(cache_key(case) for case in cases).encode()).hexdigest()


def _read(training: Sequence[BratsCase]) -> tuple[AlignedSlices, dict[str, str]]:
    """The slices of all, and whose map it is by the map's digest, mirrored maps among them."""
    parts, sources = [], {}
    for case in training:
        exam = load_exam(case)
        parts.append(align_exam(exam, patient=case.patient_id))
        brain_map = BrainMap.of_exam(exam, load_reference(case))
        sources[digest_map(brain_map)] = sources[digest_map(mirror(brain_map))] = case.patient_id
    return join(parts), sources


def _facts(model: Path) -> tuple[Split, str]:
    try:
        provenance: dict[str, Any] = json.loads((model / PROVENANCE_FILE).read_text(encoding="utf-8"))
        split = Split(tuple(provenance["split"]["train"]), tuple(provenance["split"]["validation"]))
        return split, str(provenance["fingerprint"]["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = "must be a generator's, with its split and its data's fingerprint"
        raise FactsError("provenance", rule, type(error).__name__) from None
