"""Does a lesion that was moved in the map appear at its new place, and does a U-Net find it there?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from imaging.brainmap.draw import Painter, draw_exam
from imaging.brainmap.maps import BrainMap
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.exam import Exam
from imaging.markdown import table_lines
from imaging.metrics.regions import MetricConventions, compare
from imaging.pipeline.plan import ModelPlans
from imaging.pipeline.predictor import Predictor
from imaging.pipeline.segment import segment
from imaging.regions import Region, RegionMasks
from training.experiments.cohort import SyntheticCase, edit_at_random
from training.experiments.figures import Row, unit_volumes

EDIT_SEED = 2
"""Another than the cohort's: these maps are of patients that nothing was trained on."""


@dataclass(frozen=True)
class Finding:
    """How a U-Net trained on real patients alone fares with one patient.

    Args:
        edit: How the lesion was edited.
        real: DSC per region in the patient's own exam.
        redrawn: DSC in the exam drawn from the patient's map as it is.
        moved: DSC in the exam drawn from the edited map, against the edited map's regions.
    """

    edit: SyntheticCase
    real: Mapping[Region, float]
    redrawn: Mapping[Region, float]
    moved: Mapping[Region, float]


def try_moved(
    cases: Sequence[BratsCase], painter: Painter, predictor: Predictor, plans: ModelPlans
) -> tuple[list[Finding], list[Row]]:
    """Move the lesions of patients, draw them, and look for them.

    Args:
        cases: Patients whom neither generator nor U-Nets have seen.
        painter: The generator.
        predictor: U-Nets trained on real patients alone.
        plans: How these are read.

    Returns:
        The figures, and of each patient a row of a picture before and one after.
    """
    findings: list[Finding] = []
    rows: list[Row] = []
    for number, case in enumerate(cases):
        exam, reference = load_exam(case), load_reference(case)
        brain_map = BrainMap.of_exam(exam, reference)
        edit, edited = edit_at_random(brain_map, number=number, source=case.case_id, seed=EDIT_SEED)
        drawn = draw_exam(edited, painter)
        found = segment(drawn, predictor, plans).masks
        own = segment(exam, predictor, plans).masks
        redrawn = draw_exam(brain_map, painter)
        findings.append(
            Finding(
                edit,
                real=_dsc(own, reference, exam),
                redrawn=_dsc(segment(redrawn, predictor, plans).masks, brain_map.regions, redrawn),
                moved=_dsc(found, edited.regions, drawn),
            )
        )
        rows.append(Row("patient", unit_volumes(exam), brain_map.regions))
        rows.append(Row("lesion moved", unit_volumes(drawn), edited.regions, found[Region.WT]))
    return findings, rows


def render_findings(findings: Sequence[Finding]) -> str:
    """A table of DSC per patient, as Markdown ending in a newline."""
    head = ["patient", "shift (mm)", "scale", *(f"{kind} {region.name}" for kind in _KINDS for region in Region)]
    rows = []
    for one in findings:
        shift = sum(component**2 for component in one.edit.edit.shift_mm) ** 0.5
        values = asdict(one)
        figures = [f"{values[kind][region]:.3f}" for kind in _KINDS for region in Region]
        rows.append([one.edit.source, f"{shift:.0f}", f"{one.edit.edit.scale:.2f}", *figures])
    means = [
        f"{sum(asdict(one)[kind][region] for one in findings) / len(findings):.3f}"
        for kind in _KINDS
        for region in Region
    ]
    rows.append(["mean", "", "", *means])
    return "\n".join(table_lines(head, rows)) + "\n"


_KINDS = ("real", "redrawn", "moved")


def _dsc(found: RegionMasks, reference: RegionMasks, exam: Exam) -> dict[Region, float]:
    metrics = compare(found, reference, spacing_mm=exam.grid.spacing_mm, conventions=MetricConventions())
    return {region: metrics[region].dsc for region in Region}
