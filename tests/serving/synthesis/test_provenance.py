from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imaging.brainmap.edit import MapEdit
from imaging.brainmap.maps import BrainMap, BrainMapError, Lesion
from imaging.phantom.lesion import Enhancement
from imaging.replicas.verdict import ReplicaVerdict
from imaging.synthesis.case import BuiltinSource, CasePlan, LibrarySource, Source
from imaging.synthesis.side import Side
from serving.synthesis.provenance import (
    CohortRecord,
    GeneratorRecord,
    Measures,
    Provenance,
    ProvenanceError,
    case_plan_of,
    measure,
    software_versions,
    source_record,
)
from tests.imaging.brainmap.balls import ball_map

DIGEST = "ab" * 32
VERDICT = ReplicaVerdict(
    slices=120,
    flagged=1,
    near_source=3,
    threshold=0.9,
    limit=0.05,
    is_replica=False,
    is_near_source=False,
    index=DIGEST,
)
STORED, AS_IT_WAS = LibrarySource(DIGEST), MapEdit()
FILES = {"case/case-t1n.nii.gz": "01" * 32, "case/case-seg.nii.gz": "02" * 32}


def provenance(source: Source = STORED, edit: MapEdit = AS_IT_WAS, **changes: Any) -> Provenance:
    return Provenance(
        **{
            "case_id": "case",
            "index": 3,
            "cohort": CohortRecord(
                name="example",
                digest=DIGEST,
                seed=7,
                enhancement=Enhancement.RING,
                volume_ml=12.5,
                side=None,
                attempts=2,
            ),
            "source": source_record(source, map_digest=DIGEST, library="cd" * 32),
            "edit": edit,
            "edit_seed": 5,
            "generator": GeneratorRecord(name="generator_joint", version="1", sha256=DIGEST),
            "measures": measure(ball_map()),
            "replica": VERDICT,
            "files": FILES,
            "software": software_versions(),
        }
        | changes
    )


_finite = st.floats(-100, 100)
_edits = st.builds(
    MapEdit,
    shift_mm=st.tuples(_finite, _finite, _finite),
    scale=st.floats(0.4, 2.5),
    rotation_deg=st.tuples(_finite, _finite, _finite),
    elastic_mm=st.floats(0, 4),
    elastic_scale_mm=st.floats(16, 100),
    mirror=st.booleans(),
)
_sources: st.SearchStrategy[Source] = st.one_of(
    st.just(STORED),
    st.builds(
        BuiltinSource,
        st.integers(0, 2**32 - 1),
        st.none() | st.sampled_from(Enhancement),
        st.none() | st.floats(5, 180),
        st.none() | st.sampled_from(Side),
    ),
)


@given(_sources, _edits, st.integers(0, 2**32 - 1))
def test_a_case_can_be_made_again_from_what_was_written(source: Source, edit: MapEdit, seed: int) -> None:
    made = provenance(source, edit, edit_seed=seed)
    read = Provenance.from_json(made.to_json())
    assert read == made
    assert read.to_json() == made.to_json()
    assert case_plan_of(read) == CasePlan(source, edit, seed)


def test_the_text_is_the_same_whatever_the_order_of_its_parts() -> None:
    text = provenance().to_json()
    assert provenance(files=dict(reversed(FILES.items()))).to_json() == text
    data = json.loads(text)
    assert list(data) == sorted(data)
    assert data["synthetic"] is True
    assert data["source"] == {"kind": "library", "library": "cd" * 32, "map_digest": DIGEST}
    assert text.endswith("}\n")
    assert text.isascii()


def test_an_exam_of_no_cohort_has_provenance_too() -> None:
    made = provenance(cohort=None, replica=None, index=0)
    assert Provenance.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"synthetic": False}, "synthetic"),
        ({"files": {"../outside": DIGEST}}, "files"),
        ({"files": {"/etc/passwd": DIGEST}}, "files"),
        ({"files": {"a//b": DIGEST}}, "files"),
        ({"files": {"a\\b": DIGEST}}, "files"),
        ({"files": {"": DIGEST}}, "files"),
        ({"files": {"a": DIGEST.upper()}}, "files"),
        ({"edit": {"scale": 99}}, "edit"),
        ({"index": -1}, "index"),
        ({"index": 1.0}, "index"),
        ({"source": {"kind": "patient", "map_digest": DIGEST}}, "source"),
        ({"when": "today"}, "when"),
        ({"edit_seed": None}, "edit_seed"),
    ],
)
def test_what_this_version_did_not_write_is_refused(change: dict[str, Any], field: str) -> None:
    text = json.dumps(json.loads(provenance().to_json()) | change)
    with pytest.raises(ProvenanceError) as caught:
        Provenance.from_json(text)
    assert caught.value.field.startswith(field)


@pytest.mark.parametrize("text", ["", "[]", "{", b"\xff", "null"])
def test_what_is_no_provenance_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProvenanceError):
        Provenance.from_json(text)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        provenance().index = 4  # type: ignore[misc]


def test_a_map_of_a_library_names_its_library() -> None:
    with pytest.raises(ProvenanceError, match="library: must be named"):
        source_record(LibrarySource(DIGEST), map_digest=DIGEST, library=None)


def test_measures_are_those_of_the_map() -> None:
    # The ball's brain spans voxels 5 to 26 along R and A, 1 to 22 along S, with a spacing of 2 mm.
    made = ball_map(tumour=(20, 12, 11), radius=3.2, spacing_mm=2.0)
    measures = measure(made)
    voxels = {part: int(np.count_nonzero(made.lesion == part)) for part in Lesion}
    wt = voxels[Lesion.ED] + voxels[Lesion.NCR] + voxels[Lesion.ET]
    assert measures.wt_ml == pytest.approx(wt * 0.008)
    assert measures.tc_ml == pytest.approx((voxels[Lesion.NCR] + voxels[Lesion.ET]) * 0.008)
    assert measures.et_ml == pytest.approx(voxels[Lesion.ET] * 0.008)
    assert measures.centroid_mm == (2 * 20 - 40, 2 * 12 + 13, 2 * 11 + 7.5)
    assert measures.centroid_share == pytest.approx(((20 - 5) / 21, (12 - 5) / 21, (11 - 1) / 21), abs=1e-4)
    assert (measures.side, measures.enhancement) == (Side.RIGHT, Enhancement.NODULAR)
    assert isinstance(Measures.model_validate_json(measures.model_dump_json()), Measures)


def test_a_map_without_a_lesion_has_no_measures() -> None:
    made = ball_map(radius=0)
    with pytest.raises(BrainMapError, match="lesion"):
        measure(BrainMap(made.bands, made.lesion, made.grid))


def test_versions_name_what_computes() -> None:
    assert {"python", "numpy", "scipy", "glioserve-stack"} <= set(software_versions())
