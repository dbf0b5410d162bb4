import os
import threading
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import ExamError, ImagingError, PipelineCancelledError
from imaging.modality import Modality
from imaging.nifti import read_nifti_file
from imaging.registration.errors import RegistrationError
from imaging.registration.motion import RigidMotion
from imaging.registration.rigid import align, align_all
from imaging.resample.volume import resample
from imaging.volume import Volume
from tests.imaging.pipeline import analytic
from tests.imaging.registration.heads import CORNERS, MOVED, OWN, SMALL, THICK, scan

LARGE = RigidMotion.about((0, 0, 0), rotation_deg=(20, -15, 25), shift_mm=(-15, 18, 9))
FAR = RigidMotion.about((0, 0, 0), rotation_deg=(5, 4, -6), shift_mm=(400, -300, 250))


@pytest.mark.parametrize("modality", [Modality.T1, Modality.T2, Modality.FLAIR])
@pytest.mark.parametrize(
    ("skull", "grid", "motion", "within_mm"),
    [(True, OWN, MOVED, 0.5), (False, OWN, MOVED, 0.7), (True, THICK, MOVED, 0.8), (True, OWN, LARGE, 0.5)],
)
def test_a_known_motion_is_found_again(modality, skull, grid, motion, within_mm):
    moving = scan(modality, grid, skull=skull, motion=motion)
    found = align(moving, scan(Modality.T1CE, SMALL, skull=skull), field=modality.value)

    assert found.registered
    assert found.motion.apart_mm(motion, CORNERS) < within_mm
    assert found.similarity_after > found.similarity_before > 0


def test_worlds_that_are_far_apart():
    """Coordinates were lost: the fields of view have nothing in common."""
    at = analytic.grid((90, 92, 86), (2.2, 2.4, 2.3), shift_mm=(400, -300, 250))
    found = align(scan(Modality.T2, at, motion=FAR), scan(Modality.T1CE, SMALL), field="t2")

    assert found.motion.apart_mm(FAR, CORNERS) < 0.5
    assert found.similarity_before == 0


def test_one_is_stripped_and_the_other_is_not():
    found = align(scan(Modality.T2, OWN, skull=False, motion=MOVED), scan(Modality.T1CE, SMALL), field="t2")
    assert found.motion.apart_mm(MOVED, CORNERS) < 1.5


@pytest.mark.parametrize("skull", [True, False])
def test_aligned_contrasts_are_left_alone(skull):
    exam = {modality: scan(modality, SMALL, skull=skull) for modality in Modality}
    for alignment in align_all(exam, Modality.T1CE, threads=2).values():
        assert not alignment.registered
        np.testing.assert_array_equal(alignment.motion.matrix, np.eye(4))
        assert alignment.similarity_after == alignment.similarity_before > 0.15


def test_on_one_grid_but_moved_is_not_aligned():
    motion = RigidMotion.about((0, 0, 0), rotation_deg=(0, 2, 0), shift_mm=(0, 2.5, 0))
    found = align(scan(Modality.FLAIR, SMALL, motion=motion), scan(Modality.T1CE, SMALL), field="flair")
    assert found.registered
    assert found.motion.apart_mm(motion, CORNERS) < 0.5


@pytest.fixture(scope="module")
def exam():
    return {
        Modality.T1: scan(Modality.T1, SMALL),
        Modality.T1CE: scan(Modality.T1CE, SMALL),
        Modality.T2: scan(Modality.T2, OWN, motion=MOVED),
        Modality.FLAIR: scan(Modality.FLAIR, THICK, motion=MOVED),
    }


@pytest.fixture(scope="module")
def alone(exam):
    return align_all(exam, Modality.T1CE, threads=1)


def test_all_others_are_aligned_in_order(alone):
    assert list(alone) == [Modality.T1, Modality.T2, Modality.FLAIR]
    assert [alignment.registered for alignment in alone.values()] == [False, True, True]


def test_threads_do_not_change_a_bit(exam, alone):
    together = align_all(exam, Modality.T1CE, threads=3)
    for modality, alignment in alone.items():
        np.testing.assert_array_equal(together[modality].motion.matrix, alignment.motion.matrix)
        assert together[modality].similarity_after == alignment.similarity_after


def test_the_order_of_axes_does_not_matter(exam, alone):
    flair = exam[Modality.FLAIR]
    swap = np.array([[0, 1.0, 0, 0], [-1, 0, 0, flair.grid.shape[1] - 1], [0, 0, 1, 0], [0, 0, 0, 1]])
    turned = Volume.from_affine(np.transpose(flair.voxels[:, ::-1], (1, 0, 2)), flair.grid.affine @ swap)
    found = align(turned, exam[Modality.T1CE], field="flair")
    assert found.motion.apart_mm(alone[Modality.FLAIR].motion, CORNERS) < 1e-3


def test_a_bad_one_is_refused_by_name(exam):
    noise = np.random.default_rng(3).normal(300, 90, OWN.shape).astype(np.int16)
    with pytest.raises(RegistrationError) as caught:
        align_all({**exam, Modality.T2: Volume(noise, OWN)}, Modality.T1CE, threads=2)
    assert caught.value.field == "t2"


def test_half_a_head_is_refused():
    third = analytic.grid((90, 92, 22), (2.2, 2.4, 2.3), shift_mm=(0, 0, 10))
    with pytest.raises(RegistrationError, match="must hold 50% of the head"):
        align(scan(Modality.T2, third, motion=MOVED), scan(Modality.T1CE, SMALL), field="t2")


def test_cancelling_stops_it_in_the_callers_thread(exam):
    caller = threading.get_ident()

    def leave():
        assert threading.get_ident() == caller
        raise PipelineCancelledError

    with pytest.raises(PipelineCancelledError):
        align_all(exam, Modality.T1CE, threads=1, check_cancelled=leave)


def test_one_alignment_can_be_cancelled_between_its_steps(exam):
    steps = []

    def leave_at_the_third():
        steps.append(1)
        if len(steps) == 3:
            raise PipelineCancelledError

    with pytest.raises(PipelineCancelledError):
        align(exam[Modality.T2], exam[Modality.T1CE], field="t2", check_cancelled=leave_at_the_third)


def test_the_fixed_one_must_be_there(exam):
    with pytest.raises(ExamError, match="t1ce: must be sent"):
        align_all({Modality.T2: exam[Modality.T2]}, Modality.T1CE, threads=1)


def test_threads_must_be_at_least_one(exam):
    with pytest.raises(ImagingError, match="threads: must be at least 1, got 0"):
        align_all(exam, Modality.T1CE, threads=0)


def test_a_t1ce_alone_needs_nothing(exam):
    assert align_all({Modality.T1CE: exam[Modality.T1CE]}, Modality.T1CE, threads=2) == {}


@pytest.mark.skipif("GLIOSERVE_BRATS_DIR" not in os.environ, reason="GLIOSERVE_BRATS_DIR is not set")
def test_a_published_exam_is_aligned_and_a_moved_patient_is_found_again():
    case = min(Path(os.environ["GLIOSERVE_BRATS_DIR"]).glob("BraTS2021_*"))
    exam = {
        modality: read_nifti_file(case / f"{case.name}_{modality.value}.nii.gz", field=modality.value)
        for modality in Modality
    }
    assert not any(alignment.registered for alignment in align_all(exam, Modality.T1CE, threads=2).values())

    fixed = exam[Modality.T1CE]
    brain = np.argwhere(fixed.voxels != 0) @ fixed.grid.affine[:3, :3].T + fixed.grid.affine[:3, 3]
    motion = RigidMotion.about(brain.mean(axis=0), rotation_deg=(7, -5, 9), shift_mm=(8, -11, 6))
    moved = resample(exam[Modality.T2], fixed.grid, motion=motion.inverse())
    found = align(moved, fixed, field="t2").motion
    assert found.apart_mm(motion, np.array([brain.min(axis=0), brain.max(axis=0)])) < 0.5


@pytest.mark.skipif("GLIOSERVE_RAW_DIR" not in os.environ, reason="GLIOSERVE_RAW_DIR is not set")
def test_a_clinical_exam_agrees_with_what_another_tool_made_of_it():
    """The reference's voxels are those that its motion gives; two millimetres off, they no longer are."""
    folder = Path(os.environ["GLIOSERVE_RAW_DIR"]) / "TCGA-FG-6692"
    exam = {
        modality: read_nifti_file(folder / f"native_{modality.value}.nii.gz", field=modality.value)
        for modality in Modality
    }
    grid = exam[Modality.T1CE].grid
    brain = read_nifti_file(folder / "reference_hdbet_mask_t1ce.nii.gz", field="brain").voxels > 0
    brain[:, :, :4] = brain[:, :, -6:] = False  # where other fields of view end
    for modality, alignment in align_all(exam, Modality.T1CE, threads=2).items():
        name = f"reference_ants_{modality.value}_on_t1ce.nii.gz"
        reference = read_nifti_file(folder / name, field=modality.value).voxels[brain]
        off = alignment.motion.after(RigidMotion.about((0, 0, 0), rotation_deg=(0, 0, 0), shift_mm=(2, 0, 0)))
        ours, moved = (
            np.corrcoef(resample(exam[modality], grid, motion=motion).voxels[brain], reference)[0, 1]
            for motion in (alignment.motion, off)
        )
        assert alignment.registered
        assert ours > 0.97
        assert moved < ours - 0.05
