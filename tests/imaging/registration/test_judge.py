import numpy as np
import pytest
from scipy import ndimage

from imaging.modality import Modality
from imaging.registration.errors import RegistrationError
from imaging.registration.head import Head
from imaging.registration.judge import ALIGNED_MM, Judge
from imaging.registration.motion import RigidMotion
from imaging.registration.pair import Pair
from imaging.volume import Volume
from tests.imaging.pipeline import analytic
from tests.imaging.registration.heads import MOVED, SMALL, scan


def nudge(mm=(0, 0, 0), deg=(0, 0, 0)):
    return RigidMotion.about((0, 0, 0), rotation_deg=deg, shift_mm=mm)


@pytest.fixture(params=["stripped", "skulls"])
def judge(request):
    return Judge(request.getfixturevalue(request.param), "t2")


def test_the_offset_from_the_peak_is_measured(judge):
    assert judge.offset_mm(MOVED, nudge_mm=2) < 0.7
    assert 0.5 < judge.offset_mm(MOVED.after(nudge((1.2, 0, 0))), nudge_mm=3) < 2.5


@pytest.mark.parametrize("off", [nudge((12, 0, 0)), nudge((0, 0, 9), (9, 0, 0))])
def test_far_from_a_peak_there_is_none(judge, off):
    assert judge.offset_mm(MOVED.after(off), nudge_mm=2) > 5 * ALIGNED_MM


@pytest.mark.parametrize("skull", [True, False])
@pytest.mark.parametrize("modality", [Modality.T1, Modality.T2, Modality.FLAIR])
def test_contrasts_on_each_other_are_aligned_and_moved_ones_are_not(skull, modality):
    fixed = Head.of(scan(Modality.T1CE, SMALL, skull=skull), field="t1ce")
    assert Judge(Pair(Head.of(scan(modality, SMALL, skull=skull), field="x"), fixed), "x").is_aligned()
    for motion in (nudge((2.5, 0, 0)), nudge((0, -2, 2)), nudge(deg=(0, 2.5, 0))):
        moved = Head.of(scan(modality, SMALL, skull=skull, motion=motion), field="x")
        assert not Judge(Pair(moved, fixed), "x").is_aligned()


def test_a_right_motion_is_accepted(judge):
    reached = judge.accept(MOVED, [MOVED, MOVED.after(nudge((1, 1, 1)))])
    assert reached == judge.at(MOVED)
    assert reached.information > judge.at(RigidMotion.identity()).information
    assert reached.overlap > 0.95


@pytest.mark.parametrize(
    ("off", "rule"),
    [
        (nudge(deg=(0, 0, 80)), "turned by at most 60 degrees"),
        (nudge((70, 0, 0)), "middle is at most 60 mm off"),
        (nudge((0, 7, 0)), "nats once aligned|fit best within"),
    ],
)
def test_wrong_motions_are_refused(judge, off, rule):
    with pytest.raises(RegistrationError, match=rule) as caught:
        judge.accept(MOVED.after(off), [])
    assert caught.value.field == "t2"


def test_what_got_worse_is_refused(skulls):
    """Beside the contrast as it was sent, any other place is worse."""
    judge = Judge(Pair(skulls.fixed, skulls.fixed), "t2")
    with pytest.raises(RegistrationError, match="nats once aligned"):
        judge.accept(nudge((4, 0, 0)), [])


def test_noise_is_refused(skulls):
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=SMALL.shape), 2)
    judge = Judge(Pair(Head.of(Volume(noise, SMALL), field="t2"), skulls.fixed), "t2")
    with pytest.raises(RegistrationError, match=r"must share at least 0\.150 nats"):
        judge.accept(nudge(), [])


def test_a_slab_is_refused(skulls):
    slab = analytic.grid((84, 100, 22), (2.2, 2.2, 2.2))
    judge = Judge(Pair(Head.of(scan(Modality.T2, slab), field="t2"), skulls.fixed), "t2")
    with pytest.raises(RegistrationError, match=r"must hold 50% of the head, got [234]"):
        judge.accept(nudge(), [])


def test_another_fit_that_is_as_good_is_refused(judge, monkeypatch):
    rival = MOVED.after(nudge((25, 0, 0)))
    judge.accept(MOVED, [rival])
    monkeypatch.setattr("imaging.registration.judge._RIVAL_SHARE", 0.0)
    judge.accept(MOVED, [MOVED.after(nudge((2, 0, 0)))])
    with pytest.raises(RegistrationError, match=r"in one way only, got another fit as good, 2[56] mm away"):
        judge.accept(MOVED, [MOVED, rival])
