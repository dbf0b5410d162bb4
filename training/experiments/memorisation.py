"""The memorisation check: how near a cohort's slices come to training slices. The paper has none."""

from __future__ import annotations

from collections.abc import Sequence

from imaging.brats import BratsCase, load_exam
from imaging.replicas.align import AlignedSlices, align_exam, join
from imaging.replicas.report import ReplicaReport, calibrate, check_replicas


def check_memorisation(train: Sequence[BratsCase], cohort: Sequence[AlignedSlices]) -> ReplicaReport:
    """Look for the nearest training slice of every synthetic slice.

    Args:
        train: The patients that the generator was trained on; at least two.
        cohort: Aligned slices of each synthetic case, named by the patient whose map it was drawn from.

    Raises:
        ImagingError: A patient can't be read, or there are too few.
    """
    training = join([align_exam(load_exam(case), patient=case.patient_id) for case in train])
    return check_replicas(cohort, training, calibrate(training))
