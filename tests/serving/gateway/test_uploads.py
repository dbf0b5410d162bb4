from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from glioserve.v1.contract import CHUNK_BYTES

from imaging.modality import Modality
from serving.gateway.errors import (
    DeadlineError,
    UnknownFileError,
    UploadError,
    UploadIncompleteError,
    UploadOrderError,
    UploadTooLargeError,
)
from serving.gateway.orders import FileSpec
from serving.gateway.uploads import Piece, Upload, check_sizes, receive

FILES = (FileSpec(Modality.T1, 5), FileSpec(Modality.T2, 3))


def upload(*pieces: Piece) -> tuple[bytes, ...]:
    collected = Upload(FILES)
    for piece in pieces:
        collected.add(piece)
    return tuple(bytes(content) for content in collected.finish())


def test_pieces_become_files() -> None:
    assert upload(Piece(0, b"ab"), Piece(0, b"cde"), Piece(1, b"xyz")) == (b"abcde", b"xyz")


@pytest.mark.parametrize(
    ("pieces", "error", "field"),
    [
        ([Piece(2, b"a")], UnknownFileError, "chunk"),
        ([Piece(1, b"x")], UploadOrderError, "t2"),
        ([Piece(0, b"")], UploadOrderError, "t1"),
        ([Piece(0, b"abcdef")], UploadTooLargeError, "t1"),
        ([Piece(0, b"abcde"), Piece(0, b"f")], UploadTooLargeError, "t1"),
        ([Piece(0, bytes(CHUNK_BYTES + 1))], UploadTooLargeError, "t1"),
        ([Piece(0, b"abcd")], UploadIncompleteError, "t1"),
        ([Piece(0, b"abcde"), Piece(1, b"x")], UploadIncompleteError, "t2"),
        ([], UploadIncompleteError, "t1"),
    ],
)
def test_every_fault_has_its_own_error(pieces: list[Piece], error: type[UploadError], field: str) -> None:
    with pytest.raises(error) as caught:
        upload(*pieces)
    assert caught.value.field == field


def test_an_upload_never_holds_more_than_was_announced() -> None:
    collected = Upload(FILES)
    collected.add(Piece(0, b"abcde"))
    with pytest.raises(UploadTooLargeError):
        collected.add(Piece(0, bytes(1000)))
    collected.add(Piece(1, b"xyz"))
    assert [len(content) for content in collected.finish()] == [5, 3]


@pytest.mark.parametrize(("file", "exam", "field"), [(4, 100, "t1"), (5, 7, "exam")])
def test_announced_sizes_are_refused_before_anything_is_read(file: int, exam: int, field: str) -> None:
    with pytest.raises(UploadTooLargeError) as caught:
        check_sizes(FILES, max_file_bytes=file, max_exam_bytes=exam)
    assert caught.value.field == field


def test_sizes_at_the_limits_are_taken() -> None:
    check_sizes(FILES, max_file_bytes=5, max_exam_bytes=8)


async def test_a_stalled_upload_ends() -> None:
    async def stalled() -> AsyncIterator[Piece]:
        yield Piece(0, b"ab")
        await asyncio.sleep(60)

    with pytest.raises(DeadlineError, match=r"must not pause for more than 0\.05 s"):
        await receive(FILES, stalled(), idle_s=0.05)
