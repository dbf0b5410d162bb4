from __future__ import annotations

import numpy as np

from imaging.brainmap.maps import Lesion
from imaging.brainmap.rim import exposed_necrosis, rimmed_necrosis

BRAIN = np.ones((7, 7, 7), dtype=bool)


def cube(*, rim: Lesion) -> np.ndarray:
    lesion = np.zeros(BRAIN.shape, dtype=np.uint8)
    lesion[1:6, 1:6, 1:6] = rim
    lesion[2:5, 2:5, 2:5] = Lesion.NCR
    return lesion


def test_a_closed_rim_exposes_nothing():
    assert not exposed_necrosis(cube(rim=Lesion.ET), BRAIN).any()


def test_a_hole_exposes_the_voxel_beneath():
    for hole in (Lesion.NONE, Lesion.ED):
        lesion = cube(rim=Lesion.ET)
        lesion[1, 3, 3] = hole
        np.testing.assert_array_equal(np.argwhere(exposed_necrosis(lesion, BRAIN)), [(2, 3, 3)])


def test_without_a_rim_the_outermost_voxels_are_exposed():
    assert np.count_nonzero(exposed_necrosis(cube(rim=Lesion.ED), BRAIN)) == 26


def test_what_lies_outside_the_brain_exposes_nothing():
    brain = BRAIN.copy()
    lesion = cube(rim=Lesion.ET)
    lesion[1, 3, 3] = Lesion.NONE
    brain[1, 3, 3] = False
    assert not exposed_necrosis(lesion, brain).any()


def test_necrosis_at_the_frame_s_end_is_no_error():
    lesion = np.full((2, 2, 2), Lesion.NCR, dtype=np.uint8)
    assert not exposed_necrosis(lesion, np.ones((2, 2, 2), dtype=bool)).any()


def test_no_necrosis_none_exposed():
    assert not exposed_necrosis(np.zeros((3, 3, 3), dtype=np.uint8), BRAIN[:3, :3, :3]).any()


SPACING = (1.0, 1.0, 1.0)


def test_within_a_rim_all_necrosis_is_rimmed():
    lesion = cube(rim=Lesion.ET)
    np.testing.assert_array_equal(rimmed_necrosis(lesion, SPACING), lesion == Lesion.NCR)


def test_without_a_rim_none_is():
    assert not rimmed_necrosis(cube(rim=Lesion.ED), SPACING).any()


def test_by_half_a_rim_half_of_it_is():
    lesion = cube(rim=Lesion.ET)
    lesion[:, :, :3][lesion[:, :, :3] == Lesion.ET] = Lesion.ED
    rimmed = rimmed_necrosis(lesion, SPACING)
    assert rimmed[3, 3, 4]
    assert not rimmed[3, 3, 2]


def test_distance_is_in_millimetres():
    lesion = np.full((3, 5, 3), Lesion.NCR, dtype=np.uint8)
    lesion[:, 0], lesion[0] = Lesion.ED, Lesion.ET
    assert rimmed_necrosis(lesion, (1.0, 1.0, 1.0))[1, 2, 1]
    assert not rimmed_necrosis(lesion, (5.0, 1.0, 1.0))[1, 2, 1]


def test_nothing_but_necrosis_is_not_rimmed():
    assert not rimmed_necrosis(np.full((2, 2, 2), Lesion.NCR, dtype=np.uint8), SPACING).any()
    assert not rimmed_necrosis(np.zeros((2, 2, 2), dtype=np.uint8), SPACING).any()
