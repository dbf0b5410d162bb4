from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.brainmap.maps import BANDS, BrainMap, BrainMapError, Lesion, to_bands
from imaging.errors import ExamError
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.regions import Region
from imaging.volume import Volume
from tests.imaging.brainmap.balls import SHAPE, ball_map, grid


def arrays() -> tuple[dict[Modality, np.ndarray], np.ndarray]:
    made = ball_map()
    return {modality: array.copy() for modality, array in made.bands.items()}, made.lesion.copy()


def test_a_contrast_must_not_be_missing():
    bands, lesion = arrays()
    del bands[Modality.FLAIR]
    with pytest.raises(BrainMapError, match="must hold t1, t1ce, t2, flair, got t1, t1ce, t2"):
        BrainMap(bands, lesion, grid())


@pytest.mark.parametrize("field", ["bands.t2", "lesion"])
@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        (lambda array: array.astype(np.int64), "uint8 of the grid's shape"),
        (lambda array: array[1:], "uint8 of the grid's shape"),
        (lambda array: np.where(array == array.max(), 9, array).astype(np.uint8), "must hold 0 to"),
    ],
)
def test_wrong_arrays_are_refused_by_name(field, changed, rule):
    bands, lesion = arrays()
    if field == "lesion":
        lesion = changed(lesion)
    else:
        bands[Modality.T2] = changed(bands[Modality.T2])
    with pytest.raises(BrainMapError, match=rule) as caught:
        BrainMap(bands, lesion, grid())
    assert caught.value.field == field


def test_contrasts_must_agree_about_the_background():
    bands, lesion = arrays()
    bands[Modality.T2][0, 0, 0] = 1
    with pytest.raises(BrainMapError, match="same background"):
        BrainMap(bands, lesion, grid())


def test_the_tumour_must_lie_inside_the_brain():
    bands, lesion = arrays()
    lesion[0, 0, :2] = Lesion.ED
    with pytest.raises(BrainMapError, match="got 2 voxels outside"):
        BrainMap(bands, lesion, grid())


def test_other_axes_than_ras_are_refused():
    bands, lesion = arrays()
    with pytest.raises(BrainMapError, match="RAS\\+ order, got LAS"):
        BrainMap(bands, lesion, Grid(SHAPE, np.diag([-1.0, 1, 1, 1])))


def test_regions_are_nested_and_parts_of_the_lesion():
    regions = ball_map().regions
    assert not (regions[Region.ET] & ~regions[Region.TC]).any()
    assert not (regions[Region.TC] & ~regions[Region.WT]).any()
    assert [int((ball_map().lesion == part).sum()) for part in (Lesion.ED, Lesion.NCR, Lesion.ET)] == [
        int((regions[Region.WT] & ~regions[Region.TC]).sum()),
        int((regions[Region.TC] & ~regions[Region.ET]).sum()),
        int(regions[Region.ET].sum()),
    ]


def exam_and_regions(affine: np.ndarray) -> tuple[Exam, dict[Region, np.ndarray]]:
    rng = np.random.default_rng(3)
    voxels = {modality: np.zeros((6, 7, 8), dtype=np.int16) for modality in Modality}
    for array in voxels.values():
        array[1:5, 1:6, 1:7] = rng.integers(1, 1000, (4, 5, 6))
    regions = {region: np.zeros((6, 7, 8), dtype=bool) for region in Region}
    regions[Region.WT][0:4, 2:5, 2:5] = True
    regions[Region.TC][2:4, 2:4, 2:4] = True
    regions[Region.ET][2, 2, 2] = True
    exam = Exam({modality: Volume.from_affine(array, affine) for modality, array in voxels.items()})
    return exam, regions


def test_the_map_of_an_exam_shows_its_regions_inside_the_brain():
    exam, regions = exam_and_regions(np.eye(4))
    made = BrainMap.of_exam(exam, regions)
    brain = exam.volumes[Modality.T1].voxels != 0
    np.testing.assert_array_equal(made.brain, brain)
    for region, mask in regions.items():
        np.testing.assert_array_equal(made.regions[region], mask & brain)


def test_the_map_of_an_exam_is_in_ras_order():
    turned = BrainMap.of_exam(*exam_and_regions(np.diag([-1.0, -1, 1, 1])))
    upright = BrainMap.of_exam(*exam_and_regions(np.eye(4)))
    assert turned.grid.axis_codes == "RAS"
    np.testing.assert_array_equal(turned.lesion, upright.lesion[::-1, ::-1])
    np.testing.assert_array_equal(turned.bands[Modality.T2], upright.bands[Modality.T2][::-1, ::-1])


def test_an_exam_of_three_contrasts_has_no_map():
    exam, regions = exam_and_regions(np.eye(4))
    part = Exam({modality: volume for modality, volume in exam.volumes.items() if modality is not Modality.T2})
    with pytest.raises(ExamError, match="missing: t2"):
        BrainMap.of_exam(part, regions)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_bands_are_quarters(values):
    unit = np.array(values, dtype=np.float32).reshape(-1, 1, 1)
    bands = to_bands(unit, np.ones(unit.shape, dtype=bool))
    assert bands.dtype == np.uint8
    np.testing.assert_array_equal(bands, np.minimum(np.floor(unit * BANDS) + 1, BANDS))


def test_thresholds_belong_to_the_band_above_and_background_to_none():
    unit = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.0], dtype=np.float32).reshape(6, 1, 1)
    brain = np.array([True] * 5 + [False]).reshape(6, 1, 1)
    assert to_bands(unit, brain).ravel().tolist() == [1, 2, 3, 4, 4, 0]
