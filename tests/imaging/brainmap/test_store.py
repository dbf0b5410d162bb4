from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from imaging.brainmap import store
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.brainmap.store import MapFormatError, decode_map, digest_map, encode_map
from imaging.errors import GeometryError
from imaging.geometry import Grid
from imaging.modality import Modality
from tests.imaging.brainmap.balls import ball_map, grid, same

SHAPES = st.tuples(*(st.integers(1, 9) for _ in range(3)))


@st.composite
def maps(draw: st.DrawFn) -> BrainMap:
    shape = draw(SHAPES)
    brain = draw(arrays.arrays(np.bool_, shape))
    brain[tuple(draw(st.integers(0, extent - 1)) for extent in shape)] = True
    bands = {
        modality: np.where(brain, draw(arrays.arrays(np.uint8, shape, elements=st.integers(1, 4))), 0).astype(np.uint8)
        for modality in Modality
    }
    lesion = np.where(brain, draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 3))), 0).astype(np.uint8)
    affine = np.diag([*(draw(st.floats(0.5, 3.0)) for _ in range(3)), 1.0])
    affine[:3, 3] = [draw(st.floats(-300.0, 300.0)) for _ in range(3)]
    return BrainMap(bands, lesion, Grid(shape, affine))


@given(maps())
@settings(deadline=None)
def test_every_map_comes_back_and_keeps_its_digest(made: BrainMap) -> None:
    content = encode_map(made)
    found = decode_map(memoryview(content))
    assert same(found, made)
    assert found.grid.shape == made.grid.shape
    np.testing.assert_array_equal(found.grid.affine, made.grid.affine)
    assert encode_map(found) == content
    assert digest_map(found) == digest_map(made)


def test_the_digest_is_of_everything_that_a_map_holds() -> None:
    made = ball_map()
    digests = {digest_map(made)}
    for modality in Modality:
        bands = {one: array.copy() for one, array in made.bands.items()}
        bands[modality][16, 16, 12] = 1
        digests.add(digest_map(BrainMap(bands, made.lesion, made.grid)))
    lesion = made.lesion.copy()
    lesion[16, 16, 12] = Lesion.ED
    digests.add(digest_map(BrainMap(made.bands, lesion, made.grid)))
    digests.add(digest_map(BrainMap(made.bands, made.lesion, grid(spacing_mm=1.5))))
    rolled = {one: np.roll(array, 1, axis=0) for one, array in made.bands.items()}
    digests.add(digest_map(BrainMap(rolled, np.roll(made.lesion, 1, axis=0), made.grid)))
    assert len(digests) == 8
    assert all(len(digest) == 64 for digest in digests)


def test_a_negative_zero_makes_no_other_map() -> None:
    made, affine = ball_map(), grid().affine.copy()
    affine[0, 1] = -0.0
    assert digest_map(BrainMap(made.bands, made.lesion, Grid(made.grid.shape, affine))) == digest_map(made)


def test_another_process_writes_the_same_bytes() -> None:
    code = (
        "import hashlib; from imaging.brainmap.store import encode_map; from tests.imaging.brainmap.balls import *;"
        "print(hashlib.sha256(encode_map(ball_map())).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == store.hashlib.sha256(encode_map(ball_map())).hexdigest()


def test_numpy_reads_the_file() -> None:
    with np.load(io.BytesIO(encode_map(ball_map())), allow_pickle=False) as file:
        assert sorted(file) == ["affine", "bands", "box", "brain", "lesion", "version"]
        assert file["box"].tolist()[0] == [32, 32, 24]


def test_a_map_without_a_brain_is_refused() -> None:
    empty = np.zeros((2, 2, 2), dtype=np.uint8)
    nothing = BrainMap(dict.fromkeys(Modality, empty), empty, Grid((2, 2, 2), np.eye(4)))
    for function in (encode_map, digest_map):
        with pytest.raises(GeometryError):
            function(nothing)


def written(**changed: np.ndarray | None) -> bytes:
    """The file of the ball with some members changed, or left out."""
    with np.load(io.BytesIO(encode_map(ball_map()))) as file:
        members = dict(file)
    members |= changed
    content = io.BytesIO()
    np.savez_compressed(content, **{name: array for name, array in members.items() if array is not None})
    return content.getvalue()


BOX = np.array([[32, 32, 24], [5, 5, 1], [27, 27, 23]], dtype=np.int32)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "map"),
        (b"not a map", "map"),
        (encode_map(ball_map())[:-1], "map"),
        (encode_map(ball_map())[10:], "map"),
        (written(lesion=None), "map"),
        (written(more=np.zeros(1)), "map"),
        (written(lesion=None, other=np.zeros(1)), "map"),
        (written(version=np.array([2], np.uint8)), "version"),
        (written(version=np.array([1], np.int64)), "version"),
        (written(affine=np.zeros((4, 4))), "map"),
        (written(affine=np.diag([1.0, 1.0, -1.0, 1.0])), "grid"),
        (written(affine=np.eye(4, dtype=np.float32)), "affine"),
        (written(box=BOX.T.copy()), "box"),
        (written(box=BOX * 1000), "box"),
        (written(box=-BOX), "box"),
        (written(box=BOX + np.array([[0], [0], [1]], np.int32)), "brain"),
        (written(brain=np.zeros(3, np.uint8)), "brain"),
        (written(bands=np.zeros(3, np.uint8)), "bands"),
        (written(lesion=np.zeros((2, 2), np.uint8)), "lesion"),
        (written(lesion=np.array([None])), "lesion"),
    ],
)
def test_what_is_no_map_is_refused(content: bytes, field: str) -> None:
    with pytest.raises(MapFormatError) as caught:
        decode_map(content)
    assert caught.value.field == field


def test_parts_of_a_lesion_that_do_not_exist_are_refused() -> None:
    with np.load(io.BytesIO(encode_map(ball_map()))) as file:
        lesion = np.where(file["lesion"] == 1, 9, file["lesion"]).astype(np.uint8)
    with pytest.raises(MapFormatError, match="lesion: must hold 0 to 3, got 9"):
        decode_map(written(lesion=lesion))


@given(st.integers(0, 2**16), st.integers(0, 255))
@settings(deadline=None, max_examples=100)
def test_a_changed_byte_is_refused_or_harmless(place: int, value: int) -> None:
    content = bytearray(encode_map(ball_map()))
    content[place % len(content)] = value
    try:
        found = decode_map(bytes(content))
    except MapFormatError:
        return
    # Some bytes of a zip file's headers mean nothing to its readers.
    assert same(found, ball_map())


def test_more_bytes_than_allowed_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encode_map(ball_map())
    monkeypatch.setattr(store, "MAX_FILE_BYTES", len(content) - 1)
    with pytest.raises(MapFormatError, match=f"must be at most {len(content) - 1} bytes"):
        decode_map(content)


def test_a_bomb_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that expands to far more than its place allows is not expanded."""
    content, honest = io.BytesIO(), zipfile.ZipFile(io.BytesIO(encode_map(ball_map())))
    with honest, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in honest.namelist():
            archive.writestr(name, bytes(2**24) if name == "bands.npy" else honest.read(name))
    expanded = []
    read = zipfile.ZipFile.read
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *given: expanded.append(given[1].filename) or read(*given))
    with pytest.raises(MapFormatError, match="16777216 bytes") as caught:
        decode_map(content.getvalue())
    assert caught.value.field == "bands"
    assert "bands.npy" not in expanded


@pytest.mark.parametrize("locator", [False, True])
def test_a_directory_of_many_members_is_not_read(monkeypatch: pytest.MonkeyPatch, *, locator: bool) -> None:
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    members = 6 if locator else 60_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, members, members, 500, 0, 0)
    with pytest.raises(MapFormatError):
        decode_map((b"PK\x06\x07" + bytes(16) if locator else b"") + end)
