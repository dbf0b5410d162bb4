from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from imaging.brainmap.library import (
    INDEX,
    LibraryError,
    MapEntry,
    MapLibrary,
    map_path,
    write_index,
    write_map,
)
from imaging.brainmap.maps import BrainMapError
from imaging.brainmap.measures import measure
from imaging.brainmap.store import MapFormatError, digest_map, encode_map
from imaging.phantom.lesion import Enhancement
from imaging.synthesis.side import Side
from tests.imaging.brainmap.balls import ball_map, same

SOURCES = "5" * 64
MAPS = [ball_map(tumour=(10.0, 15.5, 11.5), seed=0), ball_map(seed=1), ball_map(radius=6, seed=2)]


@pytest.fixture
def library(tmp_path: Path) -> MapLibrary:
    return write_index(tmp_path, [write_map(tmp_path, one) for one in MAPS], sources_digest=SOURCES)


def change(library: MapLibrary, **changed: Any) -> None:
    path = library.folder / INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def test_a_library_is_what_was_written(library: MapLibrary) -> None:
    opened = MapLibrary.open(library.folder)
    assert opened.entries == library.entries
    assert [entry.digest for entry in opened.entries] == sorted(digest_map(one) for one in MAPS)
    assert opened.sources_digest == SOURCES
    for one in MAPS:
        entry = next(entry for entry in opened.entries if entry.digest == digest_map(one))
        measures = measure(one)
        assert asdict(measures) == {name: value for name, value in asdict(entry).items() if name != "digest"}
        assert same(opened.load(entry.digest), one)


def test_the_digest_is_of_the_maps_alone(library: MapLibrary, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    entries = [write_map(other, one) for one in reversed(MAPS)]
    assert write_index(other, entries + entries, sources_digest="6" * 64).digest == library.digest
    fewer = write_index(other, entries[:2], sources_digest=SOURCES)
    assert len(fewer.entries) == 2
    assert fewer.digest != library.digest


def test_a_list_without_its_map_is_not_written(tmp_path: Path) -> None:
    entry = write_map(tmp_path, MAPS[0])
    map_path(tmp_path, entry.digest).unlink()
    with pytest.raises(LibraryError, match="must hold the 1 maps of its list, got 1 missing"):
        write_index(tmp_path, [entry], sources_digest=SOURCES)
    with pytest.raises(LibraryError, match="at least one, got 0"):
        write_index(tmp_path, [], sources_digest=SOURCES)
    with pytest.raises(BrainMapError, match="lesion"):
        write_map(tmp_path, ball_map(radius=0))


def test_a_folder_without_a_list_is_no_library(tmp_path: Path) -> None:
    write_map(tmp_path, MAPS[0])
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LibraryError, match=r"must be a folder with a library\.json"):
            MapLibrary.open(folder)


def test_missing_maps_are_found_when_it_is_opened(library: MapLibrary) -> None:
    map_path(library.folder, library.entries[1].digest).unlink()
    with pytest.raises(LibraryError, match="must hold the 3 maps of its list, got 1 missing"):
        MapLibrary.open(library.folder)


def test_only_maps_of_the_list_are_read(library: MapLibrary) -> None:
    (library.folder.parent / "secret.npz").write_bytes(encode_map(MAPS[0]))
    for digest in ("../secret", "0" * 64, ""):
        with pytest.raises(LibraryError, match="must be one of the library's 3"):
            library.load(digest)


def test_a_map_that_is_not_its_digest_is_refused(library: MapLibrary) -> None:
    first, second = (entry.digest for entry in library.entries[:2])
    map_path(library.folder, first).write_bytes(map_path(library.folder, second).read_bytes())
    with pytest.raises(LibraryError, match=f"must hold what its digest says, {first[:12]}, got {second[:12]}"):
        library.load(first)
    map_path(library.folder, first).write_bytes(b"broken")
    with pytest.raises(MapFormatError):
        library.load(first)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"format": "something"}, "must be a list of 'glioserve brain maps'"),
        ({"version": 2}, "must be of version 1, got 2"),
        ({"entries": {}}, "must hold entries"),
        ({"entries": []}, "at least one, got 0"),
        ({"entries": [{"digest": "x"}]}, "must be objects with the keys"),
        ({"entries": [1]}, "must be objects with the keys"),
        ({"patient": "x"}, "must hold entries"),
        ({"sources_digest": "x"}, "sources_digest: must be 64 hexadecimal digits"),
    ],
)
def test_a_damaged_list_is_refused(library: MapLibrary, changed: dict[str, Any], rule: str) -> None:
    change(library, **changed)
    with pytest.raises(LibraryError, match=rule):
        MapLibrary.open(library.folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe"])
def test_what_is_no_list_is_refused(library: MapLibrary, content: bytes) -> None:
    (library.folder / INDEX).write_bytes(content)
    with pytest.raises(LibraryError, match=r"library\.json"):
        MapLibrary.open(library.folder)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"digest": "../../etc"}, "digest: must be 64 hexadecimal digits"),
        ({"digest": "A" * 64}, "digest: must be 64 hexadecimal digits"),
        ({"digest": 7}, "digest: must be text"),
        ({"wt_ml": "12"}, "wt_ml: must be a number"),
        ({"wt_ml": True}, "wt_ml: must be a number"),
        ({"wt_ml": 1e999}, "volumes: must be nested and finite"),
        ({"et_ml": float("nan")}, "volumes: must be nested and finite"),
        ({"tc_ml": 1e4}, "volumes: must be nested and finite"),
        ({"wt_ml": 0, "tc_ml": 0, "et_ml": 0}, "volumes: .* above 0"),
        ({"enhancement": "blue"}, "must hold known words"),
        ({"side": "top"}, "must hold known words"),
    ],
)
def test_entries_are_checked(library: MapLibrary, changed: dict[str, Any], rule: str) -> None:
    with pytest.raises(LibraryError, match=rule):
        MapEntry.from_json(asdict(library.entries[0]) | changed)


def test_an_entry_comes_back_from_json(library: MapLibrary) -> None:
    entry = replace(library.entries[0], enhancement=Enhancement.NONE, side=Side.RIGHT)
    assert MapEntry.from_json(json.loads(json.dumps(asdict(entry)))) == entry


def test_entries_out_of_order_or_twice_are_refused(library: MapLibrary) -> None:
    entries = [asdict(entry) for entry in library.entries]
    for wrong in (entries[::-1], [entries[0], entries[0], *entries[1:]]):
        change(library, entries=wrong)
        with pytest.raises(LibraryError, match="sorted by digest, each once"):
            MapLibrary.open(library.folder)
