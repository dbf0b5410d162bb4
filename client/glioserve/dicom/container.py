"""Where a study's files lie: a folder of any depth, or a zip archive, which is read in place, never unpacked to disk.

Both are bounded. An archive's members are never taken for paths, and never read beyond the size that its directory
states, so neither a path that climbs out of it nor a member that grows without end can do harm.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from glioserve.errors import LocalInputError

FIELD = "study"
"""How a study as a whole is called in an error."""

MAX_FILES = 50_000
"""Of one study."""
MAX_FILE_BYTES = 2**30
"""Of one file of a study, unpacked."""
MAX_STUDY_BYTES = 16 * 2**30
"""Of all files together, unpacked."""

_ENCRYPTED = 0x1
"""Bit of a zip member's flags."""

Opener = Callable[[str], BinaryIO]
"""Opens a file by its name in the container, for reading from its start, with `seek`."""


@dataclass(frozen=True)
class Folder:
    """A folder with all those below it. Links to other folders are not followed.

    Args:
        path: Where it is.
    """

    path: Path

    def names(self) -> tuple[str, ...]:
        """All regular files, sorted.

        Raises:
            LocalInputError: The folder can't be read, or holds too much.
        """
        found: list[str] = []
        total = 0

        def refuse(error: OSError) -> None:
            raise LocalInputError(FIELD, "must be a folder that can be read", type(error).__name__)

        for folder, _, names in os.walk(self.path, onerror=refuse):
            for path in (Path(folder, name) for name in names):
                if path.is_file():
                    size = path.stat().st_size
                    total += size
                    found.append(str(path.relative_to(self.path)))
                    _bounded(files=len(found), largest=size, total=total)
        return tuple(sorted(found))

    @contextmanager
    def opened(self) -> Iterator[Opener]:
        """Opens files of the folder."""
        yield lambda name: (self.path / name).open("rb")


@dataclass(frozen=True)
class Archive:
    """A zip archive.

    Args:
        path: The file.
    """

    path: Path

    def names(self) -> tuple[str, ...]:
        """All members that are no folders, sorted.

        Raises:
            LocalInputError: It is no zip archive, is encrypted, names a member twice, or holds too much.
        """
        with self._zip() as archive:
            # As `is_dir` does, which stumbles over a name of no letters.
            members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        _bounded(
            files=len(members),
            largest=max((member.file_size for member in members), default=0),
            total=sum(member.file_size for member in members),
        )
        if any(member.flag_bits & _ENCRYPTED for member in members):
            raise LocalInputError(FIELD, "must be a zip archive that is not encrypted", "encrypted members")
        names = sorted({member.filename for member in members})
        if len(names) != len(members):
            raise LocalInputError(FIELD, "must name every member of the archive once", "a name twice")
        return tuple(names)

    @contextmanager
    def opened(self) -> Iterator[Opener]:
        """Opens members of the archive."""
        with self._zip() as archive:
            yield lambda name: cast("BinaryIO", archive.open(name))

    @contextmanager
    def _zip(self) -> Iterator[zipfile.ZipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError) as error:
            raise LocalInputError(FIELD, "must be a zip archive that can be read", type(error).__name__) from None
        with archive:
            yield archive


def container_of(path: Path) -> Folder | Archive:
    """The container at a path.

    Raises:
        LocalInputError: There is neither a folder nor a zip archive.
    """
    if path.is_dir():
        return Folder(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return Archive(path)
    got = "another file" if path.exists() else "nothing there"
    raise LocalInputError(FIELD, "must be a folder or a zip archive", got)


def _bounded(*, files: int, largest: int, total: int) -> None:
    if files > MAX_FILES:
        raise LocalInputError(FIELD, f"must hold at most {MAX_FILES} files", "more")
    if largest > MAX_FILE_BYTES:
        raise LocalInputError(FIELD, f"must hold files of at most {MAX_FILE_BYTES} bytes", f"one of {largest}")
    if total > MAX_STUDY_BYTES:
        raise LocalInputError(FIELD, f"must hold at most {MAX_STUDY_BYTES} bytes", "more")
