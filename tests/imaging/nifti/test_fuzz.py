"""Whatever is sent, the answer is a volume or an ImagingError, at little cost."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imaging.errors import ImagingError
from imaging.nifti import NiftiLimits, read_nifti, write_nifti
from imaging.volume import Volume
from tests.imaging.nifti.files import nifti

LIMITS = NiftiLimits(max_voxels=100_000, max_header_bytes=100_000, max_bytes=1_000_000)
PEAK_BYTES = 6 * 1024 * 1024
"""100,000 voxels of 8 bytes, scaled, and one piece of decoded bytes."""

BASES = [nifti(version=version, order=order) for version in (1, 2) for order in "<>"]


def check(file: bytes) -> None:
    tracemalloc.start()
    try:
        answer: Volume | ImagingError = read_nifti(file, field="t1", limits=LIMITS)
    except ImagingError as refusal:
        answer = refusal
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < PEAK_BYTES
    if isinstance(answer, ImagingError):
        assert answer.field == "t1"
    else:
        assert answer.voxels.size <= LIMITS.max_voxels
        assert np.isfinite(answer.voxels).all()
        assert np.isfinite(answer.grid.affine).all()


@given(file=st.binary(max_size=2000))
@example(b"")
@example(b"\x1f")
@example(b"\x1f\x8b")
@settings(deadline=None, max_examples=100)
def test_random_bytes(file):
    check(file)
    check(b"\x1f\x8b\x08" + file)
    check(gzip.compress(file))
    for order in ("little", "big"):
        for size in (348, 540):
            check(size.to_bytes(4, order) + file)


@given(base=st.sampled_from(BASES), packed=st.booleans(), data=st.data())
@settings(deadline=None, max_examples=100)
def test_truncation_at_any_offset(base, packed, data):
    file = gzip.compress(base) if packed else base
    check(file[: data.draw(st.integers(0, len(file)))])


@given(
    base=st.sampled_from(BASES),
    changes=st.lists(st.tuples(st.integers(4, 543), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
    packed=st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_mutated_headers(base, changes, packed):
    file = bytearray(base)
    for offset, value in changes:
        file[offset : offset + len(value)] = value
    check(gzip.compress(bytes(file), compresslevel=1) if packed else bytes(file))


@given(base=st.sampled_from(BASES), block=st.binary(min_size=340, max_size=340))
@settings(deadline=None, max_examples=100)
def test_random_fields_behind_a_true_size_and_magic(base, block):
    file = bytearray(base)
    file[4:344] = block
    check(bytes(file))


@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    dtype=st.sampled_from(["u1", "i2", "u2", "i4", "f4", "f8", ">i2", ">f4"]),
    affine=st.lists(st.floats(-100, 100, width=32), min_size=12, max_size=12),
    compress=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=100)
def test_what_is_written_is_read(shape, dtype, affine, compress, seed):
    matrix = np.vstack([np.array(affine).reshape(3, 4), [0, 0, 0, 1]])
    voxels = np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)
    try:
        volume = Volume.from_affine(voxels, matrix)
    except ImagingError:
        return
    restored = read_nifti(write_nifti(volume, compress=compress), field="t1")

    assert np.array_equal(restored.voxels, voxels)
    assert restored.voxels.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(restored.grid.affine, volume.grid.affine)
