import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays

from imaging.pipeline.gate import gate
from imaging.regions import Region

MASK = arrays.arrays(bool, (3, 4, 5))


@given(MASK, MASK, MASK)
def test_masks_come_out_nested_and_what_was_removed_is_counted(wt, tc, et):
    before = {Region.WT: wt, Region.TC: tc, Region.ET: et}
    gated = gate(before)
    assert not (gated.masks[Region.TC] & ~gated.masks[Region.WT]).any()
    assert not (gated.masks[Region.ET] & ~gated.masks[Region.TC]).any()
    for region, mask in before.items():
        assert not (gated.masks[region] & ~mask).any()
        assert gated.voxels_removed[region] == mask.sum() - gated.masks[region].sum()


@given(MASK)
def test_nested_masks_stay_as_they_are(wt):
    gated = gate(dict.fromkeys(Region, wt))
    for region in Region:
        np.testing.assert_array_equal(gated.masks[region], wt)
    assert set(gated.voxels_removed.values()) == {0}
