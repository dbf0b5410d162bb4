"""Libraries: folders of brain maps, each under its digest, with a list of what they hold. They name no patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from imaging.atomic import write_atomic
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.measures import measure
from imaging.brainmap.store import MAX_FILE_BYTES, decode_map, digest_map, encode_map
from imaging.errors import ImagingError
from imaging.nifti.limits import MIB
from imaging.phantom.lesion import Enhancement
from imaging.synthesis.side import Side

INDEX = "library.json"
"""Written last: a folder with it is complete."""
FORMAT = "glioserve brain maps"
VERSION = 1
_MAX_INDEX_BYTES = 64 * MIB
_DIGEST_DIGITS = 64


class LibraryError(ImagingError):
    """A folder that is not a whole library of brain maps, or exams that can't become one."""


@dataclass(frozen=True)
class MapEntry:
    """What a library tells of one map. Valid once constructed.

    Args:
        digest: Its name: SHA-256 of what it holds, as `digest_map` tells it.
        enhancement: How the tumour takes up contrast agent.
        wt_ml: Volume of the whole tumour, above 0.
        tc_ml: Volume of its core.
        et_ml: Volume of what enhances.
        side: The hemisphere that holds more of it.

    Raises:
        LibraryError: A value is none that a map can have.
    """

    digest: str
    enhancement: Enhancement
    wt_ml: float
    tc_ml: float
    et_ml: float
    side: Side

    def __post_init__(self) -> None:
        if not is_digest(self.digest):
            raise LibraryError("digest", f"must be {_DIGEST_DIGITS} hexadecimal digits", repr(self.digest)[:80])
        if not 0.0 <= self.et_ml <= self.tc_ml <= self.wt_ml < float("inf") or self.wt_ml == 0.0:
            got = f"ET {self.et_ml:g}, TC {self.tc_ml:g}, WT {self.wt_ml:g} ml"
            raise LibraryError("volumes", "must be nested and finite, the whole tumour's above 0", got)

    @classmethod
    def of_map(cls, brain_map: BrainMap) -> Self:
        """The entry of a map.

        Raises:
            BrainMapError: The map has no lesion.
        """
        measures = measure(brain_map)
        return cls(
            digest=digest_map(brain_map),
            enhancement=measures.enhancement,
            wt_ml=measures.wt_ml,
            tc_ml=measures.tc_ml,
            et_ml=measures.et_ml,
            side=measures.side,
        )

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401 (whatever a file holds)
        """The entry that `dataclasses.asdict` gave.

        Raises:
            LibraryError: It is none.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(data, dict) or sorted(data) != sorted(names):
            raise LibraryError("entries", f"must be objects with the keys {', '.join(names)}", type(data).__name__)
        volumes = {name: data[name] for name in ("wt_ml", "tc_ml", "et_ml")}
        for name, value in volumes.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise LibraryError(name, "must be a number", type(value).__name__)
        if not isinstance(data["digest"], str):
            raise LibraryError("digest", "must be text", type(data["digest"]).__name__)
        try:
            return cls(data["digest"], Enhancement(data["enhancement"]), **volumes, side=Side(data["side"]))
        except LibraryError:
            raise
        except ValueError as error:
            raise LibraryError("entries", "must hold known words", str(error)[:80]) from None


@dataclass(frozen=True, eq=False)
class MapLibrary:
    """An opened library.

    Args:
        folder: Where it is.
        entries: What it holds, sorted by digest, each digest once, at least one.
        sources_digest: SHA-256 over the exams that it was built from; tells whether others would give another one.
    """

    folder: Path
    entries: tuple[MapEntry, ...]
    sources_digest: str

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a library's list and see that its maps are there.

        Raises:
            LibraryError: The folder is no library, its building did not end, it is damaged, or of a later version.
            OSError: The folder can't be read.
        """
        path = folder / INDEX
        if not path.is_file():
            raise LibraryError("library", f"must be a folder with a {INDEX}", "none")
        size = path.stat().st_size
        if size > _MAX_INDEX_BYTES:
            raise LibraryError(INDEX, f"must be at most {_MAX_INDEX_BYTES} bytes", f"{size}")
        library = cls(folder, *_read_index(path.read_bytes()))
        missing = sum(not map_path(folder, entry.digest).is_file() for entry in library.entries)
        if missing:
            raise LibraryError(
                "library", f"must hold the {len(library.entries)} maps of its list", f"{missing} missing"
            )
        return library

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all maps: the same maps give the same one, whatever they were built from."""
        return hashlib.sha256("\n".join(entry.digest for entry in self.entries).encode()).hexdigest()

    def load(self, digest: str) -> BrainMap:
        """One map, checked against its digest.

        Raises:
            LibraryError: It is not in the list, or is damaged.
            MapFormatError: Its file holds no map.
            OSError: Its file can't be read.
        """
        if digest not in self._digests:
            raise LibraryError("map", f"must be one of the library's {len(self.entries)}", repr(digest)[:80])
        path = map_path(self.folder, digest)
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise LibraryError("map", f"must be at most {MAX_FILE_BYTES} bytes", f"{size}")
        brain_map = decode_map(path.read_bytes())
        if (found := digest_map(brain_map)) != digest:
            raise LibraryError("map", f"must hold what its digest says, {digest[:12]}", found[:12])
        return brain_map

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(entry.digest for entry in self.entries)


def write_map(folder: Path, brain_map: BrainMap) -> MapEntry:
    """Put a map into a folder that is to become a library, whole or not at all.

    Raises:
        BrainMapError: The map has no lesion.
        OSError: It can't be written.
    """
    entry = MapEntry.of_map(brain_map)
    write_atomic(map_path(folder, entry.digest), encode_map(brain_map))
    return entry


def write_index(folder: Path, entries: Iterable[MapEntry], *, sources_digest: str) -> MapLibrary:
    """Make a library of a folder's maps: write its list, whole or not at all.

    Raises:
        LibraryError: There is no entry, or a map is not in the folder.
        OSError: The list can't be written.
    """
    by_digest = {entry.digest: entry for entry in entries}
    index = {
        "format": FORMAT,
        "version": VERSION,
        "sources_digest": sources_digest,
        "entries": [asdict(by_digest[digest]) for digest in sorted(by_digest)],
    }
    content = json.dumps(index, indent=1).encode() + b"\n"
    _read_index(content)
    write_atomic(folder / INDEX, content)
    return MapLibrary.open(folder)


def map_path(folder: Path, digest: str) -> Path:
    """Where the map of a digest is."""
    return folder / f"{digest}.npz"


def is_digest(text: str) -> bool:
    """Whether a text may be a map's digest; nothing else becomes part of a path."""
    return len(text) == _DIGEST_DIGITS and set(text) <= set("0123456789abcdef")


def _read_index(content: bytes) -> tuple[tuple[MapEntry, ...], str]:
    try:
        data: Any = json.loads(content)
    except ValueError:
        raise LibraryError(INDEX, "must be JSON", "something else") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise LibraryError(INDEX, f"must be a list of {FORMAT!r}", "something else")
    if data.get("version") != VERSION:
        raise LibraryError(INDEX, f"must be of version {VERSION}", repr(data.get("version"))[:80])
    if set(data) != {"format", "version", "sources_digest", "entries"} or not isinstance(data["entries"], list):
        raise LibraryError(INDEX, "must hold entries and the digest of their sources", f"{sorted(data)}"[:80])
    if not isinstance(data["sources_digest"], str) or not is_digest(data["sources_digest"]):
        raise LibraryError("sources_digest", f"must be {_DIGEST_DIGITS} hexadecimal digits", "something else")
    entries = tuple(MapEntry.from_json(entry) for entry in data["entries"])
    digests = [entry.digest for entry in entries]
    if not digests or digests != sorted(set(digests)):
        raise LibraryError("entries", "must be sorted by digest, each once, at least one", f"{len(digests)}")
    return entries, data["sources_digest"]
