from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from imaging.brainmap.apply import mirror
from imaging.brainmap.maps import BrainMap, BrainMapError, Lesion
from imaging.brainmap.measures import classify, measure, side_of
from imaging.phantom.lesion import Enhancement
from imaging.regions import Region
from imaging.synthesis.side import Side
from tests.imaging.brainmap.balls import CENTRE, ball_map, distance


def with_lesion(lesion: np.ndarray, *, spacing_mm: float = 1.0) -> BrainMap:
    made = ball_map(spacing_mm=spacing_mm)
    return BrainMap(made.bands, np.where(made.brain, lesion, 0).astype(np.uint8), made.grid)


AWAY = distance(CENTRE)
CORE = np.where(AWAY <= 7, Lesion.NCR, np.where(AWAY <= 9, Lesion.ED, Lesion.NONE))
RING = np.where((AWAY <= 7) & (AWAY > 4), Lesion.ET, CORE)
UPPER = np.arange(32)[:, None, None] > 15
PATCHES = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(CORE.shape), 2.0) > 0


@pytest.mark.parametrize(
    ("lesion", "kind"),
    [
        (RING, Enhancement.RING),
        (np.where(RING == Lesion.ED, Lesion.NONE, RING), Enhancement.RING),
        (CORE, Enhancement.NONE),
        (np.where(CORE == Lesion.NCR, Lesion.ET, CORE), Enhancement.NODULAR),
        (np.where((CORE == Lesion.NCR) & (AWAY > 2), Lesion.ET, CORE), Enhancement.NODULAR),
        (np.where((CORE == Lesion.NCR) & UPPER, Lesion.ET, CORE), Enhancement.NODULAR),
        (np.where((CORE == Lesion.NCR) & PATCHES, Lesion.ET, CORE), Enhancement.NODULAR),
        (np.zeros_like(CORE), Enhancement.NONE),
    ],
    ids=["ring", "ring without oedema", "no uptake", "solid", "a speck of necrosis", "half", "patches", "no lesion"],
)
def test_kinds_of_uptake(lesion: np.ndarray, kind: Enhancement) -> None:
    assert classify(with_lesion(lesion)) is kind


def test_a_trace_of_uptake_is_none() -> None:
    trace = np.where((AWAY < 1.5), Lesion.ET, CORE)
    voxels = np.count_nonzero(trace == Lesion.ET)
    assert voxels == 8
    assert classify(with_lesion(trace)) is Enhancement.NONE
    assert classify(with_lesion(trace, spacing_mm=2.4)) is Enhancement.NODULAR, "the same voxels are 0.11 ml here"


def test_volumes_are_in_millilitres() -> None:
    measures = measure(ball_map(spacing_mm=2.0))
    regions = ball_map().regions
    wanted = [np.count_nonzero(regions[region]) * 0.008 for region in Region]
    assert [measures.wt_ml, measures.tc_ml, measures.et_ml] == pytest.approx(wanted)
    assert measures.wt_ml > measures.tc_ml > measures.et_ml > 0


@pytest.mark.parametrize(("i", "side"), [(10.0, Side.LEFT), (21.0, Side.RIGHT)])
def test_sides_are_the_patients(i: float, side: Side) -> None:
    made = ball_map(tumour=(i, 15.5, 11.5))
    assert side_of(made) is side
    assert side_of(mirror(made)) is not side
    assert measure(made).side is side


def test_no_lesion_has_no_side() -> None:
    with pytest.raises(BrainMapError, match="lesion: must be there"):
        side_of(ball_map(radius=0))
