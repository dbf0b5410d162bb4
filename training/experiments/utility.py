"""What a synthetic cohort is worth: U-Nets learn from it, and real patients that nothing has seen tell."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch

from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import digest_map
from imaging.brats import BratsCase, find_cases, load_exam, load_reference
from imaging.evaluation import Scores, evaluate
from imaging.markdown import table_lines
from imaging.metrics.markdown import format_figure
from imaging.metrics.summary import Metric
from imaging.regions import Region
from training.cache import CachedCase, cache_cases
from training.checkpoint import TrainedModel, load_net, model_plan
from training.dataset import Dataset, open_dataset
from training.errors import TrainingError
from training.experiments.resampling import LEVEL, Floats, Interval, bootstrap_patients
from training.files import write_text_atomically
from training.plan import Fingerprint, Recorded, record_plan, versions
from training.predictor import TorchPredictor
from training.profiles import Profile, ProfileName, profile_for
from training.records import RunFolder
from training.runs import train_nets
from training.split import Split
from training.workers import open_fabric

PROVENANCE = "provenance"
"""Folder of a cohort with a record of each of its cases: among other things, from which map it was drawn."""

log = logging.getLogger(__name__)


class Diet(StrEnum):
    """What U-Nets learn from."""

    REAL = "real"
    """The training patients."""
    COHORT = "cohort"
    """The synthetic cases alone."""
    BOTH = "both"


class UtilityPlan(Recorded):
    """What is decided before.

    Args:
        profile_name: Settings of the U-Nets, by name.
        profiles: The settings themselves.
        seeds: Each diet is learned from once with each.
        split: Of the real patients.
        fingerprint: What the real patients' data are.
        cohort: Case ids of the cohort.
        versions: What it was made with.
    """

    profile_name: ProfileName
    profiles: dict[Region, Profile]
    seeds: tuple[int, ...]
    split: Split
    fingerprint: Fingerprint
    cohort: tuple[str, ...]
    versions: dict[str, str]


@dataclass(frozen=True)
class UtilityRequest:
    """What the caller asks for.

    Args:
        data: Folder of BraTS cases: real patients.
        cohort: Folder of a cohort in a BraTS layout, with its provenance.
        folder: Where weights, scores and the table go.
        cache: Folder of the slice cache.
        profile: Settings of the U-Nets, by name.
        seeds: Of the U-Nets.
        split_seed: Of the split: that of the generator's training, so that it has not seen the validation patients.
        threads: CPU threads; None for torch's choice.
    """

    data: Path
    cohort: Path
    folder: Path
    cache: Path
    profile: ProfileName = ProfileName.SMALL
    seeds: tuple[int, ...] = (1,)
    split_seed: int = 1
    threads: int | None = None


def measure_utility(request: UtilityRequest) -> str:
    """Train on real patients, on the cohort, on both; score each on the validation patients; what is done is kept.

    All diets are shown as many batches, so that more cases do not mean more training.

    Returns:
        The table as Markdown, which is also left as `utility.md`.

    Raises:
        TrainingError: The cohort has no labelled case, lacks its provenance, or a case of it was drawn from a
            validation patient's map.
        ImagingError: Data can't be read.
    """
    if request.threads is not None:
        torch.set_num_threads(request.threads)
    dataset = open_dataset(request.data, request.cache, seed=request.split_seed)
    found = tuple(case for case in find_cases(request.cohort) if case.reference)
    if not found:
        raise TrainingError("cohort", "must hold labelled cases in a BraTS layout", "none")
    require_unseen(source_digests(request.cohort), dataset.validation_found)
    plan = UtilityPlan(
        profile_name=request.profile,
        profiles={region: profile_for(request.profile, region) for region in Region},
        seeds=request.seeds,
        split=dataset.split,
        fingerprint=dataset.fingerprint,
        cohort=tuple(case.case_id for case in found),
        versions=versions(),
    )
    record_plan(plan, request.folder / "plan.json")
    synthetic = tuple(cache_cases(found, request.cache))
    scores = {diet: [_scores(request, plan, dataset, synthetic, diet, seed) for seed in plan.seeds] for diet in Diet}
    table = render_utility(scores, synthetic=len(synthetic), real=len(dataset.train))
    write_text_atomically(request.folder / "utility.md", table)
    return table


def source_digests(cohort: Path) -> frozenset[str]:
    """Digests of the maps that a cohort's cases were drawn from.

    Raises:
        TrainingError: There is no provenance, or one that names no map.
    """
    files = sorted((cohort / PROVENANCE).glob("*.json"))
    if not files:
        raise TrainingError("cohort", f"must hold the {PROVENANCE} of its cases", "none")
    try:
        return frozenset(str(json.loads(file.read_text())["source"]["map_digest"]) for file in files)
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(PROVENANCE, "must name the map of its case", type(error).__name__) from None


def require_unseen(digests: Iterable[str], validation: Sequence[BratsCase]) -> None:
    """Make sure that no case was drawn from a validation patient's map: its scores would mean nothing.

    Raises:
        TrainingError: Some were.
    """
    own = {digest_map(BrainMap.of_exam(load_exam(case), load_reference(case))) for case in validation}
    if seen := len(own & set(digests)):
        raise TrainingError("cohort", "must not be drawn from maps of validation patients", f"maps of {seen}")


def render_utility(scores: dict[Diet, list[Scores]], *, synthetic: int, real: int) -> str:
    """Mean DSC of each diet, and each one's ratio to real patients, with bootstrap intervals, as Markdown."""
    lines = []
    for region in Region:
        values = {diet: _by_patient(scores[diet], region) for diet in Diet}
        lines.append(
            [
                region.name,
                *(format_figure(Metric.DSC, float(values[diet].mean())) for diet in Diet),
                *(_ratio(values[diet], values[Diet.REAL]) for diet in (Diet.COHORT, Diet.BOTH)),
            ]
        )
    header = ["DSC", *(diet.value for diet in Diet), "cohort / real", "both / real"]
    patients, seeds = len(scores[Diet.REAL][0].cases), len(scores[Diet.REAL])
    note = (
        f"Mean over {patients} real validation patients and {seeds} seed(s). Real: {real} training patients; cohort: "
        f"{synthetic} synthetic cases; both: all of them. Ratio: the utility ratio, with its {LEVEL} % bootstrap "
        "interval over patients (paired)."
    )
    return "\n".join([*table_lines(header, lines), "", note, ""])


def _by_patient(scores: Sequence[Scores], region: Region) -> Floats:
    """DSC of each patient, mean over seeds."""
    values: Floats = np.array([[case.metrics[region].dsc for case in one.cases] for one in scores], dtype=np.float64)
    return np.asarray(values.mean(axis=0))


def _ratio(values: Floats, real: Floats) -> str:
    ratio: Interval = bootstrap_patients(
        np.stack([values, real], axis=1), lambda drawn: drawn[..., 0].mean(axis=1) / drawn[..., 1].mean(axis=1)
    )
    if math.isnan(ratio.value):  # to nothing
        return "-"
    return f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"


def _scores(
    request: UtilityRequest,
    plan: UtilityPlan,
    dataset: Dataset,
    synthetic: Sequence[CachedCase],
    diet: Diet,
    seed: int,
) -> Scores:
    folder = RunFolder(request.folder / diet.value / f"seed-{seed}")
    file = folder.path / "scores.json"
    if file.exists():
        return Scores.from_json(file.read_text())
    cases = [
        *(dataset.train if diet is not Diet.COHORT else ()),
        *(synthetic if diet is not Diet.REAL else ()),
    ]
    log.info("diet '%s', seed %d: %d cases", diet, seed, len(cases))
    train_nets(folder, plan.profiles, cases, dataset.validation, fabric=open_fabric(), seed=seed)
    models = {}
    for region, profile in plan.profiles.items():
        net, epoch = load_net(folder.net(region), profile, region)
        models[region] = TrainedModel(net, model_plan(profile, plan.fingerprint, region), {"epoch": epoch})
    plans = {region: model.plan for region, model in models.items()}
    scores = evaluate(dataset.validation_found, TorchPredictor(models), plans, engine="torch")
    write_text_atomically(file, scores.to_json())
    return scores
