"""How far a cohort is, from its folder alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from serving.batch.claim import AnotherCohortError
from serving.batch.order import CohortOrder
from serving.batch.shards import Shard
from serving.batch.state import CohortState, NoCohortError, read_state
from serving.batch.worker import run_share
from tests.serving.batch.fakes import SmallMaking, small_spec
from tests.serving.batch.s3 import Bucket


def run(order: CohortOrder, **options: frozenset[int]) -> None:
    making = SmallMaking(order.spec, **options)
    run_share(order, making, stopping=threading.Event(), on_progress=lambda _: None)


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_from_nothing_to_the_end(tmp_path: Path, place: str, request: pytest.FixtureRequest) -> None:
    bucket: Bucket | None = request.getfixturevalue("bucket") if place == "s3" else None
    out = str(tmp_path / "out") if bucket is None else bucket.url
    with pytest.raises(NoCohortError, match=r"must hold a cohort\.yaml, got none"):
        read_state(out)
    order = CohortOrder(small_spec(tmp_path, cases=5), out)
    replicas, refused = frozenset({1}), frozenset({2})
    run(replace(order, shard=Shard(0, 2)), replicas=replicas, refused=refused)
    assert read_state(out) == CohortState("small", 5, released=2, quarantined=0, failed=1, finished=False)
    run(replace(order, shard=Shard(1, 2)), replicas=replicas, refused=refused)
    state = read_state(out)
    assert state == CohortState("small", 5, released=3, quarantined=1, failed=1, finished=True)
    assert (state.done, state.is_complete) == (4, False)
    run(order, replicas=replicas)
    assert read_state(out) == CohortState("small", 5, released=4, quarantined=1, failed=0, finished=True)
    assert read_state(out).is_complete


def test_an_enlarged_cohort_is_no_longer_finished(tmp_path: Path) -> None:
    order = CohortOrder(small_spec(tmp_path, cases=2), str(tmp_path / "out"))
    run(order)
    run(replace(order, spec=small_spec(tmp_path, cases=4), shard=Shard(0, 4)))
    assert read_state(order.out) == CohortState("small", 4, released=2, quarantined=0, failed=0, finished=False)


def test_the_libraries_need_not_be_there(tmp_path: Path) -> None:
    order = CohortOrder(small_spec(tmp_path), str(tmp_path / "out"))
    run(order)
    (tmp_path / "maps").rename(tmp_path / "elsewhere")
    assert read_state(order.out).finished


def test_a_spec_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text("[]")
    with pytest.raises(AnotherCohortError):
        read_state(str(tmp_path))
