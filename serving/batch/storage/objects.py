"""A prefix of an object store, through fsspec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fsspec import AbstractFileSystem

from serving.batch.storage.errors import MissingFileError, StorageError
from serving.batch.storage.folder import checked

_READ_AT_ONCE = 256


class ObjectFolder:
    """A prefix of an object store. Implements `OutputFolder`. A file is one PUT: whole or not there.

    Args:
        filesystem: Of the store.
        root: Bucket and prefix, as the file system names them.
        name: The place, as the user named it.
    """

    def __init__(self, filesystem: AbstractFileSystem, root: str, *, name: str) -> None:
        self.name = name
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    def write(self, path: str, content: bytes) -> None:
        """As of `OutputFolder`."""
        with self._faults("must be writable"):
            self._filesystem.pipe_file(self._key(path), content)

    def read(self, path: str) -> bytes:
        """As of `OutputFolder`."""
        with self._faults("must be readable", path):
            content: bytes = self._filesystem.cat_file(self._key(path))
            return content

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes]:
        """As of `OutputFolder`; the store is asked for many at one time."""
        for start in range(0, len(paths), _READ_AT_ONCE):
            keys = [self._key(path) for path in paths[start : start + _READ_AT_ONCE]]
            with self._faults("must be readable", "every file that it lists"):
                contents = self._filesystem.cat_ranges(keys, [None] * len(keys), [None] * len(keys), on_error="raise")
            yield from contents

    def holds(self, path: str) -> bool:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            self._filesystem.invalidate_cache()
            return bool(self._filesystem.isfile(self._key(path)))

    def remove(self, path: str) -> None:
        """As of `OutputFolder`."""
        with self._faults("must be writable"):
            try:
                self._filesystem.rm_file(self._key(path))
            except FileNotFoundError:
                return

    def names(self, folder: str) -> frozenset[str]:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            try:
                self._filesystem.invalidate_cache()
                entries = self._filesystem.ls(self._key(folder), detail=True)
            except FileNotFoundError:
                return frozenset()
            return frozenset(entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "file")

    def sizes(self) -> dict[str, int]:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            self._filesystem.invalidate_cache()
            found = self._filesystem.find(self._root, detail=True)
            start = len(self._root) + 1
            return dict(sorted((key[start:], int(entry["size"])) for key, entry in found.items()))

    def sweep(self) -> int:
        """As of `OutputFolder`: a store never holds a part of an object."""
        return 0

    def _key(self, path: str) -> str:
        return f"{self._root}/{checked(path)}"

    @contextmanager
    def _faults(self, rule: str, path: str | None = None) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except FileNotFoundError as error:
            if path is None:
                raise StorageError.of(error, self.name, rule) from error
            raise MissingFileError(self.name, f"must hold {path}", "no such file") from error
        except Exception as error:  # what the stores' libraries raise has no narrower base
            raise StorageError.of(error, self.name, rule) from error
