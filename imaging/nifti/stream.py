"""Decoded bytes of a file that is raw or gzipped, piece by piece, under limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import BinaryIO

from isal import igzip_lib

from imaging.nifti.errors import (
    NiftiExpansionError,
    NiftiGzipError,
    NiftiTimeoutError,
    NiftiTooLargeError,
    NiftiTruncatedError,
)
from imaging.nifti.limits import NiftiLimits

SENT_CHUNK_BYTES = 64 * 1024
DECODED_PIECE_BYTES = 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b"

Source = bytes | bytearray | memoryview | BinaryIO
"""A file's bytes as sent, or an open binary file."""


class DecodedStream:
    """Reads a source front to back; holds one piece of it at a time. Gzip is known by its content, not a name.

    Args:
        source: The bytes as sent, or an open binary file.
        field: How the file is named in an error.
        limits: What it may cost.

    Raises:
        NiftiTooLargeError: More was sent than the limits allow (here, or on reading where the size is unknown).
    """

    def __init__(self, source: Source, *, field: str, limits: NiftiLimits) -> None:
        self._field = field
        self._limits = limits
        self._sent = 0
        self._decoded = 0
        self._deadline = time.monotonic() + limits.max_seconds
        self._pending = memoryview(b"")
        if isinstance(source, bytes | bytearray | memoryview):
            self._check_sent(memoryview(source).nbytes)
        chunks = self._chunks(source)
        first = b""
        while len(first) < len(GZIP_MAGIC) and (chunk := next(chunks, None)):
            first += chunk
        self.gzipped = first.startswith(GZIP_MAGIC)
        self._pieces = self._gunzipped(first, chunks) if self.gzipped else self._raw(first, chunks)

    def take(self, count: int) -> bytearray:
        """The next `count` decoded bytes, fewer only where a raw file ends. Memory grows with what is there.

        Raises:
            NiftiTruncatedError: The gzip stream ends too early.
            NiftiGzipError: The gzip stream is corrupt.
            NiftiExpansionError: It expands beyond the allowed ratio, or has too many members.
            NiftiTooLargeError: More was sent than the limits allow.
            NiftiTimeoutError: The time allowed is over.
        """
        taken = bytearray()
        while len(taken) < count and self._advance():
            wanted = count - len(taken)
            taken += self._pending[:wanted]
            self._pending = self._pending[wanted:]
        return taken

    def skip(self, count: int) -> int:
        """Pass over up to `count` bytes and keep none; the number passed. Raises as `take` does."""
        skipped = 0
        while skipped < count and self._advance():
            step = min(count - skipped, len(self._pending))
            self._pending = self._pending[step:]
            skipped += step
        return skipped

    def _advance(self) -> bool:
        """Have a piece at hand; False at the end."""
        if not self._pending:
            self._pending = memoryview(next(self._pieces, b""))
        return bool(self._pending)

    def _chunks(self, source: Source) -> Iterator[memoryview]:
        if isinstance(source, bytes | bytearray | memoryview):
            view = memoryview(source).cast("B")
            for start in range(0, len(view), SENT_CHUNK_BYTES):
                chunk = view[start : start + SENT_CHUNK_BYTES]
                self._sent += len(chunk)
                yield chunk
            return
        while chunk := memoryview(source.read(SENT_CHUNK_BYTES)):
            self._sent += len(chunk)
            self._check_sent(self._sent)
            self._check_time()
            yield chunk

    def _raw(self, first: bytes, rest: Iterator[memoryview]) -> Iterator[bytes | memoryview]:
        yield first
        yield from rest

    def _gunzipped(self, first: bytes, rest: Iterator[memoryview]) -> Iterator[bytes]:
        decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        members = 1
        ended = False
        data: bytes | memoryview | None = first
        while data is not None:
            if ended:
                # Another member may follow, or zeros that pad the file to a block of its medium.
                if _is_padding(data):
                    data = next(rest, None)
                    continue
                members += 1
                self._check_members(members)
                decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
                ended = False
            yield from self._pieces_of(decoder, data)
            ended = decoder.eof
            data = (decoder.unused_data if ended else b"") or next(rest, None)
        if not ended:
            raise NiftiTruncatedError(
                self._field, "gzip stream must be whole", f"its end after {self._sent} bytes sent"
            )

    def _pieces_of(self, decoder: igzip_lib.IgzipDecompressor, data: bytes | memoryview) -> Iterator[bytes]:
        """What the decoder makes of one chunk, in pieces of bounded size."""
        feed = data
        while True:
            try:
                piece = decoder.decompress(feed, DECODED_PIECE_BYTES)
            except igzip_lib.error as error:  # type: ignore[misc]  # isal's stub declares it as an instance
                raise NiftiGzipError(self._field, "gzip stream must be intact", str(error)) from None
            self._decoded += len(piece)
            self._check_ratio()
            self._check_time()
            if piece:
                yield piece
            if decoder.eof or decoder.needs_input:
                return
            feed = b""

    def _check_sent(self, sent: int) -> None:
        if sent > self._limits.max_bytes:
            raise NiftiTooLargeError(
                self._field, f"must be at most {self._limits.max_bytes} bytes as sent", f"at least {sent}"
            )

    def _check_members(self, members: int) -> None:
        if members > self._limits.max_members:
            raise NiftiExpansionError(self._field, f"must have at most {self._limits.max_members} gzip members", "more")

    def _check_ratio(self) -> None:
        allowed = self._limits.unrated_bytes + self._limits.max_ratio * self._sent
        if self._decoded > allowed:
            raise NiftiExpansionError(
                self._field,
                f"must expand to at most {self._limits.max_ratio:g} times its size "
                f"beyond {self._limits.unrated_bytes} bytes",
                f"{self._decoded} bytes from {self._sent}",
            )

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise NiftiTimeoutError(
                self._field, f"must decode within {self._limits.max_seconds:g} s", "more time needed"
            )


def _is_padding(data: bytes | memoryview) -> bool:
    return data[0] == 0 and not bytes(data).strip(b"\0")
