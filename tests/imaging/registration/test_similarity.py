import numpy as np
import pytest

from imaging.registration.motion import RigidMotion
from imaging.registration.similarity import Comparison
from imaging.volume import Volume
from tests.imaging.registration.heads import MOVED


def shifted(mm):
    return RigidMotion.about((0, 0, 0), rotation_deg=(0, 0, 0), shift_mm=(mm, 0, 0))


@pytest.fixture(scope="module")
def compare(skulls):
    moving, fixed = skulls.fine
    return Comparison.of(moving, fixed, skulls.fixed, skulls.fixed.telling, samples=8000)


def test_it_is_highest_where_the_heads_lie_on_each_other(compare):
    here = compare.at(MOVED).information
    for off in (-8, -4, 4, 8):
        assert compare.at(MOVED.after(shifted(off))).information < here
    assert compare.at(RigidMotion.identity()).information < here


def test_a_contrast_turned_inside_out_tells_as_much(skulls):
    fixed = skulls.fixed.fine.intensities
    inverted = Volume((1.0 - fixed.voxels).astype(np.float32), fixed.grid)
    information = [
        Comparison.of(moving, fixed, skulls.fixed, skulls.fixed.telling, samples=8000).at(shifted(0.7)).information
        for moving in (fixed, inverted)
    ]
    assert information[0] == pytest.approx(information[1], rel=0.02)
    assert information[0] > 0.5


def test_noise_tells_nothing(skulls):
    fixed = skulls.fixed.fine.intensities
    noise = Volume(np.random.default_rng(0).random(fixed.voxels.shape, dtype=np.float32), fixed.grid)
    likeness = Comparison.of(noise, fixed, skulls.fixed, skulls.fixed.telling, samples=40_000).at(shifted(0))
    assert likeness.information < 0.03
    assert likeness.overlap == 1.0


@pytest.mark.parametrize(("mm", "share"), [(0, 1.0), (92.4, 0.5), (500, 0.0)])
def test_overlap_is_the_share_of_the_head_in_the_field_of_view(skulls, mm, share):
    """The field of view ends 92.4 mm from the middle of the head, and is moved along."""
    _, fixed = skulls.fine
    compare = Comparison.of(fixed, fixed, skulls.fixed, skulls.fixed.telling, samples=20_000)
    assert compare.at(shifted(mm)).overlap == pytest.approx(share, abs=0.02)


def test_nothing_in_common_is_no_information(compare):
    assert compare.at(shifted(500)).information == 0.0


def test_places_are_the_same_each_time_and_off_the_voxels(skulls):
    moving, fixed = skulls.fine
    one, other = (
        Comparison.of(moving, fixed, skulls.fixed, skulls.fixed.telling, samples=2000).points_mm for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
    voxels = (np.linalg.inv(fixed.grid.affine)[:3, :3] @ one.T).T
    assert np.ptp(voxels % 1.0) > 0.9
