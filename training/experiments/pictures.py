"""What the figures are drawn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.brainmap.draw import Painter, draw_exam
from imaging.brainmap.maps import BrainMap
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.evaluation import Scores
from imaging.modality import Modality
from imaging.phantom.phantom import make_phantom
from imaging.pipeline.segment import segment
from imaging.regions import BoolVolume, Region
from training.experiments.arms import ArmName
from training.experiments.cohort import edit_at_random
from training.experiments.figures import Compared, Pair, Row, unit_volumes
from training.experiments.plan import ExperimentFolder, ExperimentPlan
from training.experiments.train_arms import arm_models
from training.predictor import TorchPredictor

SHOWN = 4
"""Patients in Figure 2."""
EACH_WAY = 2
"""Cases shown that synthetic patients improved most, and as many that they worsened most (paper, section 4.3)."""


def figure_two_pairs(cases: Sequence[BratsCase], painter: Painter) -> list[Pair]:
    """The first few patients beside what is drawn from their maps."""
    pairs = []
    for case in cases[:SHOWN]:
        exam = load_exam(case)
        brain_map = BrainMap.of_exam(exam, load_reference(case))
        drawn = draw_exam(brain_map, painter)
        pairs.append(Pair(unit_volumes(exam), unit_volumes(drawn), brain_map.regions[Region.WT]))
    return pairs


def phantom_rows(seed: int, painter: Painter) -> list[Row]:
    """A phantom, what is drawn from its map, and what is drawn when its lesion is edited: a picture of no patient."""
    phantom = make_phantom(seed)
    brain_map = BrainMap.of_exam(phantom.exam, phantom.masks)
    _, edited = edit_at_random(brain_map, number=0, source=phantom.case_id, seed=seed)
    return [
        Row("phantom", unit_volumes(phantom.exam), brain_map.regions),
        Row("drawn from its map", unit_volumes(draw_exam(brain_map, painter)), brain_map.regions),
        Row("lesion edited", unit_volumes(draw_exam(edited, painter)), edited.regions),
    ]


def most_changed(
    plan: ExperimentPlan, folder: ExperimentFolder, cases: Sequence[BratsCase], *, seed: int
) -> tuple[list[Compared], list[Compared]]:
    """The cases whose WT gained most DSC by all synthetic patients, and those that lost most.

    Args:
        plan: Of the experiments.
        folder: With the scores and weights of both arms.
        cases: The validation patients.
        seed: Of the U-Nets that are compared.

    Returns:
        Improved and worsened, most changed first; fewer than `EACH_WAY` where fewer changed that way.
    """
    with_synthetic, real_only = (
        Scores.from_json(folder.scores(arm, seed).read_text()) for arm in (ArmName.ALL, ArmName.REAL)
    )
    gains = np.array(
        [
            one.metrics[Region.WT].dsc - other.metrics[Region.WT].dsc
            for one, other in zip(with_synthetic.cases, real_only.cases, strict=True)
        ]
    )
    order = np.argsort(gains)
    improved = [index for index in order[::-1][:EACH_WAY] if gains[index] > 0]
    worsened = [index for index in order[:EACH_WAY] if gains[index] < 0]
    by_id = {case.case_id: case for case in cases}

    def compared(index: int) -> Compared:
        case = by_id[real_only.cases[index].case_id]
        exam, reference = load_exam(case), load_reference(case)
        reorientation = exam.grid.reorientation
        caption = "DSC ET/WT/TC " + " to ".join(
            "/".join(f"{one.cases[index].metrics[region].dsc:.2f}" for region in (Region.ET, Region.WT, Region.TC))
            for one in (real_only, with_synthetic)
        )

        def found(arm: ArmName) -> BoolVolume:
            models = arm_models(plan, folder, arm, seed)
            plans = {region: model.plan for region, model in models.items()}
            return reorientation.apply(segment(exam, TorchPredictor(models), plans).masks[Region.WT])

        return Compared(
            case_id=case.case_id,
            flair=unit_volumes(exam)[Modality.FLAIR],
            reference=reorientation.apply(reference[Region.WT]),
            with_synthetic=found(ArmName.ALL),
            real_only=found(ArmName.REAL),
            caption=caption,
        )

    return [compared(index) for index in improved], [compared(index) for index in worsened]
