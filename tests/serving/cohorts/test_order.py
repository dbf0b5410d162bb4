"""What callers send, taken or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batch.spec import LibraryEntry, SpecError, load_spec, parse_spec
from serving.cohorts.errors import CohortOrderError
from serving.cohorts.job import CaseCounts, JobOrder, JobPhase
from serving.cohorts.names import MAX_ID, check_id, id_of
from serving.cohorts.order import OrderPolicy, take_order
from tests.serving.batch.libraries import write_library

SPEC = "name: example\ncases: 3\nsources:\n  - kind: builtin\n"
LIBRARY = "name: example\ncases: 3\nsources:\n  - kind: library\n    path: maps\nlesion: {volume_ml: [1.0, 2.0]}\n"


def policy(**changes: object) -> OrderPolicy:
    return OrderPolicy(**{"place": "/cohorts/{}".format, "max_shards": 4} | changes)


def take(text: str = SPEC, *, cohort: str = "", output: str = "", shards: int = 0, **changes: object) -> JobOrder:
    return take_order(text, cohort=cohort, output=output, shards=shards, policy=policy(**changes))


def test_what_is_left_out_is_filled_in() -> None:
    order = take(shards=0)
    assert order.id == f"example-{order.spec_sha256[:8]}"
    assert (order.name, order.cases, order.shards) == ("example", 3, 1)
    assert order.output == f"/cohorts/{order.id}"
    assert take(shards=0, max_shards=4).shards == 1
    assert take(cohort="mine", shards=4).shards == 4


def test_the_digest_is_of_the_content_and_of_all_of_it() -> None:
    digest = take().spec_sha256
    assert take("# a remark\ncases: 3\nname: example\nsources: [{kind: builtin}]\nseed: 0\n").spec_sha256 == digest
    for other in ("cases: 4", "cases: 3\nseed: 1", "cases: 3\nlayout: brats_2018"):
        assert take(SPEC.replace("cases: 3", other)).spec_sha256 != digest


def test_the_spec_that_the_worker_reads_means_the_same(tmp_path: Path) -> None:
    order = take()
    path = tmp_path / "cohort.yaml"
    path.write_text(order.spec, encoding="utf-8")
    assert load_spec(path) == parse_spec(SPEC, name="cohort.yaml", folder=None)


def test_libraries_become_absolute_and_pinned(tmp_path: Path) -> None:
    write_library(tmp_path / "store" / "maps")
    order = take(LIBRARY, maps=tmp_path / "store")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cohort.yaml").write_text(order.spec, encoding="utf-8")
    (source,) = load_spec(elsewhere / "cohort.yaml").sources
    assert isinstance(source, LibraryEntry)
    assert source.folder == (tmp_path / "store" / "maps").resolve()
    assert source.digest is not None
    write_library(tmp_path / "moved" / "maps")
    assert take(LIBRARY, maps=tmp_path / "moved").spec_sha256 == order.spec_sha256, "where it lies is no matter"


@pytest.mark.parametrize("path", ["../secret", "/etc", "a/../../secret", "link"])
def test_libraries_stay_in_the_folder_of_maps(tmp_path: Path, path: str) -> None:
    write_library(tmp_path / "secret")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(SpecError, match="must stay inside"):
        take(LIBRARY.replace("path: maps", f"path: {path}"), maps=tmp_path / "store")


def test_a_server_without_maps_takes_no_library() -> None:
    with pytest.raises(SpecError, match="library is not at hand"):
        take(LIBRARY)
    with pytest.raises(SpecError, match="GLIOSERVE_COHORT_MAPS"):
        take(LIBRARY.replace("path: maps", f"path: maps\n    digest: {'a' * 64}"))


def test_a_library_that_can_not_give_what_is_asked_of_it_is_refused_at_once(tmp_path: Path) -> None:
    write_library(tmp_path / "maps")
    with pytest.raises(SpecError, match="can be scaled to 100 to 120 ml"):
        take(LIBRARY.replace("[1.0, 2.0]", "[100, 120]"), maps=tmp_path)


@pytest.mark.parametrize(
    ("output", "rule"),
    [
        ("/etc", "must begin with s3://bucket/cohorts/"),
        ("s3://other/x", "must begin with"),
        ("s3://bucket/cohorts-of-others/x", "must begin with"),
        ("s3://bucket/cohorts/../x", "must name a place below"),
        ("s3://bucket/cohorts//x", "must name a place below"),
        ("s3://bucket/cohorts/", "must name a place below"),
        ("s3://bucket/cohorts/a b", "without spaces"),
        ("s3://bucket/cohorts/" + "a" * 600, "at most 512"),
    ],
)
def test_outputs_stay_below_the_servers_own(output: str, rule: str) -> None:
    with pytest.raises(CohortOrderError, match=re.escape(rule)):
        take(output=output, bucket="s3://bucket/cohorts")


def test_an_output_where_callers_may_name_one() -> None:
    assert take(output="s3://bucket/cohorts/a/b/", bucket="s3://bucket/cohorts/").output == "s3://bucket/cohorts/a/b"
    with pytest.raises(CohortOrderError, match="this server chooses"):
        take(output="s3://bucket/cohorts/a")


def test_no_more_shards_than_the_server_allows() -> None:
    with pytest.raises(CohortOrderError, match="at most 4"):
        take(shards=5)
    with pytest.raises(CohortOrderError, match="1 to 4"):
        policy(shards=5)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a_b", "a.b", "..", "a/b", "ä", "a\n", "a b", "a" * (MAX_ID + 1), "²"]
)
def test_ids_that_are_none(name: str) -> None:
    with pytest.raises(CohortOrderError, match="id: must"):
        check_id(name)


@given(st.text(max_size=60), st.integers(0, 2**256 - 1))
def test_an_id_can_be_made_of_any_name(name: str, digest: int) -> None:
    made = id_of(name, f"{digest:064x}")
    assert check_id(made) == made
    assert made.endswith(f"{digest:064x}"[:8])


@given(st.text(alphabet="abc-019", min_size=1, max_size=45))
def test_ids_are_safe_or_refused(name: str) -> None:
    safe = len(name) <= MAX_ID and not name.startswith("-") and not name.endswith("-")
    if safe:
        assert check_id(name) == name
    else:
        with pytest.raises(CohortOrderError):
            check_id(name)


def test_counts_are_no_less_than_nothing() -> None:
    with pytest.raises(CohortOrderError, match="released: must be at least 0, got -1"):
        CaseCounts(released=-1)
    assert {phase for phase in JobPhase if phase.has_ended} == {JobPhase.COMPLETED, JobPhase.FAILED, JobPhase.CANCELLED}
