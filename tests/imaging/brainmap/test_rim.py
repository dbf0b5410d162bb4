from __future__ import annotations

import numpy as np

from imaging.brainmap.maps import Lesion
from imaging.brainmap.rim import exposed_necrosis

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
