"""Results as JSON documents, for programs. Each names its schema; a schema's keys are never renamed or removed.

Numbers that do not exist (NaN by the empty-mask policy) are `null`: the documents are strict JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from glioserve.cohorts import Cohort
from glioserve.conventions import MetricConventions
from glioserve.errors import (
    GlioserveError,
    InputFault,
    InvalidInputError,
    InvalidSpecError,
    ServerBusyError,
    ServerUnavailableError,
)
from glioserve.findings import CheckResult, Finding
from glioserve.results import (
    EvaluationResult,
    ModelInfo,
    Preparation,
    RegionMetrics,
    RegionVolume,
    SegmentationResult,
    ServerInfo,
    StageTiming,
)
from glioserve.synthesis import SyntheticExam
from glioserve.terms import Health
from glioserve.version import __version__

RESULT_SCHEMA = "glioserve.result/1"
CHECK_SCHEMA = "glioserve.check/1"
EVALUATION_SCHEMA = "glioserve.evaluation/1"
SYNTHESIS_SCHEMA = "glioserve.synthesis/1"
INFO_SCHEMA = "glioserve.info/1"
COHORT_SCHEMA = "glioserve.cohort/1"
COHORTS_SCHEMA = "glioserve.cohorts/1"
ERROR_SCHEMA = "glioserve.error/1"
DISCLAIMER = "Research software, not a medical device."

Document = dict[str, Any]


def to_json(document: Document) -> str:
    """A document as text, indented, with a newline at its end."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def segmentation_document(result: SegmentationResult, *, created: datetime) -> Document:
    """`result.json`.

    Args:
        result: The exam's result.
        created: When it was made, with its time zone.
    """
    scheme = result.label_map.label_scheme
    return {
        "schema": RESULT_SCHEMA,
        "created": created.isoformat(timespec="seconds"),
        "disclaimer": DISCLAIMER,
        "label_scheme": scheme.value,
        "region_labels": {region.value: sorted(values) for region, values in scheme.region_labels.items()},
        "output_grid": result.output_grid.value,
        "findings": _findings(result.findings),
        "preparations": _preparations(result.preparations),
        "volumes": _volumes(result.volumes),
        "metrics": None
        if result.conventions is None or result.reference_label_scheme is None
        else {
            "reference_label_scheme": result.reference_label_scheme.value,
            "conventions": _conventions(result.conventions),
            "regions": _metrics(result.metrics),
        },
        "timings": _timings(result.timings),
        "total_seconds": result.total_s,
        "shown_share": result.shown_share,
        "models": _models(result.models),
        "warnings": list(result.warnings),
        "notes": list(result.notes),
        "server": {"version": result.server_version, "engine": result.engine},
        "client": {"version": __version__},
    }


def evaluation_document(result: EvaluationResult) -> Document:
    """What `glioserve evaluate --json` prints."""
    return {
        "schema": EVALUATION_SCHEMA,
        "disclaimer": DISCLAIMER,
        "prediction_label_scheme": result.prediction_label_scheme.value,
        "reference_label_scheme": result.reference_label_scheme.value,
        "conventions": _conventions(result.conventions),
        "regions": _metrics(result.metrics),
        "prediction_volumes": _volumes(result.prediction_volumes),
        "reference_volumes": _volumes(result.reference_volumes),
        "server": {"version": result.server_version},
        "client": {"version": __version__},
    }


def check_document(result: CheckResult) -> Document:
    """What `glioserve check --json` prints."""
    return {
        "schema": CHECK_SCHEMA,
        "disclaimer": DISCLAIMER,
        "refused": result.refused,
        "findings": _findings(result.findings),
        "possible": [region.value for region in result.possible],
        "aligned": result.aligned,
        "skull_stripped": result.skull_stripped,
        "server": {"version": result.server_version},
        "client": {"version": __version__},
    }


def synthesis_document(exam: SyntheticExam) -> Document:
    """What `glioserve generate --json` prints."""
    return {
        "schema": SYNTHESIS_SCHEMA,
        "disclaimer": DISCLAIMER,
        "case_id": exam.case_id,
        "label_scheme": exam.label_map.label_scheme.value,
        "modalities": [modality.value for modality in exam.volumes],
        "files": list(exam.file_names),
        "volumes": _volumes(exam.region_volumes),
        "timings": _timings(exam.timings),
        "total_seconds": exam.total_s,
        "provenance": dict(exam.provenance),
        "server": {"version": exam.server_version, "engine": exam.engine},
        "client": {"version": __version__},
    }


def info_document(info: ServerInfo, health: Health) -> Document:
    """What `glioserve info --json` prints."""
    return {
        "schema": INFO_SCHEMA,
        "health": health.value,
        "server": {"version": info.server_version, "engine": info.engine},
        "models": _models(info.models),
        "generators": [
            {
                "name": each.name,
                "model": each.model,
                "version": each.version,
                "sha256": each.sha256,
                "draws": [modality.value for modality in each.draws],
            }
            for each in info.generators
        ],
        "label_schemes": [scheme.value for scheme in info.label_schemes],
        "limits": {"max_file_bytes": info.max_file_bytes, "max_voxels": info.max_voxels},
        "queue": {"capacity": info.queue_capacity, "length": info.queue_length},
        "client": {"version": __version__},
    }


def cohort_document(cohort: Cohort) -> Document:
    """What `glioserve cohort get --json` prints, and what stands on each line of `glioserve cohort watch --json`."""
    return {"schema": COHORT_SCHEMA, "cohort": _cohort(cohort), "client": {"version": __version__}}


def cohorts_document(cohorts: Sequence[Cohort]) -> Document:
    """What `glioserve cohort list --json` prints."""
    return {
        "schema": COHORTS_SCHEMA,
        "cohorts": [_cohort(each) for each in cohorts],
        "client": {"version": __version__},
    }


def error_document(error: GlioserveError) -> Document:
    """What is printed in place of a result, where JSON was asked for. Parts that an error does not have are `null`."""
    fault = error if isinstance(error, InputFault) else None
    return {
        "schema": ERROR_SCHEMA,
        "error": {
            "type": type(error).__name__,
            "message": str(error),
            "kind": error.kind if isinstance(error, InvalidInputError) else None,
            "field": fault.field if fault else None,
            "rule": fault.rule if fault else None,
            "got": fault.got if fault else None,
            "faults": [
                {"line": each.line, "column": each.column, "field": each.field, "rule": each.rule, "got": each.got}
                for each in (error.faults if isinstance(error, InvalidSpecError) else ())
            ],
            "retry_after_seconds": error.retry_after_s
            if isinstance(error, ServerBusyError | ServerUnavailableError)
            else None,
            "request_id": error.request_id,
        },
        "client": {"version": __version__},
    }


def _cohort(cohort: Cohort) -> Document:
    return {
        "id": cohort.id,
        "name": cohort.name,
        "spec_sha256": cohort.spec_sha256,
        "phase": cohort.phase.value,
        "cases": cohort.cases,
        "released": cohort.released,
        "quarantined": cohort.quarantined,
        "failed": cohort.failed,
        "output": cohort.output,
        "shards": cohort.shards,
        "note": cohort.note,
        "submitted": cohort.submitted.isoformat(timespec="seconds"),
    }


def _volumes(volumes: Sequence[RegionVolume]) -> list[Document]:
    return [
        {
            "region": each.region.value,
            "volume_ml": each.volume_ml,
            "voxels": each.voxels,
            "voxels_removed": each.voxels_removed,
        }
        for each in volumes
    ]


def _findings(findings: Sequence[Finding]) -> list[Document]:
    return [
        {
            "rule": each.rule.value,
            "severity": each.severity.value,
            "field": each.field,
            "must": each.must,
            "got": each.got,
        }
        for each in findings
    ]


def _preparations(preparations: Sequence[Preparation]) -> list[Document]:
    return [
        {
            "modality": each.modality.value,
            "registered": each.registered,
            "resampled": each.resampled,
            "brain_extracted": each.brain_extracted,
            "motion": each.motion.tolist(),
            "similarity_before": each.similarity_before,
            "similarity_after": each.similarity_after,
        }
        for each in preparations
    ]


def _timings(timings: Sequence[StageTiming]) -> list[Document]:
    return [{"stage": each.stage, "seconds": each.seconds} for each in timings]


def _metrics(metrics: Sequence[RegionMetrics]) -> list[Document]:
    return [
        {
            "region": each.region.value,
            "status": each.status.value,
            "dsc": _number(each.dsc),
            "hd95_mm": _number(each.hd95_mm),
            "sensitivity": _number(each.sensitivity),
            "specificity": _number(each.specificity),
        }
        for each in metrics
    ]


def _conventions(conventions: MetricConventions) -> Document:
    return {
        "hd95_definition": conventions.hd95_definition.value,
        "empty_mask_policy": conventions.empty_mask_policy.value,
        "specificity_domain": conventions.specificity_domain.value,
    }


def _models(models: Sequence[ModelInfo]) -> list[Document]:
    return [
        {
            "name": each.name,
            "version": each.version,
            "sha256": each.sha256,
            "region": None if each.region is None else each.region.value,
            "channels": list(each.channels),
        }
        for each in models
    ]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
