from itertools import permutations, product

import numpy as np
import pytest
from nibabel import orientations

from imaging.casecheck.check import check_case
from imaging.errors import ExamError, GeometryError, PipelineCancelledError
from imaging.modality import Modality
from imaging.pipeline.clinical import Workshop, segment_raw
from imaging.pipeline.observer import SilentObserver, Stage
from imaging.raw_exam import RawExam
from imaging.regions import Region
from imaging.volume import Volume
from tests.imaging.pipeline import analytic

STANDARD = analytic.grid((130, 156, 116), (1, 1, 1))
THICK = analytic.grid((196, 232, 36), (0.95, 0.95, 5.0), rotation_deg=(4, -3, 5), shift_mm=(3, -2, 1))
SMALL = analytic.grid((170, 200, 40), (1.1, 1.1, 4.5), rotation_deg=(-6, 2, 0), shift_mm=(-2, 4, 0))

ORIENTATIONS = ["".join(code) for axes in permutations(("RL", "AP", "SI")) for code in product(*axes)]


def dsc(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def workshop(**changes):
    settings = {"extract": lambda volume, **_: analytic.brain_at(volume.grid), "threads": 2}
    return Workshop(analytic.BrightFlair(), analytic.PLANS, **{**settings, **changes})


def run(raw, *, output=Modality.T1CE, observer=None, **changes):
    work = workshop(**changes)
    report = check_case(raw, needs=work.needs, facts={}, extracts_brain=work.extract is not None)
    report.require()
    return segment_raw(raw, report, work, output=output, observer=observer)


def reoriented(volume, codes):
    """The same volume with its axes in another order: not one value changes."""
    transform = orientations.ornt_transform(
        orientations.io_orientation(volume.grid.affine), orientations.axcodes2ornt(tuple(codes))
    )
    affine = volume.grid.affine @ orientations.inv_ornt_aff(transform, volume.grid.shape)
    return Volume.from_affine(orientations.apply_orientation(volume.voxels, transform), affine)


@pytest.fixture(scope="module")
def native():
    """As a scanner makes it: thick oblique slices, a skull, and a patient who moved after the T1CE."""
    grids = {Modality.T1: THICK, Modality.T1CE: THICK, Modality.T2: SMALL, Modality.FLAIR: SMALL}
    return analytic.exam(grids, motions={Modality.T2: analytic.MOVED, Modality.FLAIR: analytic.MOVED})


@pytest.fixture(scope="module")
def found(native):
    return run(native)


def test_a_native_exam_is_segmented_on_the_grid_of_its_t1ce(found):
    assert found.grid is THICK
    assert dsc(found.masks[Region.WT], analytic.lesion_at(THICK, Region.WT)) > 0.85
    assert not (found.masks[Region.TC] & ~found.masks[Region.WT]).any()
    assert not (found.masks[Region.ET] & ~found.masks[Region.TC]).any()
    assert dsc(found.brain, analytic.brain_at(THICK)) > 0.97
    assert list(found.timings_s)[:3] == [Stage.EXTRACT_BRAIN, Stage.REGISTER, Stage.RESAMPLE]
    assert list(found.timings_s)[-1] is Stage.RETURN


def test_what_was_done_to_each_contrast_is_told(found):
    moved = found.preparations[Modality.T2]
    assert moved.alignment.registered
    assert moved.resampled
    assert moved.brain_extracted
    assert moved.alignment.similarity_after > moved.alignment.similarity_before
    corners = np.array([[60.0, 70, 50], [-60, -70, -50], [60, -70, 50]])
    there = moved.alignment.motion.apply(corners)
    truth = analytic.MOVED.apply(corners)
    assert np.linalg.norm(there - truth, axis=1).max() < 1.5
    np.testing.assert_array_equal(found.preparations[Modality.T1CE].alignment.motion.matrix, np.eye(4))


def test_masks_can_be_had_on_the_grid_of_another_contrast(native):
    """Of the T2, in whose own world the patient lies elsewhere."""
    there = run(native, output=Modality.T2)
    assert there.grid is SMALL
    assert there.brain.shape == SMALL.shape
    assert dsc(there.masks[Region.WT], analytic.lesion_at(SMALL, Region.WT, analytic.MOVED)) > 0.85
    assert dsc(there.masks[Region.WT], analytic.lesion_at(SMALL, Region.WT)) < 0.75


@pytest.mark.parametrize("codes", ["RAS", "PIR", "SLA", "ILP"])
def test_the_order_of_a_native_exams_axes_changes_nothing(native, found, codes):
    turned = RawExam({modality: reoriented(volume, codes) for modality, volume in native.volumes.items()})
    answer = run(turned)
    for region in Region:
        there = reoriented(Volume(answer.masks[region], answer.grid), THICK.axis_codes)
        np.testing.assert_array_equal(there.voxels, found.masks[region])


@pytest.fixture(scope="module")
def stripped():
    """As BraTS has it."""
    return analytic.exam(dict.fromkeys(Modality, STANDARD), skull=False)


@pytest.fixture(scope="module")
def found_in_stripped(stripped):
    return run(stripped)


def test_an_exam_in_shape_keeps_its_voxels(found_in_stripped):
    assert found_in_stripped.brain is None
    assert not set(found_in_stripped.timings_s) & {Stage.REGISTER, Stage.RESAMPLE, Stage.EXTRACT_BRAIN, Stage.RETURN}
    assert dsc(found_in_stripped.masks[Region.WT], analytic.lesion_at(STANDARD, Region.WT)) > 0.95
    for preparation in found_in_stripped.preparations.values():
        assert not preparation.alignment.registered
        assert not preparation.resampled
        assert not preparation.brain_extracted


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_segmenting_and_reorienting_commute_to_the_voxel(stripped, found_in_stripped, codes):
    turned = RawExam({modality: reoriented(volume, codes) for modality, volume in stripped.volumes.items()})
    answer = run(turned)
    for region in Region:
        there = reoriented(Volume(answer.masks[region], answer.grid), STANDARD.axis_codes)
        np.testing.assert_array_equal(there.voxels, found_in_stripped.masks[region])


@pytest.mark.parametrize("rotation_deg", [(12, 0, 0), (-5, 8, 20)])
def test_oblique_grids_give_the_same_answer_in_the_world(rotation_deg):
    oblique = analytic.grid((170, 190, 160), (1, 1, 1), rotation_deg=rotation_deg)
    answer = run(analytic.exam(dict.fromkeys(Modality, oblique), skull=False))
    assert answer.grid is oblique
    assert dsc(answer.masks[Region.WT], analytic.lesion_at(oblique, Region.WT)) > 0.95


def test_without_brain_extraction_a_skull_is_refused(native):
    work = workshop(extract=None)
    report = check_case(native, needs=work.needs, facts={})
    with pytest.raises(ExamError, match="exam: must be skull-stripped, as no brain extraction is served here"):
        segment_raw(native, report, work)


def test_a_field_of_view_of_too_many_voxels_is_refused(native):
    with pytest.raises(GeometryError, match="t1ce: field of view must hold at most 1000 voxels of 1 mm, got"):
        run(native, max_voxels=1000)


@pytest.mark.parametrize("stage", [Stage.REGISTER, Stage.RESAMPLE, Stage.EXTRACT_BRAIN])
def test_each_stage_can_be_cancelled(native, stage):
    class Leaver(SilentObserver):
        over = False

        def progressed(self, at, *_):
            self.over = self.over or at is stage

        def check_cancelled(self):
            if self.over:
                raise PipelineCancelledError

    with pytest.raises(PipelineCancelledError):
        run(native, observer=Leaver())
