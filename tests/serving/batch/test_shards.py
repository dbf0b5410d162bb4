"""Shares of a cohort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batch.shards import Shard, ShardError

SHARDS = st.integers(1, 12).flatmap(lambda count: st.builds(Shard, st.integers(0, count - 1), st.just(count)))


@given(cases=st.integers(0, 200), count=st.integers(1, 12))
def test_shares_hold_every_case_once(cases: int, count: int) -> None:
    shares = [Shard(index, count).indices(cases) for index in range(count)]
    assert sorted(case for share in shares for case in share) == list(range(cases))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(shard=SHARDS, parts=st.integers(1, 8), cases=st.integers(0, 200))
def test_a_share_is_its_parts(shard: Shard, parts: int, cases: int) -> None:
    split = [case for part in shard.split(parts) for case in part.indices(cases)]
    assert sorted(split) == list(shard.indices(cases))


def test_by_text_and_environment() -> None:
    assert Shard.parse("2/4") == Shard(2, 4)
    assert Shard.of_environment({}) == Shard(0, 1)
    assert Shard.of_environment({"JOB_COMPLETIONS": "4"}) == Shard(0, 1)
    assert Shard.of_environment({"JOB_COMPLETION_INDEX": "3", "JOB_COMPLETIONS": "4"}) == Shard(3, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4/4", "shard: must have an index of 0 to 3, got 4"),
        ("0/0", "shard: must be one of 1 or more, got 0"),
        ("1", "shard: must be INDEX/COUNT, e.g. 0/4, got '1'"),
        ("-1/4", "shard: must be INDEX/COUNT, e.g. 0/4, got '-1/4'"),
        ("0/4 ", "shard: must be INDEX/COUNT, e.g. 0/4, got '0/4 '"),
    ],
)
def test_what_is_no_share(text: str, message: str) -> None:
    with pytest.raises(ShardError) as caught:
        Shard.parse(text)
    assert str(caught.value) == message


def test_an_index_without_a_count() -> None:
    with pytest.raises(ShardError, match="JOB_COMPLETIONS: must be set where JOB_COMPLETION_INDEX is, got nothing"):
        Shard.of_environment({"JOB_COMPLETION_INDEX": "3"})
