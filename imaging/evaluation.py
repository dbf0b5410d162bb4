"""Scores of a set of patients: each through the whole pipeline, then one table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imaging.brats import BratsCase, load_exam, load_reference
from imaging.errors import MetricError
from imaging.exam import Exam
from imaging.metrics.hd95 import Hd95Definition
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics, compare
from imaging.metrics.summary import CohortSummary, Metric, summarise
from imaging.pipeline.plan import ModelPlans
from imaging.pipeline.predictor import Predictor
from imaging.pipeline.segment import segment
from imaging.preprocess.normalise import find_brain
from imaging.regions import BoolVolume, Region, RegionMasks


@dataclass(frozen=True)
class CaseScore:
    """How well one patient was segmented."""

    case_id: str
    metrics: Mapping[Region, RegionMetrics]


@dataclass(frozen=True)
class Scores:
    """All patients' scores under one set of conventions.

    Args:
        engine: What ran the networks: `torch`, `onnxruntime` or `triton`.
        conventions: How metrics were computed.
        cases: One score per patient.
    """

    engine: str
    conventions: MetricConventions
    cases: Sequence[CaseScore]

    def summary(self) -> CohortSummary:
        """Mean, spread and interval of every metric and region."""
        return summarise([case.metrics for case in self.cases], conventions=self.conventions)

    def to_json(self) -> str:
        """Scores of each patient and their summary; values that are not numbers are null."""
        summary = self.summary()
        content = {
            "engine": self.engine,
            "conventions": asdict(self.conventions),
            "cases": [
                {"case_id": case.case_id, "regions": {region: asdict(one) for region, one in case.metrics.items()}}
                for case in self.cases
            ],
            "summary": [asdict(row) for row in summary.rows],
        }
        return json.dumps(_without_nan(content), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Scores:
        """Scores as `to_json` wrote them.

        Raises:
            MetricError: The text is not such a record.
        """
        try:
            content = json.loads(text)
            return cls(
                engine=str(content["engine"]),
                conventions=_conventions(content["conventions"]),
                cases=[
                    CaseScore(
                        str(case["case_id"]),
                        {Region(name): _metrics(Region(name), values) for name, values in case["regions"].items()},
                    )
                    for case in content["cases"]
                ],
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise MetricError("scores", "must be what the evaluation wrote", type(error).__name__) from None


def evaluate(
    cases: Iterable[BratsCase],
    predictor: Predictor,
    plans: ModelPlans,
    *,
    engine: str,
    conventions: MetricConventions | None = None,
    on_case: Callable[[CaseScore], None] = lambda _: None,
) -> Scores:
    """Segment every case and compare it with its reference.

    Args:
        cases: With references.
        predictor: Runs the networks.
        plans: One per region.
        engine: How the predictor is named in the result.
        conventions: How metrics are computed.
        on_case: Called after each case.

    Raises:
        ImagingError: A case can't be read, segmented or compared.
    """
    conventions = conventions or MetricConventions()
    scores = []
    for case in cases:
        exam = load_exam(case)
        found = segment(exam, predictor, plans)
        metrics = compare_exam(found.masks, load_reference(case), exam=exam, conventions=conventions)
        scores.append(CaseScore(case.case_id, metrics))
        on_case(scores[-1])
    return Scores(engine, conventions, scores)


def compare_exam(
    prediction: RegionMasks, reference: RegionMasks, *, exam: Exam, conventions: MetricConventions
) -> dict[Region, RegionMetrics]:
    """Compare masks on an exam's grid; its brain is looked for where the conventions ask for it. As `compare`."""
    brain: BoolVolume | None = None
    if conventions.specificity_domain is SpecificityDomain.BRAIN:
        brain = find_brain({modality: volume.voxels for modality, volume in exam.volumes.items()})
    return compare(prediction, reference, spacing_mm=exam.grid.spacing_mm, conventions=conventions, brain=brain)


def largest_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[Metric, float]:
    """The largest difference of each metric between two engines' scores of the same patients, as `to_json` wrote them.

    Raises:
        KeyError: The patients or regions differ.
    """
    others = {case["case_id"]: case["regions"] for case in other["cases"]}
    largest = dict.fromkeys(Metric, 0.0)
    for case in one["cases"]:
        for region, metrics in case["regions"].items():
            for metric in Metric:
                pair = metrics[metric], others[case["case_id"]][region][metric]
                undefined = 0.0 if pair[0] is pair[1] else math.inf
                difference = undefined if None in pair else abs(pair[0] - pair[1])
                largest[metric] = max(largest[metric], difference)
    return largest


def _conventions(values: Mapping[str, Any]) -> MetricConventions:
    return MetricConventions(
        hd95_definition=Hd95Definition(values["hd95_definition"]),
        empty_mask_policy=EmptyMaskPolicy(values["empty_mask_policy"]),
        specificity_domain=SpecificityDomain(values["specificity_domain"]),
    )


def _metrics(region: Region, values: Mapping[str, Any]) -> RegionMetrics:
    return RegionMetrics(
        region=region,
        dsc=_number(values["dsc"]),
        hd95_mm=_number(values["hd95_mm"]),
        sensitivity=_number(values["sensitivity"]),
        specificity=_number(values["specificity"]),
        status=MetricStatus(values["status"]),
    )


def _number(value: float | None) -> float:
    """JSON has no NaN: null stands in its place."""
    return math.nan if value is None else float(value)


def _without_nan(value: Any) -> Any:  # noqa: ANN401  # JSON is any tree
    """JSON has no NaN: None in its place."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value
