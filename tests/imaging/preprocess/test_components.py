import numpy as np

from imaging.preprocess.components import drop_small


def mask():
    found = np.zeros((20, 20, 20), dtype=bool)
    found[2:8, 2:8, 2:8] = True  # 216 voxels
    found[12:14, 12:14, 12:14] = True  # 8 voxels
    return found


def test_nothing_is_dropped_without_bounds():
    np.testing.assert_array_equal(drop_small(mask(), voxel_volume_ml=0.001), mask())


def test_small_components_go_and_large_ones_stay_as_they_are():
    kept = drop_small(mask(), voxel_volume_ml=0.001, min_component_ml=0.1)
    assert np.count_nonzero(kept) == 216
    assert not kept[12:14].any()


def test_bounds_are_in_millilitres():
    assert np.count_nonzero(drop_small(mask(), voxel_volume_ml=0.1, min_component_ml=0.1)) == 224


def test_voxels_that_touch_at_a_corner_are_one_component():
    diagonal = np.zeros((3, 3, 3), dtype=bool)
    diagonal[[0, 1, 2], [0, 1, 2], [0, 1, 2]] = True
    assert drop_small(diagonal, voxel_volume_ml=1, min_component_ml=3).all(where=diagonal)


def test_a_region_that_is_small_in_all_is_absent():
    assert not drop_small(mask(), voxel_volume_ml=0.001, min_region_ml=0.3).any()
    assert not drop_small(np.zeros((2, 2, 2), dtype=bool), voxel_volume_ml=1, min_component_ml=1).any()
