"""A folder of this machine, or one that is mounted."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from serving.batch.storage.errors import MissingFileError, StorageError
from serving.batch.storage.folder import checked

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
"""A file that is being written, or that a killed writer left."""


class LocalFolder:
    """A folder. Implements `OutputFolder`.

    A file is written beside its place under another name, flushed to the disk and renamed. Its writer holds a lock on
    it meanwhile, which ends with the writer, however that one ends: so `sweep` knows what is nobody's, on this machine
    and on every other that shares the file system. Where a file system has no locks, nothing is swept.

    Args:
        root: Its path; made with the first file.
        name: The place, as the user named it.
    """

    def __init__(self, root: str | Path, *, name: str) -> None:
        self.name = name
        self.root = Path(root)

    def write(self, path: str, content: bytes) -> None:
        """As of `OutputFolder`."""
        place = self.root / checked(path)
        with self._faults("must be writable"):
            place.parent.mkdir(parents=True, exist_ok=True)
            part, file = _new_part(place.parent)
            try:
                with os.fdopen(file, "wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                    part.replace(place)  # while it is locked: no sweeper comes between
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            _flush_names(place.parent)

    def read(self, path: str) -> bytes:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            try:
                return (self.root / checked(path)).read_bytes()
            except FileNotFoundError:
                raise MissingFileError(self.name, f"must hold {path}", "no such file") from None

    def read_each(self, paths: Sequence[str]) -> Iterator[bytes]:
        """As of `OutputFolder`."""
        return map(self.read, paths)

    def holds(self, path: str) -> bool:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            return (self.root / checked(path)).is_file()

    def remove(self, path: str) -> None:
        """As of `OutputFolder`. A folder that becomes empty is removed as well."""
        place = self.root / checked(path)
        with self._faults("must be writable"):
            place.unlink(missing_ok=True)
            if place.parent != self.root:
                with suppress(OSError):  # not empty, or somebody else's turn
                    place.parent.rmdir()

    def names(self, folder: str) -> frozenset[str]:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            try:
                with os.scandir(self.root / checked(folder)) as entries:
                    return frozenset(
                        entry.name for entry in entries if not _PART.fullmatch(entry.name) and entry.is_file()
                    )
            except FileNotFoundError:
                return frozenset()

    def sizes(self) -> dict[str, int]:
        """As of `OutputFolder`."""
        with self._faults("must be readable"):
            whole = (place for place in self._walk() if not _PART.fullmatch(place.name))
            return dict(sorted((place.relative_to(self.root).as_posix(), place.stat().st_size) for place in whole))

    def sweep(self) -> int:
        """As of `OutputFolder`."""
        with self._faults("must be writable"):
            return sum(_sweep_part(place) for place in self._walk() if _PART.fullmatch(place.name))

    def _walk(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self.root, onerror=_raise_unless_gone):
            yield from (Path(folder, name) for name in names)

    @contextmanager
    def _faults(self, rule: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError.of(error, self.name, rule) from error


def _new_part(folder: Path) -> tuple[Path, int]:
    """A new file and its descriptor, locked by this process."""
    while True:
        part = folder / f".{secrets.token_hex(8)}.part"
        try:
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)  # removed when it was empty
            continue
        if _lock(file, wait=True) is None or os.fstat(file).st_nlink:
            return part, file
        os.close(file)  # a sweeper took it for nobody's before it was locked


def _sweep_part(part: Path) -> bool:
    """Remove a part that nobody holds; whether it was."""
    try:
        file = os.open(part, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not _lock(file, wait=False) or not os.fstat(file).st_nlink:
            return False
        part.unlink()
    except FileNotFoundError:  # its writer was done with it between our look and our lock
        return False
    else:
        return True
    finally:
        os.close(file)


def _lock(file: int, *, wait: bool) -> bool | None:
    """Lock a file: whether it could be; None where the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            return None
        raise
    return True


def _flush_names(folder: Path) -> None:
    """Make a rename outlast a power failure."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
