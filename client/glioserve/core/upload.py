"""Files on their way to a server: read from disk piece by piece, sent as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glioserve.core import wire
from glioserve.errors import LocalInputError
from glioserve.exam_files import PathLike
from glioserve.terms import Modality
from glioserve.v1 import types_pb2 as pb
from glioserve.v1.contract import CHUNK_BYTES


@dataclass(frozen=True)
class SentFile:
    """A file that a call carries.

    Args:
        field: How it is called in an error, e.g. `t1ce`.
        path: Where it is.
        header: Its role, if it has one, and size, as announced to the server.
    """

    field: str
    path: Path
    header: pb.FileHeader

    @classmethod
    def of_modality(cls, modality: Modality, path: PathLike) -> SentFile:
        """A contrast.

        Raises:
            LocalInputError: There is no such file.
        """
        size_bytes = _size_bytes(Path(path), modality.value)
        return cls(modality.value, Path(path), pb.FileHeader(modality=wire.modality(modality), size_bytes=size_bytes))

    @classmethod
    def of_mask(cls, field: str, path: PathLike, *, role: pb.MaskRole.ValueType) -> SentFile:
        """A label map.

        Raises:
            LocalInputError: There is no such file.
        """
        return cls(field, Path(path), pb.FileHeader(mask=role, size_bytes=_size_bytes(Path(path), field)))

    @classmethod
    def of_map(cls, path: PathLike) -> SentFile:
        """A brain map, which has no role beside others.

        Raises:
            LocalInputError: There is no such file.
        """
        return cls("map", Path(path), pb.FileHeader(size_bytes=_size_bytes(Path(path), "map")))


class Upload:
    """The chunks of some files, read while they are sent.

    gRPC swallows what a request iterator raises. So a failure ends the chunks early, which the server takes for a
    broken call, and is kept for the caller, to whom it says more than the server's answer.

    Args:
        files: What to send, in the order of their headers.
    """

    def __init__(self, files: tuple[SentFile, ...]) -> None:
        self._files = files
        self.failure: LocalInputError | None = None

    def chunks(self) -> Iterator[pb.Chunk]:
        """All files, one after the other, in pieces of at most `CHUNK_BYTES`."""
        for index, file in enumerate(self._files):
            try:
                for data in _pieces(file):
                    yield pb.Chunk(file=index, data=data)
            except (OSError, LocalInputError) as error:
                self.failure = (
                    error if isinstance(error, LocalInputError) else _unreadable(file.field, type(error).__name__)
                )
                return


def _pieces(file: SentFile) -> Iterator[bytes]:
    left_bytes = file.header.size_bytes
    with file.path.open("rb") as source:
        while left_bytes:
            data = source.read(min(CHUNK_BYTES, left_bytes))
            if not data:
                raise LocalInputError(file.field, "must not change while it is sent", f"{left_bytes} bytes less")
            left_bytes -= len(data)
            yield data


def _size_bytes(path: Path, field: str) -> int:
    try:
        if not path.is_file():
            raise _unreadable(field, "no such file")
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(field, type(error).__name__) from None


def _unreadable(field: str, got: str) -> LocalInputError:
    return LocalInputError(field, "must be a file that can be read", got)
