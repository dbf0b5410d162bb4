import numpy as np
import pytest

from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.registration.errors import RegistrationError
from imaging.registration.head import COARSE_MM, Head, to_world
from imaging.volume import Volume
from tests.imaging.pipeline import analytic
from tests.imaging.registration.heads import SMALL, THICK, scan


def test_a_brain_without_its_skull_is_told_from_a_head(stripped, skulls):
    assert stripped.moving.stripped
    assert stripped.fixed.stripped
    assert not skulls.moving.stripped
    assert not skulls.fixed.stripped


def test_a_field_of_view_padded_with_zeros_is_no_stripped_brain():
    head = scan(Modality.T2, SMALL)
    shape = tuple(extent + 20 for extent in SMALL.shape)
    assert not Head.of(Volume(np.pad(head.voxels, 10), Grid(shape, SMALL.affine)), field="t2").stripped


def test_levels_keep_their_place_in_the_world():
    volume = scan(Modality.T1, THICK)
    head = Head.of(volume, field="t1")
    for level, spacing in ((head.coarse, (3.9, 3.9, 5.5)), (head.fine, (1.3, 1.3, 5.5))):
        np.testing.assert_allclose(level.intensities.grid.spacing_mm, spacing)
        ends = np.array(level.intensities.grid.shape) - 0.5
        middle = to_world(level.intensities.grid, ((ends - 0.5) / 2)[None])[0]
        whole = to_world(volume.grid, ((np.array(volume.grid.shape) - 1) / 2)[None])[0]
        np.testing.assert_allclose(middle, whole, atol=COARSE_MM / 2)
        assert level.intensities.voxels.min() >= 0
        assert level.intensities.voxels.max() <= 1


def test_middle_and_corners_are_those_of_the_head(skulls):
    np.testing.assert_allclose(skulls.fixed.centre_mm, (0, 0, 0), atol=2)
    low, high = skulls.fixed.corners_mm.min(axis=0), skulls.fixed.corners_mm.max(axis=0)
    np.testing.assert_allclose(high, (84, 102, 84), atol=5)
    np.testing.assert_allclose(low, (-84, -102, -84), atol=5)


def test_of_a_head_its_inside_is_compared_and_of_a_brain_its_outline_too(stripped, skulls):
    def radius_mm(mask, head):
        return np.abs(to_world(head.grid, np.argwhere(mask))).max(axis=0)

    np.testing.assert_allclose(radius_mm(skulls.fixed.telling, skulls.fixed), (74, 92, 74), atol=4)
    assert (radius_mm(stripped.fixed.telling, stripped.fixed) > (62 + 4, 75 + 4, 55 + 4)).all()


def test_what_lies_far_below_the_crown_is_left_out():
    tall = analytic.grid((80, 90, 140), (2.4, 2.4, 2.4), shift_mm=(0, 0, -60))
    seen = scan(Modality.T1, tall).voxels
    seen[25:55, 30:60, :40] = 200  # a neck, down to the end of the field of view
    head = Head.of(Volume(seen, tall), field="t1")
    heights = to_world(head.grid, np.argwhere(head.foreground))[:, 2]
    assert np.ptp(heights) <= 170
    assert heights.max() == pytest.approx(82, abs=4)


def test_things_beside_the_head_are_left_out():
    wide = analytic.grid((130, 100, 84), (2.2, 2.2, 2.2))
    seen = scan(Modality.T1, wide).voxels
    seen[2:8, 40:60, 20:60] = 500
    head = Head.of(Volume(seen, wide), field="t1")
    assert np.abs(head.corners_mm[:, 0]).max() < 95


@pytest.mark.parametrize(
    ("voxels", "rule"),
    [
        (np.full((60, 60, 60), 7.0), "must show a head, got one intensity"),
        (np.pad(np.ones((9, 9, 9)), ((25, 26),) * 3), "at least 100 ml"),
    ],
)
def test_what_is_no_head_is_refused(voxels, rule):
    with pytest.raises(RegistrationError, match=rule) as caught:
        Head.of(Volume(voxels, Grid((60, 60, 60), np.diag([2.0, 2, 2, 1]))), field="flair")
    assert caught.value.field == "flair"


def test_the_order_of_axes_does_not_matter(skulls):
    volume = scan(Modality.T1CE, SMALL)
    turned = np.transpose(volume.voxels[:, ::-1], (1, 2, 0))
    assert turned.shape == (100, 84, 84)
    affine = volume.grid.affine @ np.array([[0, 0, 1.0, 0], [-1, 0, 0, 99], [0, 1, 0, 0], [0, 0, 0, 1]])
    other = Head.of(Volume(turned, Grid(turned.shape, affine)), field="t1ce")
    np.testing.assert_array_equal(other.coarse.intensities.voxels, skulls.fixed.coarse.intensities.voxels)
    np.testing.assert_array_equal(other.foreground, skulls.fixed.foreground)
