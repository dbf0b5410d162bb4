"""The files of a call as they arrive: announced sizes and order are enforced piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from glioserve.v1.contract import CHUNK_BYTES

from serving.gateway.errors import (
    DeadlineError,
    UnknownFileError,
    UploadIncompleteError,
    UploadOrderError,
    UploadTooLargeError,
)
from serving.gateway.orders import FileSpec


@dataclass(frozen=True)
class Piece:
    """Bytes of one file.

    Args:
        file: Index into the announced files.
        data: At most `CHUNK_BYTES` bytes.
    """

    file: int
    data: bytes


def check_sizes(files: Sequence[FileSpec], *, max_file_bytes: int, max_exam_bytes: int) -> None:
    """Check what a header announces, before anything is read.

    Raises:
        UploadTooLargeError: A file, or all of them together, are larger than the server takes.
    """
    for file in files:
        if file.size_bytes > max_file_bytes:
            raise UploadTooLargeError(file.field, f"must be at most {max_file_bytes} bytes", f"{file.size_bytes} bytes")
    total = sum(file.size_bytes for file in files)
    if total > max_exam_bytes:
        raise UploadTooLargeError("exam", f"must be at most {max_exam_bytes} bytes in all", f"{total} bytes")


class Upload:
    """Collects the pieces of one call's files. Never holds more than was announced.

    Args:
        files: What the header announced, in the order in which it will come.
    """

    def __init__(self, files: Sequence[FileSpec]) -> None:
        self._files = tuple(files)
        self._contents = [bytearray() for _ in files]
        self._current = 0

    def add(self, piece: Piece) -> None:
        """Take the next piece.

        Raises:
            UnknownFileError: It belongs to no announced file.
            UploadOrderError: It is empty, or of another file than the one whose turn it is.
            UploadTooLargeError: It is too large, or its file grows beyond its announced size.
        """
        if piece.file >= len(self._files):
            raise UnknownFileError("chunk", f"must name a file below {len(self._files)}", f"file {piece.file}")
        spec = self._files[piece.file]
        if not piece.data:
            raise UploadOrderError(spec.field, "must come in chunks of at least 1 byte", "an empty chunk")
        if len(piece.data) > CHUNK_BYTES:
            raise UploadTooLargeError(
                spec.field, f"must come in chunks of at most {CHUNK_BYTES} bytes", f"{len(piece.data)} bytes"
            )
        content = self._contents[piece.file]
        if len(content) + len(piece.data) > spec.size_bytes:
            raise UploadTooLargeError(
                spec.field, f"must have the {spec.size_bytes} bytes that its header announced", "more"
            )
        if piece.file != self._current:
            due = self._files[self._current].field
            raise UploadOrderError(
                spec.field, "files must come whole, in the order of their headers", f"a chunk of it where {due} was due"
            )
        content += piece.data
        if len(content) == spec.size_bytes:
            self._current += 1

    def finish(self) -> tuple[memoryview, ...]:
        """The content of each file, in the order of the headers.

        Raises:
            UploadIncompleteError: Bytes are missing.
        """
        for spec, content in zip(self._files, self._contents, strict=True):
            if len(content) < spec.size_bytes:
                raise UploadIncompleteError(
                    spec.field,
                    f"must have the {spec.size_bytes} bytes that its header announced",
                    f"{len(content)} bytes",
                )
        return tuple(memoryview(content) for content in self._contents)


async def receive(files: Sequence[FileSpec], pieces: AsyncIterator[Piece], *, idle_s: float) -> tuple[memoryview, ...]:
    """All files of a call.

    Args:
        files: What the header announced.
        pieces: What comes, until the client closes its side.
        idle_s: The longest time to wait for a piece, in seconds.

    Raises:
        UploadError: What comes is not what was announced.
        DeadlineError: No piece came for `idle_s` seconds.
    """
    upload = Upload(files)
    while True:
        try:
            async with asyncio.timeout(idle_s):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise DeadlineError(
                "upload", f"must not pause for more than {idle_s:g} s", "no chunk in that time"
            ) from None
        if piece is None:
            return upload.finish()
        upload.add(piece)
