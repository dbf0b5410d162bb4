from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.brainmap.library import LibraryError, MapEntry
from imaging.phantom.lesion import Enhancement
from imaging.synthesis.case import LibrarySource
from imaging.synthesis.side import Side
from serving.batch.sources import SourceCatalog, lacks
from serving.batch.spec import CohortSpec, EnhancementMix, LesionSpec, SpecError, parse_spec
from tests.serving.batch.libraries import write_library


def spec_of(
    folder: Path, lesion: str = "{volume_ml: [1, 2]}", entries: str = "{kind: library, path: maps}"
) -> CohortSpec:
    text = f"name: example\ncases: 3\nsources: [{entries}]\nlesion: {lesion}"
    return parse_spec(text, name="cohort.yaml", folder=folder)


def entry(kind: Enhancement, wt_ml: float) -> MapEntry:
    return MapEntry(f"{int(wt_ml * 1000):064x}", kind, wt_ml, wt_ml / 2, wt_ml / 4, Side.LEFT)


def test_libraries_are_opened_once_and_found_by_digest(tmp_path: Path) -> None:
    first = write_library(tmp_path / "maps")
    second = write_library(tmp_path / "more", radii=(3.2,))
    unused = write_library(tmp_path / "unused", radii=(4.5,))
    entries = ", ".join(
        f"{{kind: library, path: {path}, weight: {weight}}}"
        for path, weight in (("maps", 1), ("more", 2), ("unused", 0))
    )
    catalog = SourceCatalog.open(spec_of(tmp_path, entries=entries))
    assert catalog.digests == {"maps": first.digest, "more": second.digest}
    digest = second.entries[0].digest
    loaded, stored = catalog.load(LibrarySource(digest)), second.load(digest)
    assert np.array_equal(loaded.lesion, stored.lesion)
    # A library of weight 0 is not opened.
    stranger = next(one for one in unused.entries if one not in first.entries)
    with pytest.raises(LibraryError, match="must be in one of the spec's libraries"):
        catalog.load(LibrarySource(stranger.digest))


def test_candidates_have_the_kind_and_reach_the_volume(tmp_path: Path) -> None:
    library = write_library(tmp_path / "maps")
    catalog = SourceCatalog.open(spec_of(tmp_path))
    rings = [one for one in library.entries if one.enhancement is Enhancement.RING]
    assert catalog.candidates(0, Enhancement.RING, 1.5) == tuple(rings)
    smallest = min(rings, key=lambda one: one.wt_ml)
    assert smallest not in catalog.candidates(0, Enhancement.RING, smallest.wt_ml * 2.5**3 * 1.01)
    assert smallest in catalog.candidates(0, Enhancement.RING, smallest.wt_ml * 2.5**3 * 0.99)


def test_a_kind_without_maps_is_a_fault_unless_nobody_wants_it(tmp_path: Path) -> None:
    write_library(tmp_path / "maps", kinds=(Enhancement.RING,))
    with pytest.raises(SpecError) as caught:
        SourceCatalog.open(spec_of(tmp_path))
    assert [fault.field for fault in caught.value.faults] == ["sources.0.path"] * 2
    assert "nodular among them, got none of that kind" in str(caught.value)
    assert SourceCatalog.open(spec_of(tmp_path, "{volume_ml: [1, 2], enhancement: {ring: 1}}")).libraries


def test_volumes_out_of_reach_are_a_fault(tmp_path: Path) -> None:
    write_library(tmp_path / "maps")
    with pytest.raises(SpecError, match=r"sources\.0\.path: must hold ring maps that can be scaled to 1 to 200 ml"):
        SourceCatalog.open(spec_of(tmp_path, "{volume_ml: [1, 200]}"))


def test_a_gap_between_small_and_large_maps_is_a_fault() -> None:
    lesion = LesionSpec(volume_ml=(1, 300), enhancement=EnhancementMix(ring=1))
    ends = [entry(Enhancement.RING, 0.6), entry(Enhancement.RING, 250.0)]
    # Scaled by 0.4 to 2.5, they reach 0.04 to 9.4 ml and 16 ml upwards.
    assert len(list(lacks(ends, lesion))) == 1
    assert list(lacks([*ends, entry(Enhancement.RING, 5.0)], lesion)) == []
    assert list(lacks(ends, LesionSpec(volume_ml=(1, 9), enhancement=EnhancementMix(ring=1)))) == []


def test_a_library_that_changed_since_the_spec_was_read_is_a_fault(tmp_path: Path) -> None:
    write_library(tmp_path / "maps")
    spec = spec_of(tmp_path)
    write_library(tmp_path / "maps", radii=(3.1,))
    with pytest.raises(SpecError, match=r"sources\.0\.path: library must have the digest"):
        SourceCatalog.open(spec)
    (tmp_path / "maps" / "library.json").unlink()
    with pytest.raises(SpecError, match=r"sources\.0\.path: library must be a folder with a library\.json, got none"):
        SourceCatalog.open(spec)
