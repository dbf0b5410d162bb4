"""Regions and the tissues they are made of."""

from __future__ import annotations

from imaging.regions import TISSUES_OF, Region, Tissue


def test_regions_are_nested_by_their_tissues():
    wt, tc, et = (set(TISSUES_OF[region]) for region in (Region.WT, Region.TC, Region.ET))

    assert et < tc < wt
    assert wt == {Tissue.NCR, Tissue.ED, Tissue.ET}
    assert tc == {Tissue.NCR, Tissue.ET}
    assert et == {Tissue.ET}


def test_cysts_and_cavities_belong_to_no_region():
    assert not {Tissue.CYST, Tissue.CAVITY} & {tissue for tissues in TISSUES_OF.values() for tissue in tissues}
