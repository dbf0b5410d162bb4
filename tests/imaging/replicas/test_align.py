from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import ExamError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.replicas.align import MIN_BRAIN_PIXELS, SIDE, AlignedSlices, ReplicaError, align_exam, align_slices, join
from imaging.volume import Volume
from tests.imaging.replicas.slices import volume


@settings(deadline=None, max_examples=10)
@given(i=st.integers(-5, 5), j=st.integers(-5, 5))
def test_the_place_in_the_frame_does_not_matter(i, j):
    here, there = (align_slices(volume(1, offset=offset), patient="a") for offset in ((0, 0), (i, j)))
    np.testing.assert_array_equal(here.images, there.images)


def test_the_brain_fills_the_frame():
    aligned = align_slices(volume(1), patient="a")
    assert aligned.images.shape == (3, 2, SIDE, SIDE)
    assert aligned.images.dtype == np.uint8
    brain = aligned.images.any(axis=1)
    assert brain.any(axis=1).all()
    assert brain.any(axis=2).all()
    assert not brain[:, 0, 0].any()
    assert (aligned.patients.tolist(), aligned.numbers.tolist()) == (["a"] * 3, [0, 1, 2])


def test_mirroring_commutes_with_alignment():
    images = volume(2)
    there = align_slices(np.ascontiguousarray(images[:, :, ::-1]), patient="a").images[:, :, ::-1]
    difference = align_slices(images, patient="a").images.astype(int) - there
    assert np.abs(difference).max() <= 1


def test_slices_with_little_brain_are_left_out():
    images = volume(1)
    images[1, :, :24] = 0
    assert np.count_nonzero(images[1].any(axis=0)) < MIN_BRAIN_PIXELS
    assert align_slices(images, patient="a").numbers.tolist() == [0, 2]
    assert len(align_slices(np.zeros_like(images), patient="a")) == 0


def test_an_exam_is_brought_to_one_scale():
    grid = Grid((52, 60, 3), np.eye(4))
    images = np.concatenate([volume(1), volume(2)], axis=1)
    exam = Exam(
        {
            modality: Volume(np.moveaxis(images[:, row], 0, 2).astype(np.int16) * (row + 1), grid)
            for row, modality in enumerate(Modality)
        }
    )
    aligned = align_exam(exam, patient="a").images
    expected = align_slices(images, patient="a").images
    assert aligned.shape == expected.shape
    # The scale's 1 is the 99.9th percentile, a little below the largest value, and differs between contrasts.
    for row in range(4):
        assert np.corrcoef(aligned[:, row].ravel(), expected[:, row].ravel())[0, 1] > 0.999
        assert aligned[:, row].max() == 255
    with pytest.raises(ExamError):
        align_exam(Exam({Modality.T1: exam.volumes[Modality.T1]}), patient="a")


def test_orientation_does_not_matter():
    images = np.concatenate([volume(1), volume(2)], axis=1)
    turned = Grid((52, 60, 3), np.diag([-1.0, -1.0, 1.0, 1.0]))
    straight = Grid((52, 60, 3), np.eye(4))
    found = []
    for grid, step in ((straight, 1), (turned, -1)):
        voxels = [np.ascontiguousarray(np.moveaxis(images[:, row], 0, 2)[::step, ::step]) for row in range(4)]
        exam = Exam({modality: Volume(voxels[row].astype(np.int16), grid) for row, modality in enumerate(Modality)})
        found.append(align_exam(exam, patient="a").images)
    np.testing.assert_array_equal(*found)


def test_joined_slices_keep_their_patients():
    joined = join([align_slices(volume(seed), patient=f"p{seed}") for seed in (1, 2)])
    assert joined.patients.tolist() == ["p1"] * 3 + ["p2"] * 3
    assert joined.take(joined.patients == "p2").numbers.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: join([]), "parts"),
        (lambda: join([align_slices(volume(1)[:, :count], patient="a") for count in (1, 2)]), "parts"),
        (lambda: align_slices(volume(1)[0], patient="a"), "images"),
        (lambda: align_slices(volume(1).astype(float), patient="a"), "images"),
        (lambda: AlignedSlices(volume(1), np.full(3, "a"), np.arange(3)), "images"),
        (
            lambda: AlignedSlices(np.zeros((3, 2, SIDE, SIDE), np.uint8), np.full(2, "a"), np.arange(3)),
            "patients and numbers",
        ),
    ],
)
def test_faults_are_typed(make, field):
    with pytest.raises(ReplicaError) as raised:
        make()
    assert raised.value.field == field
