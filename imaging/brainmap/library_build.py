"""Builds a library of brain maps from labelled exams. A build that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from imaging.brainmap.library import INDEX, LibraryError, MapEntry, MapLibrary, map_path, write_index, write_map
from imaging.brainmap.maps import BrainMap
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.errors import ImagingError
from imaging.modality import Modality
from imaging.pipeline.check import check_exam

PROGRESS = "building.jsonl"
"""What is done while a library is built: a line per exam, by a digest of its files. Deleted at the end."""


def build_library(
    cases: Sequence[BratsCase], folder: Path, *, on_case: Callable[[MapEntry], None] = lambda _: None
) -> MapLibrary:
    """Make the maps of labelled exams into a library.

    Each map is written as soon as it is made, the list last, so that the folder becomes a library at once. A build
    that was stopped goes on with the exams that are left; a build that was done is found to be so. Exams that give
    the same map become one entry. Nothing that is written names a patient, nor does an error: exams are counted.

    Args:
        cases: Skull-stripped, 1 mm, with labels of a known scheme; at least one.
        folder: Where the library comes to be, made if need be.
        on_case: Told of each exam's map, in the order of `cases`.

    Raises:
        LibraryError: There is no case; an exam can't be read, has no labels or no tumour, is not skull-stripped
            (`case 3 of 30: ...`); or the folder holds a library of other exams.
        OSError: The folder can't be written.
    """
    if not cases:
        raise LibraryError("cases", "must be at least one", "none")
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for number, case in enumerate(cases, start=1):
        with _named(number, len(cases)):
            sources.append(_digest_files(case))
    sources_digest = hashlib.sha256("\n".join(sorted(set(sources))).encode()).hexdigest()
    if (folder / INDEX).exists():
        return _finished(folder, sources_digest)
    progress = _Progress(folder)
    entries = []
    for number, (case, source) in enumerate(zip(cases, sources, strict=True), start=1):
        entry = progress.entry(source)
        if entry is None:
            with _named(number, len(cases)):
                brain_map = _read_map(case)
            entry = write_map(folder, brain_map)
            progress.add(source, entry)
        entries.append(entry)
        on_case(entry)
    library = write_index(folder, entries, sources_digest=sources_digest)
    progress.delete()
    return library


def _finished(folder: Path, sources_digest: str) -> MapLibrary:
    library = MapLibrary.open(folder)
    if library.sources_digest != sources_digest:
        got = f"one of {len(library.entries)} maps"
        raise LibraryError("folder", "must not hold a library of other exams or labels", got)
    return library


def _read_map(case: BratsCase) -> BrainMap:
    regions = load_reference(case)
    exam = load_exam(case)
    check_exam(exam, needed=tuple(Modality))
    brain_map = BrainMap.of_exam(exam, regions)
    if not brain_map.lesion.any():
        raise LibraryError("reference", "must show a tumour inside the brain", "none")
    return brain_map


def _digest_files(case: BratsCase) -> str:
    """SHA-256 of the files of an exam and of how its labels are read."""
    digest = hashlib.sha256(f"{case.label_scheme}\n".encode())
    for modality in Modality:
        digest.update(_digest_file(case.files[modality]))
    if case.reference is not None:
        digest.update(_digest_file(case.reference))
    return digest.hexdigest()


def _digest_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def _named(number: int, total: int) -> Iterator[None]:
    """Faults of an exam say which one it is, by its place; its name may be a patient's."""
    place = f"case {number} of {total}: "
    try:
        yield
    except ImagingError as error:
        raise LibraryError(place + error.field, error.rule, error.got) from None
    except OSError as error:
        raise LibraryError(f"{place}file", "must be readable", error.strerror or type(error).__name__) from None


class _Progress:
    """The exams whose maps are in the folder.

    Args:
        folder: Of the library to be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / PROGRESS
        self._entries: dict[str, MapEntry] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
                self._take(line)

    def entry(self, source: str) -> MapEntry | None:
        """The entry of an exam whose map is there."""
        entry = self._entries.get(source)
        return entry if entry is not None and map_path(self._folder, entry.digest).is_file() else None

    def add(self, source: str, entry: MapEntry) -> None:
        """Note an exam."""
        # The line before may lack its end, where a build was killed.
        line = json.dumps({"source": source, "entry": asdict(entry)})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    def delete(self) -> None:
        """Forget all."""
        self._path.unlink(missing_ok=True)

    def _take(self, line: str) -> None:
        """A line that was cut off says nothing: its exam is read anew."""
        try:
            data = json.loads(line)
            self._entries[data["source"]] = MapEntry.from_json(data["entry"])
        except (ValueError, KeyError, TypeError):
            return
