"""Whether a case is a replica of a training patient, judged by the image-free index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.exam import Exam
from imaging.replicas.align import align_exam
from imaging.replicas.describe import descriptor
from imaging.replicas.index import ReplicaIndex


@dataclass(frozen=True)
class ReplicaVerdict:
    """What the index says of one case. `dataclasses.asdict` makes it JSON.

    Args:
        slices: How many axial slices were looked at.
        flagged: How many lie nearer to a slice of one training patient than `threshold`, the patient whose map the
            case was drawn from left out.
        near_source: How many lie as near to a slice of the training patient whose map the case was drawn from; 0 where
            the source is no training patient.
        threshold: From where on a slice is near: the estimated correlation, -1 to 1.
        limit: The share of flagged slices, 0 to 1, up to which a case is no replica.
        is_replica: Whether more than that share is flagged.
        is_near_source: Whether the case was drawn from a training patient's own map, by the map's digest; it carries
            that patient's anatomy, whatever the slices say.
        index: sha256 of the index that it was judged by, hex.
    """

    slices: int
    flagged: int
    near_source: int
    threshold: float
    limit: float
    is_replica: bool
    is_near_source: bool
    index: str


def judge(exam: Exam, index: ReplicaIndex, *, source_digest: str | None) -> ReplicaVerdict:
    """Judge a case.

    Args:
        exam: All four contrasts, skull-stripped.
        index: Of the generator's training patients.
        source_digest: `imaging.brainmap.store.digest_map` of the map that it was drawn from, before any edit; None
            where that is not known.

    Raises:
        ExamError: A contrast is missing or shows nothing.
    """
    slices = descriptor(align_exam(exam, patient=""))
    source = None if source_digest is None else index.sources.get(source_digest)
    near = index.nearest(slices) > index.calibration.threshold
    others = near if source is None else np.delete(near, source, axis=1)
    flagged = int(np.count_nonzero(others.any(axis=1)))
    return ReplicaVerdict(
        slices=len(slices),
        flagged=flagged,
        near_source=0 if source is None else int(np.count_nonzero(near[:, source])),
        threshold=index.calibration.threshold,
        limit=index.calibration.limit,
        is_replica=flagged > index.calibration.limit * len(slices),
        is_near_source=source is not None,
        index=index.digest,
    )
