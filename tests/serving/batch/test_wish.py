from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.synthesis.side import Side
from serving.batch.spec import BuiltinEntry, CohortSpec, EnhancementMix, LesionSpec, WantedSide
from serving.batch.wish import draw_wish, generator_of

SPEC = CohortSpec(
    name="example",
    cases=10,
    seed=3,
    sources=(BuiltinEntry(weight=1), BuiltinEntry(weight=0), BuiltinEntry(weight=3)),
    lesion=LesionSpec(volume_ml=(10, 160), enhancement=EnhancementMix(ring=0.7, none=0.3)),
)


def test_shares_over_many_cases_are_those_of_the_spec() -> None:
    wishes = [draw_wish(SPEC, index) for index in range(4000)]
    sources = Counter(wish.source for wish in wishes)
    kinds = Counter(wish.enhancement.value for wish in wishes)
    assert set(sources) == {0, 2}
    assert set(kinds) == {"ring", "none"}
    # Four standard deviations of a share of 4000 are 0.03 at most.
    assert sources[2] / 4000 == pytest.approx(0.75, abs=0.03)
    assert kinds["ring"] / 4000 == pytest.approx(0.7, abs=0.03)
    both = sum(wish.source == 2 and wish.enhancement.value == "ring" for wish in wishes)
    assert both / 4000 == pytest.approx(0.75 * 0.7, abs=0.035)


def test_each_doubling_of_the_volume_is_as_likely() -> None:
    volumes = np.array([draw_wish(SPEC, index).volume_ml for index in range(4000)])
    assert volumes.min() >= 10
    assert volumes.max() <= 160
    shares, _ = np.histogram(volumes, bins=[10, 20, 40, 80, 160])
    assert shares / 4000 == pytest.approx(0.25, abs=0.03)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2**32 - 1))
def test_a_wish_follows_from_what_the_spec_says_of_cases_and_the_number_alone(index: int, seed: int) -> None:
    spec = SPEC.model_copy(update={"seed": seed})
    enlarged = spec.model_copy(update={"cases": 99_999, "name": "other"})
    assert draw_wish(enlarged, index) == draw_wish(spec, index)


def test_seeds_numbers_and_draws_have_streams_of_their_own() -> None:
    firsts = {
        generator_of(SPEC.model_copy(update={"seed": seed}), index, draw).random()
        for seed in (0, 1, 2**32 - 1)
        for index in (0, 1, 99_999)
        for draw in (0, 1, 2)
    }
    assert len(firsts) == 27


def test_a_range_of_one_volume_gives_that_volume() -> None:
    lesion = LesionSpec(volume_ml=(33.33333, 33.33333), side=WantedSide.LEFT)
    wish = draw_wish(SPEC.model_copy(update={"lesion": lesion}), 0)
    assert (wish.volume_ml, wish.side) == (33.33333, Side.LEFT)
