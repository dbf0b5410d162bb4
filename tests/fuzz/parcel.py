"""A study as one run of bytes, which both engines can change and a seed can hold."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

_HEAD = struct.Struct(">BH")


class Base(IntEnum):
    """What the files of a parcel are put into."""

    CLASSIC = 0
    ENHANCED = 1
    NOTHING = 2


@dataclass(frozen=True)
class Parcel:
    """Files that replace some of a whole study's.

    Args:
        base: The study; of nothing, the files are all there is.
        zipped: An archive, not a folder.
        files: Places in the study, 0 to 255, and contents. Places behind the last file are new ones.
        raw: The archive itself, instead of all else.
    """

    base: Base
    zipped: bool
    files: tuple[tuple[int, bytes], ...]
    raw: bytes | None = None

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Any bytes are a parcel."""
        flags, rest = (data[0], data[1:]) if data else (0, b"")
        if flags & 8:
            return cls(Base.NOTHING, zipped=True, files=(), raw=rest)
        files = []
        while len(rest) >= _HEAD.size:
            place, length = _HEAD.unpack_from(rest)
            files.append((place, rest[_HEAD.size : _HEAD.size + length]))
            rest = rest[_HEAD.size + length :]
        return cls(Base((flags >> 1) % len(Base)), zipped=bool(flags & 1), files=tuple(files))

    def to_bytes(self) -> bytes:
        """The inverse of `of`; contents are cut where they are longer than a parcel can say."""
        if self.raw is not None:
            return b"\x08" + self.raw
        parts = [bytes([self.base << 1 | self.zipped])]
        for place, content in self.files:
            parts += [_HEAD.pack(place, len(content[:0xFFFF])), content[:0xFFFF]]
        return b"".join(parts)

    def unpack(self, folder: Path, studies: Mapping[Base, Sequence[bytes]]) -> tuple[Path, frozenset[str]]:
        """Writes the study.

        Returns:
            Where it is, and the names of the files that are not as in a whole study.
        """
        path = folder / "study"
        if self.raw is not None:
            path.write_bytes(self.raw)
            return path, frozenset()
        contents = {f"{place:03d}": content for place, content in enumerate(studies[self.base])}
        changed = {f"{place % (len(contents) + 3):03d}": content for place, content in self.files}
        contents |= changed
        if self.zipped:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in contents.items():
                    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        else:
            path.mkdir()
            for name, content in contents.items():
                (path / name).write_bytes(content)
        return path, frozenset(changed)
