"""The last step of a cohort: what describes it as a whole. Any process may do it, and several at one time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imaging.exam import Exam
from imaging.nifti import read_nifti
from serving.batch.dataset import dataset_json
from serving.batch.files import CasePaths
from serving.batch.layouts import RULES
from serving.batch.ledger import MANIFEST_FILE, SPEC_FILE, CaseFailure, Fate, Fates, Ledger, sha256
from serving.batch.manifest import DamagedCaseError, check_present, manifest_json
from serving.batch.quality import CasePicture, choose_cases, picture_of, render_quality
from serving.batch.spec import CohortSpec
from serving.batch.storage import OutputFolder
from serving.synthesis.provenance import Provenance

DATASET_FILE = "dataset.json"
QUALITY_FILE = "quality.html"


def finish(ledger: Ledger, spec: CohortSpec) -> bool:
    """Write `dataset.json`, `quality.html` and, last, `manifest.json`, if every case has been tried; whether it was.

    The same cohort gives the same bytes, however often and by however many this is done. What killed writers left is
    removed. Files that no cohort of ours has are neither touched nor listed.

    Raises:
        DamagedCaseError: A file of a case is gone, or altered.
        RecordError: A record is damaged.
        StorageError: The folder fails.
    """
    fates = ledger.fates()
    while len(fates.all) == spec.cases:
        _finish(ledger, spec, fates)
        before, fates = fates, ledger.fates()
        if fates == before:
            return True
        # A case that had failed was made meanwhile, and its maker may have finished before we did: once more.
    return False


@dataclass(frozen=True)
class _Records:
    """All records of a cohort, and the checksums of all files that they are or name."""

    released: Sequence[Provenance]
    quarantined: Sequence[Provenance]
    failed: Sequence[CaseFailure]
    digests: Mapping[str, str]

    @classmethod
    def read(cls, ledger: Ledger, fates: Fates) -> _Records:
        digests: dict[str, str] = {}

        def stored(fate: Fate, indices: frozenset[int]) -> Iterator[tuple[int, bytes]]:
            ordered = sorted(indices)
            for index, content in zip(ordered, ledger.stored(fate, ordered), strict=True):
                digests[ledger.path(fate, index)] = sha256(content)
                yield index, content

        def provenances(fate: Fate, indices: frozenset[int]) -> Iterator[Provenance]:
            for index, content in stored(fate, indices):
                provenance = ledger.provenance_from(index, content)
                digests.update(provenance.files)
                yield provenance

        return cls(
            tuple(provenances(Fate.RELEASED, fates.released)),
            tuple(provenances(Fate.QUARANTINED, fates.quarantined)),
            tuple(CaseFailure.from_json(content) for _, content in stored(Fate.FAILED, fates.failed)),
            digests,
        )


def _finish(ledger: Ledger, spec: CohortSpec, fates: Fates) -> None:
    folder = ledger.folder
    records = _Records.read(ledger, fates)
    sizes, digests = folder.sizes(), dict(records.digests)
    check_present(digests, sizes)
    quality = render_quality(
        spec,
        records.released,
        [_picture(folder, spec, provenance) for provenance in choose_cases(records.released)],
        quarantined=records.quarantined,
        failed={failure.index: str(failure) for failure in records.failed},
    )
    documents = {
        DATASET_FILE: dataset_json(
            spec.name, spec.layout, spec.modalities, [provenance.case_id for provenance in records.released]
        ),
        QUALITY_FILE: quality.encode(),
    }
    for path, content in documents.items():
        folder.write(path, content)
    for path, content in (documents | {SPEC_FILE: folder.read(SPEC_FILE)}).items():
        sizes[path], digests[path] = len(content), sha256(content)
    folder.sweep()
    for path in _strays(ledger, spec, fates, digests):
        if path in sizes:
            folder.remove(path)
    folder.write(MANIFEST_FILE, manifest_json(spec, digests, sizes))


def _strays(ledger: Ledger, spec: CohortSpec, fates: Fates, digests: Mapping[str, str]) -> Iterator[str]:
    """Paths that the cohort's cases might have used, and do not: those of a case that was given up half-way."""
    rules = RULES[spec.layout]
    for index in range(spec.cases):
        case_id = rules.case_id(index)
        released = CasePaths.released(rules, case_id, spec.modalities)
        quarantined = CasePaths.quarantined(case_id, spec.modalities)
        yield from (path for path in (*released.all, *quarantined.all) if path not in digests)
        if index not in fates.failed:
            yield ledger.path(Fate.FAILED, index)


def _picture(folder: OutputFolder, spec: CohortSpec, provenance: Provenance) -> CasePicture:
    rules = RULES[spec.layout]
    paths = CasePaths.released(rules, provenance.case_id, spec.modalities)
    volumes = {
        modality: read_nifti(_checked(folder, provenance, path), field=modality.value)
        for modality, path in paths.volumes.items()
    }
    labels = read_nifti(_checked(folder, provenance, paths.labels), field="labels")
    return picture_of(provenance.case_id, Exam(volumes), rules.scheme.to_regions(labels.voxels))


def _checked(folder: OutputFolder, provenance: Provenance, path: str) -> bytes:
    """A file of a case, if it is what the case's record says."""
    content = folder.read(path)
    if sha256(content) != provenance.files.get(path):
        rule = "must be as its record says; --mend makes its case again"
        raise DamagedCaseError(path, rule, "another content")
    return content
