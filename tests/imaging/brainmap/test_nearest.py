from __future__ import annotations

import numpy as np

from imaging.brainmap.nearest import lookup, nearest


def test_halfway_goes_up_and_rounding_errors_do_not_matter():
    positions = np.array([-0.5, 0.5, 1.5, 2.5, 2.5 - 1e-5, 0.4, 0.6, -0.6])
    assert nearest(positions).tolist() == [0, 1, 2, 3, 3, 0, 1, -1]
    assert nearest(positions.astype(np.float32)).tolist() == [0, 1, 2, 3, 3, 0, 1, -1]


def test_past_a_masks_ends_there_is_nothing():
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[1, 2, 3] = True
    voxels = np.array([[1, 2, 3], [0, 2, 3], [-1, -1, -1], [2, 2, 3], [1, 2, 4]])
    assert lookup(mask, voxels).tolist() == [True, False, False, False, False]
