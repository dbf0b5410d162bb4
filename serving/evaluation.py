"""Scores a served model repository on the patients that its training never learned from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imaging.brats import BratsCase
from imaging.evaluation import CaseScore, Scores, evaluate, largest_difference
from imaging.metrics.summary import Metric
from serving.errors import Cause, ModelRepositoryError, ServingError
from serving.inference.catalog import MODEL_NAMES
from serving.inference.opening import open_engine
from serving.settings import Settings

PROVENANCE_FILE = "provenance.json"
"""Beside each model: where it comes from, with the split of its patients."""
LARGEST_DSC_DIFFERENCE = 1e-3
"""Two engines that differ by more in any patient's DSC do not serve the same models."""


class EvaluationError(ServingError):
    """Patients or scores that can't be used."""

    cause = Cause.PRECONDITION


def score(settings: Settings, cases: Sequence[BratsCase], *, on_case: Callable[[CaseScore], None]) -> Scores:
    """Segment every case by the settings' engine, and compare it with its reference.

    Args:
        settings: Engine and models.
        cases: With references.
        on_case: Called after each case.

    Raises:
        EvaluationError: A case has no reference.
        ServingError: The engine could not be started, or failed.
        ImagingError: A case can't be read, segmented or compared.
    """
    if without := sum(case.reference is None for case in cases):
        raise EvaluationError("data", "every case to score must have a reference", f"{without} without")
    with open_engine(settings) as engine:
        return evaluate(cases, engine, engine.catalog.plans, engine=engine.engine.value, on_case=on_case)


def validation_patients(repository: Path) -> frozenset[str]:
    """The patients that none of the models learned from, as recorded beside them.

    Raises:
        ModelRepositoryError: A model has no such record, or they differ: then no patient is new to all models; or
            they learned from everyone.
    """
    recorded = {name: _recorded_patients(repository / name / PROVENANCE_FILE, name) for name in MODEL_NAMES.values()}
    if len(set(recorded.values())) > 1:
        raise ModelRepositoryError("models", "must have been validated on the same patients", "different ones")
    patients = next(iter(recorded.values()))
    if not patients:
        raise ModelRepositoryError("models", "must have validation patients; else name patients", "none")
    return patients


def listed_patients(file: Path) -> frozenset[str]:
    """The patients of a file of one id per line; empty lines and those that begin with # are passed over.

    Raises:
        OSError: The file can't be read.
    """
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def cases_of(cases: Iterable[BratsCase], patients: frozenset[str]) -> tuple[BratsCase, ...]:
    """The cases of these patients.

    Raises:
        EvaluationError: Some patient has none: the scores would be of fewer patients than was asked for.
    """
    chosen = tuple(case for case in cases if case.patient_id in patients)
    if missing := len(patients - {case.patient_id for case in chosen}):
        raise EvaluationError("data", f"must hold cases of all {len(patients)} patients", f"none of {missing}")
    return chosen


def compare_with(scores: Scores, file: Path) -> dict[Metric, float]:
    """The largest difference of each metric from scores that were written before, of the same patients.

    Args:
        scores: These.
        file: As `Scores.to_json` wrote it, by any engine.

    Raises:
        EvaluationError: The file holds no such scores, or of other patients.
        OSError: The file can't be read.
    """
    try:
        other = json.loads(file.read_text(encoding="utf-8"))
        mine = json.loads(scores.to_json())
        if _case_ids(mine) != _case_ids(other):
            raise EvaluationError("against", "must be scores of the same patients", "other patients")
        return largest_difference(mine, other)
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError("against", "must be scores as `evaluate` writes them", type(error).__name__) from None


def agrees(differences: Mapping[Metric, float]) -> bool:
    """Whether two engines gave the same answers, up to rounding."""
    return differences[Metric.DSC] <= LARGEST_DSC_DIFFERENCE


def render_differences(differences: Mapping[Metric, float]) -> str:
    """The largest differences, a line each; infinite where one of two values does not exist."""
    return "\n".join(
        f"largest difference of {metric.value}: {'one has no value' if math.isinf(value) else f'{value:.2g}'}"
        for metric, value in differences.items()
    )


def _recorded_patients(file: Path, model: str) -> frozenset[str]:
    try:
        split = json.loads(file.read_text(encoding="utf-8"))["split"]
        return frozenset(map(str, split["validation"]))
    except FileNotFoundError:
        raise ModelRepositoryError(model, f"must have a {PROVENANCE_FILE}; else name the patients", "none") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRepositoryError(
            model, f"{PROVENANCE_FILE} must tell the validation patients", type(error).__name__
        ) from None


def _case_ids(scores: Mapping[str, Any]) -> set[str]:
    return {case["case_id"] for case in scores["cases"]}
