import numpy as np
import pytest

from imaging.registration.errors import RegistrationError
from imaging.registration.motion import RigidMotion
from imaging.registration.search import Search
from imaging.registration.starts import find_starts
from tests.imaging.registration.heads import CORNERS, MOVED


def off(mm=(0, 0, 0), deg=(0, 0, 0)):
    return MOVED.after(RigidMotion.about((0, 0, 0), rotation_deg=deg, shift_mm=mm))


@pytest.mark.parametrize("start", [off((15, -10, 8)), off(deg=(9, -9, 9)), off((-8, 8, 8), (0, 0, 12))])
@pytest.mark.parametrize("kind", ["stripped", "skulls"])
def test_the_coarse_level_leads_near_the_peak(request, kind, start):
    search = Search(request.getfixturevalue(kind), "t2")
    assert start.apart_mm(MOVED, CORNERS) > 15
    assert search.coarse(start).apart_mm(MOVED, CORNERS) < 4


def test_the_fine_level_leads_to_it(skulls):
    search = Search(skulls, "t2")
    for start in (off((2, 1, -2)), off(deg=(1, -2, 1))):
        assert search.fine(start).apart_mm(MOVED, CORNERS) < 0.5


def test_the_same_start_leads_to_the_same_bits(stripped):
    search = Search(stripped, "t2")
    one, other = (search.coarse(off((5, 5, 5))).matrix for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_without_overlap_there_is_nothing_to_climb(skulls):
    with pytest.raises(RegistrationError, match="t2: must overlap"):
        Search(skulls, "t2").coarse(off((900, 0, 0)))


def test_one_start_lies_within_reach(stripped, skulls):
    for pair in (stripped, skulls):
        starts = find_starts(pair)
        assert 2 <= len(starts) <= 3
        assert min(start.apart_mm(MOVED, CORNERS) for start in starts) < 25
        np.testing.assert_array_equal(starts[0].matrix, np.eye(4))
