"""Truncated, corrupt and malicious files cost little and say what they are."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from imaging.nifti import (
    NiftiError,
    NiftiExpansionError,
    NiftiGzipError,
    NiftiHeaderError,
    NiftiLimits,
    NiftiTimeoutError,
    NiftiTooLargeError,
    NiftiTruncatedError,
    NotNiftiError,
    read_nifti,
)
from imaging.nifti.stream import DECODED_PIECE_BYTES
from tests.imaging.nifti.files import DIM, nifti, patched, voxels_of

MIB = 1024 * 1024
FEW_MIB = 4 * MIB
"""A piece of the decoder's output, and what Python needs around it."""

WRAPPERS = pytest.mark.parametrize("wrap", [bytes, io.BytesIO])


def peak_bytes(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal_of(file, **limits) -> NiftiError:
    with pytest.raises(NiftiError) as caught:
        read_nifti(file, field="t1", limits=NiftiLimits(**limits))
    return caught.value


def followed_by_zeros(start: bytes, mebibytes: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join([packer.compress(start), *(packer.compress(bytes(MIB)) for _ in range(mebibytes)), packer.flush()])


@pytest.mark.parametrize("version", [1, 2])
def test_a_raw_file_cut_anywhere_is_truncated(version):
    file = nifti(version=version)
    for length in [*range(4, 600), *range(600, len(file), 37), len(file) - 1]:
        assert isinstance(refusal_of(file[:length]), NiftiTruncatedError), length


def test_a_gzip_file_cut_anywhere_is_truncated(raw):
    file = gzip.compress(raw)
    for length in [0, *range(2, len(file))]:
        assert isinstance(refusal_of(file[:length]), NiftiTruncatedError), length


def test_a_second_gzip_member_cut_off_is_truncated(raw):
    file = gzip.compress(raw[:400]) + gzip.compress(raw[400:])
    for length in range(len(gzip.compress(raw[:400])), len(file), 11):
        assert isinstance(refusal_of(file[:length]), NiftiTruncatedError), length


def test_a_changed_byte_of_a_gzip_file_never_passes_as_other_voxels(raw):
    file = gzip.compress(raw, mtime=0)
    for position in range(len(file)):
        changed = bytearray(file)
        changed[position] ^= 0x55
        try:
            volume = read_nifti(bytes(changed), field="t1")
        except (NiftiGzipError, NiftiTruncatedError, NotNiftiError):
            continue
        assert 4 <= position <= 9, "only the time stamp and the system may change"
        assert np.array_equal(volume.voxels, voxels_of())


def test_a_wrong_checksum_is_corrupt(raw):
    file = bytearray(gzip.compress(raw))
    file[-8] ^= 1
    assert isinstance(refusal_of(bytes(file)), NiftiGzipError)


def test_something_else_behind_the_gzip_stream_is_corrupt(raw):
    assert isinstance(refusal_of(gzip.compress(raw) + b"and a second file"), NiftiGzipError)


@WRAPPERS
def test_a_bomb_behind_the_voxels_stops_at_once(raw, wrap):
    bomb = wrap(followed_by_zeros(raw, 512))
    error = None

    def read():
        nonlocal error
        error = refusal_of(bomb)

    assert peak_bytes(read) < FEW_MIB
    assert isinstance(error, NiftiExpansionError)
    assert "65536 bytes" in error.rule


@WRAPPERS
def test_a_bomb_of_many_members_stops_at_once(raw, wrap):
    bomb = wrap(gzip.compress(raw) + gzip.compress(bytes(16 * MIB)) * 64)

    assert peak_bytes(lambda: refusal_of(bomb)) < FEW_MIB


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dims", [(900, 900, 900), (32767, 32767, 3)])
def test_a_claim_of_gigabytes_is_refused_by_its_header(raw, dims, packed):
    file = patched(raw, DIM, "<4h", 3, *dims)
    file = gzip.compress(file) if packed else file

    assert isinstance(refusal_of(file), NiftiTooLargeError)
    assert peak_bytes(lambda: refusal_of(file)) < FEW_MIB


@WRAPPERS
@pytest.mark.parametrize("packed", [False, True])
def test_an_allowed_claim_takes_memory_only_as_voxels_come(raw, packed, wrap):
    """512 x 512 x 256 voxels of int16 declared, 210 there."""
    file = patched(raw, DIM, "<4h", 3, 512, 512, 256)
    file = gzip.compress(file) if packed else file

    assert isinstance(refusal_of(wrap(file)), NiftiTruncatedError)
    assert peak_bytes(lambda: refusal_of(wrap(file))) < FEW_MIB


def test_an_honest_volume_takes_little_more_than_itself():
    file = gzip.compress(nifti(voxels_of(shape=(128, 128, 128))))
    volume_bytes = 2 * 128**3

    assert peak_bytes(lambda: read_nifti(file, field="t1")) < 1.2 * volume_bytes + FEW_MIB


def test_an_empty_label_map_is_no_bomb():
    """It expands a thousandfold."""
    labels = np.zeros((240, 240, 155), np.uint8)
    file = gzip.compress(nifti(labels))

    assert len(file) < labels.size / 500
    assert not read_nifti(file, field="reference").voxels.any()


def test_the_ratio_counts_beyond_its_allowance():
    file = gzip.compress(nifti(np.zeros((128, 128, 128), np.int16)))
    limits = {"max_ratio": 10.0, "unrated_bytes": 2 * DECODED_PIECE_BYTES}

    assert isinstance(refusal_of(file, **limits), NiftiExpansionError)
    assert read_nifti(file, field="t1", limits=NiftiLimits(**(limits | {"max_ratio": 2000.0}))).voxels.size == 128**3


def test_gzip_members_are_counted(raw):
    file = gzip.compress(raw) + gzip.compress(b"") * 9

    assert read_nifti(file, field="t1", limits=NiftiLimits(max_members=10)).voxels.size == 210
    assert isinstance(refusal_of(file, max_members=9), NiftiExpansionError)


@WRAPPERS
def test_bytes_as_sent_are_counted(raw, wrap):
    assert read_nifti(wrap(raw), field="t1", limits=NiftiLimits(max_bytes=len(raw))).voxels.size == 210
    assert isinstance(refusal_of(wrap(raw), max_bytes=len(raw) - 1), NiftiTooLargeError)


def test_padding_without_end_is_bounded_by_the_bytes_sent(raw):
    assert isinstance(refusal_of(io.BytesIO(gzip.compress(raw) + bytes(MIB)), max_bytes=MIB), NiftiTooLargeError)


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_behind_the_voxels_are_tolerated_up_to_the_slack(raw, packed):
    def file(extra):
        return gzip.compress(raw + bytes(extra)) if packed else raw + bytes(extra)

    assert np.array_equal(read_nifti(file(100), field="t1", limits=NiftiLimits(slack_bytes=100)).voxels, voxels_of())
    error = refusal_of(file(101), slack_bytes=100)
    assert isinstance(error, NiftiExpansionError if packed else NiftiHeaderError)


@WRAPPERS
def test_time_is_bounded(raw, wrap, monkeypatch):
    """The clock moves on by a second with each look at it."""
    seconds = iter(range(1000))
    monkeypatch.setattr("imaging.nifti.stream.time.monotonic", lambda: next(seconds))
    file = b"".join(gzip.compress(raw[start : start + 50]) for start in range(0, len(raw), 50))

    assert isinstance(refusal_of(wrap(file), max_seconds=5), NiftiTimeoutError)
