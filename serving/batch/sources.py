"""The opened sources of a spec: what maps they have, and the maps themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from imaging.brainmap.builtin import builtin_map
from imaging.brainmap.edit import MAX_SCALE, MIN_SCALE
from imaging.brainmap.library import LibraryError, MapEntry, MapLibrary
from imaging.brainmap.maps import BrainMap
from imaging.phantom.lesion import Enhancement
from imaging.synthesis.case import BuiltinSource, Source
from serving.batch.spec import CohortSpec, LesionSpec, LibraryEntry, SpecError, SpecFault


@dataclass(frozen=True, eq=False)
class SourceCatalog:
    """The libraries of a spec, opened. Make it by `open`.

    Args:
        libraries: By the index of their source in the spec. Sources of weight 0 are left out.
        digests: Digest of each library, by its path in the spec.
    """

    libraries: Mapping[int, MapLibrary]
    digests: Mapping[str, str]

    @classmethod
    def open(cls, spec: CohortSpec) -> SourceCatalog:
        """Open the libraries of a spec, and see that each can give every tumour that the spec may want of it.

        Raises:
            SpecError: A library is not there, damaged, or another one than the spec says; or it has no map for a kind
                or a volume that the spec asks for. All such faults at once.
        """
        libraries, digests, faults = {}, {}, []
        for index, entry in enumerate(spec.sources):
            if not isinstance(entry, LibraryEntry) or entry.weight == 0:
                continue
            try:
                library = _open(entry)
            except LibraryError as error:
                faults.append(SpecFault(0, 0, f"sources.{index}.path", f"{error.field} {error.rule}", error.got))
                continue
            libraries[index], digests[entry.path.as_posix()] = library, library.digest
            faults += [
                SpecFault(0, 0, f"sources.{index}.path", rule, got) for rule, got in lacks(library.entries, spec.lesion)
            ]
        if faults:
            raise SpecError(spec.name, faults)
        return cls(MappingProxyType(libraries), MappingProxyType(digests))

    def candidates(self, source: int, enhancement: Enhancement, volume_ml: float) -> tuple[MapEntry, ...]:
        """The maps of a library whose tumour has a kind and can be scaled to a volume, sorted by digest.

        Args:
            source: Index of the library in the spec.
            enhancement: The kind.
            volume_ml: The volume.
        """
        entries = self.libraries[source].entries
        return tuple(entry for entry in entries if entry.enhancement is enhancement and can_reach(entry, volume_ml))

    def load(self, source: Source) -> BrainMap:
        """The map of a source.

        Raises:
            LibraryError: No library has it, or its file is damaged.
            PhantomError: The built-in source can't grow such a tumour.
            OSError: Its file can't be read.
        """
        if isinstance(source, BuiltinSource):
            return builtin_map(source)
        for library in self.libraries.values():
            if any(entry.digest == source.digest for entry in library.entries):
                return library.load(source.digest)
        raise LibraryError("map", "must be in one of the spec's libraries", source.digest[:12])


def lacks(entries: Iterable[MapEntry], lesion: LesionSpec) -> Iterator[tuple[str, str]]:
    """What maps can't give of what a spec wants: rule and what was got, for each kind with a share.

    Args:
        entries: The maps of one library.
        lesion: What is wanted.
    """
    entries = tuple(entries)
    low, high = lesion.volume_ml
    for kind, share in lesion.enhancement.shares.items():
        volumes = sorted(entry.wt_ml for entry in entries if entry.enhancement is kind)
        if share == 0:
            continue
        if not volumes:
            yield f"must hold maps of every kind in lesion.enhancement, {kind.value} among them", "none of that kind"
            continue
        reached = low
        for volume in volumes:
            # The largest volume up to which there is no gap so far.
            if volume * MIN_SCALE**3 <= reached:
                reached = max(reached, volume * MAX_SCALE**3)
        if volumes[0] * MIN_SCALE**3 > low or reached < high:
            rule = f"must hold {kind.value} maps that can be scaled to {low:g} to {high:g} ml"
            yield rule, f"maps of {volumes[0]:.3g} to {volumes[-1]:.3g} ml, scaled by {MIN_SCALE:g} to {MAX_SCALE:g}"


def can_reach(entry: MapEntry, volume_ml: float) -> bool:
    """Whether a map's tumour can be scaled to a volume."""
    return entry.wt_ml * MIN_SCALE**3 <= volume_ml <= entry.wt_ml * MAX_SCALE**3


def _open(entry: LibraryEntry) -> MapLibrary:
    try:
        library = MapLibrary.open(entry.folder)
    except OSError as error:
        got = (error.strerror or type(error).__name__).lower()
        raise LibraryError("library", "must be a folder that can be read", got) from None
    if library.digest != entry.digest:
        raise LibraryError("library", f"must have the digest {entry.digest}", library.digest)
    return library
