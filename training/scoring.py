"""Scores of a run on patients that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imaging.brats import BratsCase
from imaging.evaluation import CaseScore, Scores, evaluate
from imaging.metrics.regions import MetricConventions
from imaging.regions import Region
from training.checkpoint import load_trained
from training.errors import TrainingError
from training.plan import load_plan
from training.predictor import TorchPredictor
from training.records import RunFolder


def score_run(folder: RunFolder, cases: Sequence[BratsCase], *, on_case: Callable[[CaseScore], None]) -> Scores:
    """Segment every patient by the whole pipeline with networks that did not learn from them, and compare.

    Args:
        folder: The run. After a cross-validation each patient is segmented by the fold that left them out.
        cases: With references; those that are of no fold's validation patients are passed over.
        on_case: Called after each case.

    Returns:
        Scores of all validation patients, fold by fold.

    Raises:
        TrainingError: A run is not finished, or its validation patients are not among the cases.
        ImagingError: A case can't be read, segmented or compared.
    """
    plan = load_plan(folder.plan)
    parts = [folder.fold(number) for number in range(1, len(plan.folds) + 1)] or [folder]
    scores = [_score_part(part, cases, on_case) for part in parts]
    return Scores("torch", MetricConventions(), [case for part in scores for case in part.cases])


def _score_part(folder: RunFolder, cases: Sequence[BratsCase], on_case: Callable[[CaseScore], None]) -> Scores:
    patients = set(load_plan(folder.plan).split.validation)
    chosen = [case for case in cases if case.patient_id in patients]
    if missing := len(patients - {case.patient_id for case in chosen}):
        rule = f"must hold all {len(patients)} validation patients of {folder.path.name}"
        raise TrainingError("data", rule, f"none of {missing}")
    models = {region: load_trained(folder, region) for region in Region}
    plans = {region: model.plan for region, model in models.items()}
    return evaluate(chosen, TorchPredictor(models), plans, engine="torch", on_case=on_case)
