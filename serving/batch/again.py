"""One case again, from its provenance alone, to see that it comes out the same."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from imaging.brainmap.builtin import builtin_map
from imaging.brainmap.maps import BrainMap
from imaging.synthesis.case import BuiltinSource, Source
from serving.batch.files import QUARANTINE, CasePaths, encode_case
from serving.batch.layouts import RULES, layout_of
from serving.batch.ledger import sha256
from serving.batch.served import Studio, StudioSettings
from serving.batch.sources import SourceCatalog
from serving.batch.storage import open_folder
from serving.errors import Cause, ServingError
from serving.inference.networks import GENERATOR_PREFIX
from serving.synthesis.provenance import LibraryRecord, Provenance, case_plan_of


class AgainError(ServingError):
    """A case that can't be made again here."""

    cause = Cause.PRECONDITION


@dataclass(frozen=True)
class AgainReport:
    """What came out.

    Args:
        case_id: The case.
        agree: Of each file, whether it has the checksum that the provenance gives.
    """

    case_id: str
    agree: Mapping[str, bool]

    @property
    def is_same(self) -> bool:
        """Whether all do."""
        return all(self.agree.values())


def generator_of(provenance: Provenance) -> str:
    """What the generator of a case is asked for by, e.g. `joint`."""
    return provenance.generator.name.removeprefix(GENERATOR_PREFIX)


def make_again(
    provenance: Provenance,
    out: str,
    studio: StudioSettings,
    sources: SourceCatalog | None,
    *,
    stopping: threading.Event,
) -> AgainReport:
    """Make a case again, with its files at the same paths.

    Args:
        provenance: Of the case.
        out: Where it goes: a path or a URL.
        studio: How its generator is had.
        sources: The libraries of a spec; None where there is none, which built-in maps do without.
        stopping: Once set, it is given up.

    Raises:
        AgainError: The case is no cohort's, its map is not to be had, or another generator is served.
        StoppedError: `stopping` was set.
        ImagingError: The map can't take the edit.
        StorageError: The folder can't be written.
        ServingError: The generator can't be had.
    """
    layout = layout_of(provenance.case_id)
    if layout is None or provenance.cohort is None:
        raise AgainError("provenance", "must be that of a cohort's case", "another")
    plan = case_plan_of(provenance)
    with studio.open(stopping) as opened:
        _check_generator(provenance, opened)
        library = provenance.source.library if isinstance(provenance.source, LibraryRecord) else None
        source_map = _map_of(plan.source, sources)
        made = opened.make(plan, source_map, library=library, cohort=provenance.cohort)
    modalities = provenance.cohort.modalities
    if any(path.startswith(f"{QUARANTINE}/") for path in provenance.files):
        paths = CasePaths.quarantined(provenance.case_id, modalities)
    else:
        paths = CasePaths.released(RULES[layout], provenance.case_id, modalities)
    files = encode_case(made.case, RULES[layout].scheme, paths)
    folder = open_folder(out)
    for path, content in files.items():
        folder.write(path, content)
    named = provenance.files.keys() | files.keys()
    agree = {path: path in files and sha256(files[path]) == provenance.files.get(path) for path in sorted(named)}
    return AgainReport(provenance.case_id, agree)


def _check_generator(provenance: Provenance, studio: Studio) -> None:
    if studio.generator.sha256 != provenance.generator.sha256:
        rule = f"must be that of the case, {provenance.generator.name} {provenance.generator.sha256}"
        raise AgainError("generator", rule, studio.generator.sha256)


def _map_of(source: Source, sources: SourceCatalog | None) -> BrainMap:
    if isinstance(source, BuiltinSource):
        return builtin_map(source)
    if sources is None:
        raise AgainError("map", "of a library needs the spec that names the library", "no spec")
    return sources.load(source)
