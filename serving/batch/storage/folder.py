"""What every place of a cohort can do, and how one is opened by its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from fsspec.core import url_to_fs
from fsspec.utils import get_protocol

from serving.batch.storage.errors import StorageError

LOCAL = frozenset({"file", "local"})
WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
"""Stores in which an object appears whole or not at all."""


class OutputFolder(Protocol):
    """A place for files. Thread-safe; any number of processes may use it at one time.

    Paths are relative, their parts joined by `/`. Every method raises `StorageError` where the place fails.
    """

    name: str
    """The place, as the user named it."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file: it appears whole or not at all, in place of what was there."""

    def read(self, path: str) -> bytes:
        """A file's content.

        Raises:
            MissingFileError: There is none.
        """

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes]:
        """The content of many files, in their order; the same errors as `read`."""

    def holds(self, path: str) -> bool:
        """Whether there is such a file."""

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def names(self, folder: str) -> frozenset[str]:
        """The names of the files in a folder, not below it; none where there is no such folder."""

    def sizes(self) -> dict[str, int]:
        """Every file that is whole, and its bytes, sorted by path."""

    def sweep(self) -> int:
        """Remove what writers left that were killed, and nothing of writers that are at work; how many files."""


def open_folder(target: str) -> OutputFolder:
    """The place of this name.

    Args:
        target: A local path, or a URL as fsspec knows it, e.g. `s3://bucket/prefix`.

    Raises:
        StorageError: There is no such kind of place, its library is not installed, or files could be seen in it before
            they are whole.
    """
    from serving.batch.storage.local import LocalFolder
    from serving.batch.storage.objects import ObjectFolder

    protocol = get_protocol(target)
    if protocol not in LOCAL | WHOLE:
        rule = f"must be a local folder, or on a store whose files appear whole ({', '.join(sorted(WHOLE))})"
        raise StorageError(target, rule, repr(protocol))
    try:
        # An instance of our own: fsspec's shared ones outlive changes of credentials and endpoints.
        filesystem, root = url_to_fs(target, skip_instance_cache=True)
    except (ImportError, ValueError, OSError) as error:
        raise StorageError.of(error, target, "must be a place that can be opened") from error
    return LocalFolder(root, name=target) if protocol in LOCAL else ObjectFolder(filesystem, root, name=target)


def checked(path: str) -> str:
    """A relative path that stays below its root.

    Raises:
        StorageError: It does not.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise StorageError("path", "must be relative and stay in the folder", repr(path[:80]))
    return path
