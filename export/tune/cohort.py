"""The patients of a search: what the gate sees of them, and what quantisation and timing are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

import imaging
from export.cases import spread
from export.engine_choice import BatchBucket
from export.errors import TuneError
from export.tune.gate import PatientDsc, patient_dsc
from export.tune.ledger import Ledger, key_of
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.pipeline.plan import MULTIPLE, ModelPlan, ModelPlans
from imaging.pipeline.predictor import Predictor
from imaging.pipeline.segment import WINDOW_MARGIN, segment
from imaging.pipeline.windows import Window, windows
from imaging.preprocess.channels import stack_channels
from imaging.preprocess.prepare import prepare
from imaging.regions import Region

CALIBRATION_PATIENTS = 6
"""Whose slices tell the ranges of activations, and the shapes that a GPU is warmed up with."""
_CALIBRATION_SLICES = 16
_CALIBRATION_BATCH = 8


@dataclass(frozen=True)
class Cohort:
    """Labelled patients.

    Args:
        cases: With references, at least one.
        plans: One for each region.
        in_flight: Micro-batches of one exam at one time.

    Raises:
        TuneError: There is no case, or one has no reference.
    """

    cases: Sequence[BratsCase]
    plans: ModelPlans
    in_flight: int = 2

    def __post_init__(self) -> None:
        if not self.cases:
            raise TuneError("data", "must hold at least one case", "none")
        if without := sum(case.reference is None for case in self.cases):
            raise TuneError("data", "every case must have a reference", f"{without} without")

    @property
    def calibration(self) -> Sequence[BratsCase]:
        """A few cases, evenly spread."""
        return [self.cases[place] for place in spread(np.arange(len(self.cases)), CALIBRATION_PATIENTS)]

    @property
    def timed(self) -> BratsCase:
        """The case that is timed: the middle one."""
        return self.cases[len(self.cases) // 2]

    def score(
        self,
        engines: Mapping[str, Callable[[], Predictor]],
        *,
        ledger: Ledger,
        context: str,
        say: Callable[[str], None],
    ) -> dict[str, list[PatientDsc]]:
        """The DSC of every patient by every engine.

        Args:
            engines: How each is opened, by what is judged of it; opened only where the ledger lacks a patient.
            ledger: Patients that are in it are not segmented again.
            context: All that scores depend on beside patient and engine.
            say: Told of each patient that was segmented.

        Raises:
            ImagingError: A case can't be read or segmented.
            TuneError: An engine fails.
        """
        found: dict[str, list[PatientDsc]] = {name: [] for name in engines}
        for number, case in enumerate(self.cases, 1):
            keys = {name: key_of("dsc", context, _code_digest(), name, case.case_id) for name in engines}
            if missing := [name for name, key in keys.items() if ledger.get(key) is None]:
                exam, reference = load_exam(case), load_reference(case)
                for name in missing:
                    masks = segment(exam, engines[name](), self.plans, in_flight=self.in_flight).masks
                    ledger.put(keys[name], patient_dsc(masks, reference))
                say(f"patient {number} of {len(self.cases)}")
            for name, key in keys.items():
                found[name].append({region: float(ledger.get(key)[region]) for region in Region})
        return found

    def calibration_slices(self, plan: ModelPlan) -> Iterator[npt.NDArray[np.float32]]:
        """Micro-batches of real slices, as a network sees them, `float32 [slice, channel, i, j]`."""
        for case in self.calibration:
            prepared = prepare(load_exam(case), multiple=MULTIPLE)
            slices = spread(np.flatnonzero(prepared.brain.any(axis=(1, 2))), _CALIBRATION_SLICES)
            shown = {modality: scores[slices] for modality, scores in prepared.modalities.items()}
            stacked = stack_channels(shown, plan.channels, dtype=np.float32)
            for start in range(0, len(stacked), _CALIBRATION_BATCH):
                yield stacked[start : start + _CALIBRATION_BATCH]

    def buckets(self, micro_batch: int) -> tuple[BatchBucket, ...]:
        """The smallest and the largest call that some of the patients come to, brain and tumour.

        Args:
            micro_batch: Slices in one, mirror images not counted.
        """
        shapes = {
            (window.i.stop - window.i.start, window.j.stop - window.j.start)
            for case in self.calibration
            for window in _windows(case, micro_batch)
        }
        heights, widths = zip(*shapes, strict=True)
        ends = {(min(heights), min(widths)), (max(heights), max(widths))}
        shown = 2 * micro_batch if any(plan.mirror for plan in self.plans.values()) else micro_batch
        return tuple(BatchBucket(shown, *sides) for sides in sorted(ends))


def _windows(case: BratsCase, micro_batch: int) -> Iterator[Window]:
    """What the three networks are shown of a case."""
    prepared = prepare(load_exam(case), multiple=MULTIPLE)
    tumour = prepared.cut(load_reference(case)[Region.WT])
    yield from windows(prepared.brain, margin=WINDOW_MARGIN, micro_batch=micro_batch)
    yield from windows(tumour, margin=WINDOW_MARGIN, micro_batch=micro_batch)


@cache
def _code_digest() -> str:
    """Of the pipeline's sources: scores of another pipeline are not compared with those of this one."""
    digest = hashlib.sha256()
    for root in imaging.__path__:
        for file in sorted(Path(root).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
