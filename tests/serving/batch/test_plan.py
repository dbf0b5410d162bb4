from __future__ import annotations

import dataclasses
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.brainmap.apply import apply_edit
from imaging.brainmap.maps import BrainMap
from imaging.phantom.lesion import Enhancement
from imaging.synthesis.case import BuiltinSource, LibrarySource, Source
from imaging.synthesis.side import Side
from serving.batch import plan as planning
from serving.batch.plan import MAX_ATTEMPTS, VOLUME_TOLERANCE, CasePlanError, PlannedCase, SourceCatalog, plan_case
from serving.batch.spec import CohortSpec, parse_spec
from serving.errors import Cause
from serving.synthesis.provenance import measure
from tests.imaging.brainmap.balls import same
from tests.serving.batch.libraries import LEFT, RIGHT, tumour_map, write_library

LESION = "volume_ml: [1, 2.5], depth_mm: 4, elastic_mm: [0, 1], shift_mm: [0, 30], rotation_deg: 90"


def spec_of(folder: Path, lesion: str = LESION, sources: str = "{kind: library, path: maps}") -> CohortSpec:
    text = f"name: example\ncases: 50\nseed: 11\nsources: [{sources}]\nlesion: {{{lesion}}}"
    return parse_spec(text, name="cohort.yaml", folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_library(folder / "maps")
    return folder


@pytest.fixture(scope="module")
def spec(folder: Path) -> CohortSpec:
    return spec_of(folder)


@pytest.fixture(scope="module")
def sources(spec: CohortSpec) -> SourceCatalog:
    return SourceCatalog.open(spec)


def edited(case: PlannedCase) -> BrainMap:
    return apply_edit(case.source_map, case.plan.edit, seed=case.plan.edit_seed)


@settings(max_examples=25, deadline=None)
@given(index=st.integers(0, 10**5))
def test_a_planned_case_is_what_was_wanted(spec: CohortSpec, sources: SourceCatalog, index: int) -> None:
    case = plan_case(spec, sources, index)
    made = measure(edited(case))
    assert made.wt_ml == pytest.approx(case.wish.volume_ml, rel=VOLUME_TOLERANCE)
    assert 1 * (1 - VOLUME_TOLERANCE) <= made.wt_ml <= 2.5 * (1 + VOLUME_TOLERANCE)
    assert made.enhancement is case.wish.enhancement
    assert 1 <= case.attempts <= MAX_ATTEMPTS
    assert isinstance(case.plan.source, LibrarySource)
    assert same(case.source_map, sources.load(case.plan.source))
    own_ml = measure(case.source_map).wt_ml
    assert case.plan.edit.scale == pytest.approx(math.cbrt(case.wish.volume_ml / own_ml))
    assert math.hypot(*case.plan.edit.shift_mm) <= 30
    assert case.plan.edit.elastic_mm <= 1
    assert case.library == sources.digests["maps"]


@settings(max_examples=10, deadline=None)
@given(indices=st.lists(st.integers(0, 49), min_size=2, max_size=4, unique=True))
def test_a_case_does_not_depend_on_others_nor_on_the_order(
    spec: CohortSpec, sources: SourceCatalog, indices: list[int]
) -> None:
    forward = {index: plan_case(spec, sources, index) for index in indices}
    enlarged = spec.model_copy(update={"cases": 1000})
    for index in reversed(indices):
        again = plan_case(enlarged, SourceCatalog.open(enlarged), index)
        assert (again.plan, again.wish, again.attempts) == (
            forward[index].plan,
            forward[index].wish,
            forward[index].attempts,
        )
    assert len({pickle.dumps(dataclasses.astuple(case.plan)) for case in forward.values()}) == len(indices)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("mirror", ["true", "false"])
def test_sides_are_honoured(folder: Path, side: Side, mirror: str) -> None:
    spec = spec_of(folder, f"{LESION}, side: {side.value}, mirror: {mirror}")
    sources = SourceCatalog.open(spec)
    cases = [plan_case(spec, sources, index) for index in range(8)]
    assert {measure(edited(case)).side for case in cases} == {side}
    assert any(case.plan.edit.mirror for case in cases) is (mirror == "true")


def test_either_side_is_drawn_where_any_is_asked_for(spec: CohortSpec, sources: SourceCatalog) -> None:
    sides = {measure(edited(plan_case(spec, sources, index))).side for index in range(12)}
    assert sides == set(Side)


class _Grown(SourceCatalog):
    """A catalog whose built-in source grows a ball: the real one takes seconds."""

    def load(self, source: Source) -> BrainMap:
        if not isinstance(source, BuiltinSource):
            return super().load(source)
        assert source.enhancement is not None
        assert source.volume_ml is not None
        radius = math.cbrt(source.volume_ml / 1.4) * 3.5
        # One of three seeds grows something else than what it was asked for.
        kind = source.enhancement if source.seed % 3 else Enhancement.NONE
        return tumour_map(kind, at=LEFT if source.side is Side.LEFT else RIGHT, radius=radius)


def test_builtin_tumours_are_grown_as_wanted_and_grown_anew_where_they_came_out_otherwise(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "volume_ml: [6, 9], side: left, enhancement: {ring: 1}", "{kind: builtin}")
    sources = _Grown({}, {})
    cases = [plan_case(spec, sources, index) for index in range(12)]
    for case in cases:
        source = case.plan.source
        assert isinstance(source, BuiltinSource)
        assert (source.enhancement, source.volume_ml, source.side) == (
            case.wish.enhancement,
            case.wish.volume_ml,
            Side.LEFT,
        )
        assert source.seed % 3 != 0
        assert case.plan.edit.is_identity
        assert case.library is None
    assert len({case.plan.source for case in cases}) == len(cases)
    assert max(case.attempts for case in cases) > 1


def test_a_case_that_cannot_be_made_names_its_number_and_why(
    folder: Path, sources: SourceCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MAX_ATTEMPTS", 3)
    spec = spec_of(folder, LESION.replace("depth_mm: 4", "depth_mm: 100").replace("[0, 30]", "[20, 30]"))
    with pytest.raises(CasePlanError) as caught:
        plan_case(spec, sources, 7)
    error = caught.value
    assert error.field == "case 7"
    assert "within 3 attempts" in error.rule
    assert error.got == "3 refusals: ranges must hold an edit that this map can take"
    assert error.cause is Cause.INVALID


def test_the_real_builtin_source_gives_what_is_wanted(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "volume_ml: [30, 60], side: right, enhancement: {none: 1}", "{kind: builtin}")
    case = plan_case(spec, SourceCatalog.open(spec), 0)
    made = measure(edited(case))
    assert made.wt_ml == pytest.approx(case.wish.volume_ml, rel=0.02)
    assert (made.side, made.enhancement) == (Side.RIGHT, Enhancement.NONE)
    assert np.array_equal(edited(case).lesion, case.source_map.lesion)
