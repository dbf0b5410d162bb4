from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from imaging.brainmap.draw import draw_exam
from imaging.brainmap.intensity import to_unit_range
from imaging.brainmap.maps import BrainMap
from imaging.brats import find_cases, load_exam, load_reference
from imaging.metrics.image_quality import ImageQuality, QualityDomain, QualityMetric, SsimWindow, compare_images
from imaging.modality import Modality
from imaging.regions import Region
from training.errors import TrainingError
from training.experiments.table_one import QualityConventions, QualityTable, _summarise, score_generator
from training.experiments.table_one_text import render_table_one

SMALL = QualityConventions(side=72, brain_share=0.2, tumour_pixels=60)


class BandPainter:
    """Paints the middle of each band, or one grey for each contrast where it does not look at them."""

    multiple = 4

    def __init__(self, *, looks=True):
        self.looks = looks

    def paint(self, bands, lesion):
        greys = {m: np.full(lesion.shape, 0.5 + number / 20, np.float32) for number, m in enumerate(bands)}
        return {m: (array.astype(np.float32) - 0.5) / 4 if self.looks else greys[m] for m, array in bands.items()}


@pytest.fixture(scope="module")
def found(data):
    return find_cases(data)[:2]


@pytest.fixture(scope="module")
def table(found):
    return score_generator(found, BandPainter(), conventions=SMALL, seed=3)


def patient_means(case, modality, domain, conventions):
    """What the table should hold of one patient, slice by slice and figure by figure."""
    exam, regions = load_exam(case), load_reference(case)
    brain_map = BrainMap.of_exam(exam, regions)
    drawn = draw_exam(brain_map, BandPainter()).volumes[modality].voxels
    real = to_unit_range(exam.volumes[modality].voxels, brain_map.brain)
    found = []
    for number in range(real.shape[2]):
        wide = [np.pad(a[:, :, number], 4) for a in (drawn / 1000 * 255, real * 255.0, brain_map.brain)]
        tumour = np.pad(regions[Region.WT][:, :, number], 4)
        masks = {QualityDomain.IMAGE: None, QualityDomain.BRAIN: wide[2], QualityDomain.TUMOUR: tumour}
        enough = domain is not QualityDomain.TUMOUR or tumour.sum() >= conventions.tumour_pixels
        if wide[2].sum() >= conventions.brain_share * 72 * 72 and enough:
            one = compare_images(wide[0], wide[1], data_range=255, domain=domain, mask=masks[domain])
            found.append([metric.of(one) for metric in QualityMetric])
    return np.mean(found, axis=0), len(found)


@pytest.mark.parametrize("domain", list(QualityDomain))
def test_figures_are_means_of_patients_means(found, table, domain):
    row = table.row(Modality.FLAIR, domain)
    each = [patient_means(case, Modality.FLAIR, domain, SMALL) for case in found]
    means = np.array([means for means, _ in each])
    assert row.slices == sum(count for _, count in each) > len(found)
    for column, metric in enumerate(QualityMetric):
        figure = row.figure(metric)
        assert figure.patients == 2
        assert (figure.mean, figure.sd) == pytest.approx(
            (means[:, column].mean(), means[:, column].std(ddof=1)), rel=1e-4
        )
        assert means[:, column].min() <= figure.interval[0] + 1e-4 <= figure.interval[1] + 2e-4


def test_fewer_slices_show_tumour_than_brain(table):
    slices = [table.row(Modality.T2, domain).slices for domain in QualityDomain]
    assert slices[0] == slices[1] > slices[2] > 0
    assert [(row.domain, row.modality) for row in table.rows] == [(d, m) for d in QualityDomain for m in Modality]


def test_a_painter_that_looks_at_the_map_scores_better(found, table):
    blind = score_generator(found, BandPainter(looks=False), conventions=SMALL)
    for modality in Modality:
        good, bad = (one.row(modality, QualityDomain.BRAIN) for one in (table, blind))
        assert good.mse.mean < bad.mse.mean
        assert good.psnr_db.mean > bad.psnr_db.mean


def test_exams_of_a_patient_count_as_one(found, table):
    first, second = found
    together = score_generator([first, replace(second, patient_id=first.patient_id)], BandPainter(), conventions=SMALL)
    row = together.row(Modality.T1, QualityDomain.BRAIN)
    assert (together.patients, row.ssim.patients, row.ssim.sd, row.ssim.interval) == (1, 1, None, None)
    assert row.slices == table.row(Modality.T1, QualityDomain.BRAIN).slices


def test_without_tumour_there_are_no_figures_of_it(found):
    table = score_generator(found[:1], BandPainter(), conventions=replace(SMALL, tumour_pixels=10_000))
    row = table.row(Modality.T1, QualityDomain.TUMOUR)
    assert (row.slices, row.mse.mean, row.mse.patients) == (0, None, 0)
    line = next(line for line in render_table_one({"one": table}).splitlines() if line.startswith("| tumour | T1 "))
    assert line == "| tumour | T1 | one | - | - | - | - | - | 0 | 0 |"
    assert QualityTable.from_json(table.to_json()) == table


def test_equal_slices_have_no_psnr():
    equal = ImageQuality(0.0, 0.0, math.inf, 1.0, 255.0, QualityDomain.IMAGE, 9, 9, SsimWindow.GAUSSIAN)
    other = replace(equal, mse=4.0, mae=1.0, psnr_db=40.0, ssim=0.5)
    row = _summarise([[equal, other], [equal]], Modality.T1, QualityDomain.IMAGE, seed=0)
    assert (row.psnr_db.mean, row.psnr_db.patients) == (40.0, 1)
    assert (row.mse.mean, row.mse.patients, row.slices) == (1.0, 2, 3)


@pytest.mark.parametrize(
    ("changes", "field"), [({"side": 60}, "cases"), ({"brain_share": 1.0}, "cases"), ({}, "cases")]
)
def test_cases_that_cannot_be_scored(found, changes, field):
    cases = found[:1] if changes else []
    with pytest.raises(TrainingError) as raised:
        score_generator(cases, BandPainter(), conventions=replace(SMALL, **changes))
    assert raised.value.field == field


@pytest.mark.parametrize(
    "change",
    [{"side": 10}, {"data_range": 0.0}, {"data_range": math.inf}, {"brain_share": 0.0}, {"tumour_pixels": 0}],
)
def test_conventions_are_checked(change):
    with pytest.raises(TrainingError) as raised:
        QualityConventions(**change)
    assert raised.value.field == next(iter(change))


def test_json_brings_the_table_back(table):
    assert QualityTable.from_json(table.to_json()) == table
    content = json.loads(table.to_json())
    for text in ("{", json.dumps({**content, "seed": "x"}), json.dumps({"seed": 1})):
        with pytest.raises(TrainingError):
            QualityTable.from_json(text)
    with pytest.raises(TrainingError) as raised:
        QualityTable(table.conventions, 2, 0, ()).row(Modality.T1, QualityDomain.IMAGE)
    assert raised.value.field == "rows"


def test_markdown_sets_variants_and_paper_side_by_side(table):
    text = render_table_one({"joint": table, "one per contrast (paper)": replace(table, seed=4)})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head, rule, *body = rows
    assert all(len(row) == len(head) for row in rows)
    assert set(rule) == {"---"}
    assert len(body) == 3 * 4 * 2 + 4
    row = table.row(Modality.T1CE, QualityDomain.BRAIN)
    cells = dict(zip(head, body[4 * 2 + 2], strict=True))
    assert (cells["over"], cells["contrast"], cells["variant"]) == ("brain", "T1CE", "joint")
    assert cells["SSIM"] == f"{row.ssim.mean:.3f} ± {row.ssim.sd:.3f}"
    assert cells["SSIM, 95% interval"] == f"{row.ssim.interval[0]:.3f} to {row.ssim.interval[1]:.3f}"
    assert (cells["patients"], cells["slices"]) == ("2", str(row.slices))
    assert body[-4][:5] == ["not stated", "T1", "paper", "19.246 ± 0.308", "23.375 ± 0.586"]
    for statement in ("72 x 72", "0 to 255", "Gaussian, 11 pixels", "at least 20% of brain", "seed 3, 4"):
        assert statement in text
    assert "* T1: MAE 23.4 is above the root of MSE 19.2, which is 4.4;" in text
    assert "needs a range of 625" in text


def test_tables_that_do_not_belong_together(table):
    for tables in (
        {},
        {"one": table, "other": replace(table, conventions=QualityConventions())},
        {"one": table, "other": replace(table, patients=3)},
    ):
        with pytest.raises(TrainingError) as raised:
            render_table_one(tables)
        assert raised.value.field == "tables"
