"""Thresholds of a cross-validated run, chosen on patients that the networks did not learn from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from imaging.pipeline.predictor import ask
from imaging.regions import Region
from training.cache import CachedCase
from training.checkpoint import TrainedModel, load_trained
from training.errors import TrainingError
from training.plan import load_plan
from training.predictor import TorchPredictor
from training.records import RunFolder
from training.sampling import select_channels
from training.thresholds import Calibration, record_calibration
from training.validation import asked_slices

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""What is tried. Finer steps would follow the patients' chance more than the networks."""

Curves = Mapping[Region, npt.NDArray[np.float64]]
"""Per region the DSC of each patient at each threshold, `[patient, threshold]`; NaN where a patient lacks it."""

log = logging.getLogger(__name__)


def calibrate(folder: RunFolder, cases: Sequence[CachedCase]) -> Calibration:
    """Choose the thresholds of a cross-validated run, and of each of its folds, and record them beside its plan.

    Every patient is judged by the fold that left them out. The run that learned from everyone takes the thresholds
    that serve all of them best; a fold takes those that serve the *other* folds' patients best, so that nothing about
    its own patients went into how they are scored.

    Args:
        folder: A finished cross-validation.
        cases: All its patients.

    Raises:
        TrainingError: It is no cross-validation, it is not finished, or its patients are not among the cases.
    """
    plan = load_plan(folder.plan)
    if not plan.folds:
        raise TrainingError("run", "must be a cross-validation", "one run, whose patients are too few to choose on")
    parts = [folder.fold(number) for number in range(1, len(plan.folds) + 1)]
    curves = [
        _curves(part, [case for case in cases if case.patient_id in set(split.validation)])
        for part, split in zip(parts, plan.folds, strict=True)
    ]
    for index, part in enumerate(parts):
        _record(part, curves[:index] + curves[index + 1 :])
    return _record(folder, curves)


def _curves(part: RunFolder, cases: Sequence[CachedCase]) -> Curves:
    """The curves of the patients that a fold left out."""
    if not cases:
        raise TrainingError("data", f"must hold the validation patients of {part.path.name}", "none of them")
    models = {region: load_trained(part, region) for region in Region}
    predictor = TorchPredictor(models)
    rows: dict[Region, list[npt.NDArray[np.float64]]] = {region: [] for region in Region}
    for number, case in enumerate(cases, start=1):
        for region, model in models.items():
            rows[region].append(_curve(model, predictor, case))
        log.info("%s: patient %d of %d", part.path.name, number, len(cases))
    return {region: np.stack(each) for region, each in rows.items()}


def _curve(model: TrainedModel, predictor: TorchPredictor, case: CachedCase) -> npt.NDArray[np.float64]:
    """DSC of one patient and region at each threshold; NaN where there is no such region."""
    overlap, found, true = np.zeros(len(THRESHOLDS)), np.zeros(len(THRESHOLDS)), 0
    for probabilities, truth in _answers(model, predictor, case):
        true += int(np.count_nonzero(truth))
        for index, threshold in enumerate(THRESHOLDS):
            mask = probabilities > threshold
            found[index] += np.count_nonzero(mask)
            overlap[index] += np.count_nonzero(mask & truth)
    return 2.0 * overlap / (found + true) if true else np.full(len(THRESHOLDS), np.nan)


def _answers(
    model: TrainedModel, predictor: TorchPredictor, case: CachedCase
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    for slices, mask in asked_slices(case, model.plan.region):
        inputs = select_channels(torch.from_numpy(slices), model.plan.channels).numpy()
        brain = (slices != 0).any(axis=1)
        yield ask(predictor, model.plan, inputs) * brain, mask > 0


def _record(folder: RunFolder, curves: Sequence[Curves]) -> Calibration:
    dsc = {region: _mean(np.concatenate([each[region] for each in curves]), region) for region in Region}
    calibration = Calibration(
        patients=sum(len(each[Region.WT]) for each in curves),
        thresholds=THRESHOLDS,
        dsc=dsc,
        chosen={region: THRESHOLDS[int(np.argmax(means))] for region, means in dsc.items()},
    )
    record_calibration(calibration, folder)
    return calibration


def _mean(curves: npt.NDArray[np.float64], region: Region) -> tuple[float, ...]:
    if np.isnan(curves).all():
        raise TrainingError("data", f"must hold patients with {region.name} in more than one fold", "none")
    return tuple(round(float(mean), 4) for mean in np.nanmean(curves, axis=0))
