"""Whether a cohort may be written to a folder: one folder, one cohort."""

from __future__ import annotations

from collections.abc import Iterable

from serving.batch.ledger import MANIFEST_FILE, SPEC_FILE, Ledger
from serving.batch.making import CaseMaker
from serving.batch.spec import CohortSpec, parse_spec
from serving.batch.storage import MissingFileError, OutputFolder
from serving.errors import Cause, ServingError
from serving.synthesis.provenance import Provenance


class AnotherCohortError(ServingError):
    """The folder holds another cohort, or this one made by other means. Nothing in it was touched."""

    cause = Cause.PRECONDITION


def stored_spec(folder: OutputFolder) -> CohortSpec | None:
    """The spec of the cohort in a folder, as its `cohort.yaml` says; None where there is none.

    Libraries are not looked at.

    Raises:
        AnotherCohortError: The file is no spec that this version reads.
        StorageError: The folder can't be read.
    """
    try:
        text = folder.read(SPEC_FILE)
    except MissingFileError:
        return None
    try:
        return parse_spec(text, name=SPEC_FILE, folder=None)
    except ServingError as error:
        rule = f"in the folder must be the spec of a cohort: {error.field} {error.rule}"
        raise AnotherCohortError(SPEC_FILE, rule, error.got) from None


def claim(ledger: Ledger, spec: CohortSpec) -> None:
    """Make a folder that of a cohort: `cohort.yaml` is written, unless it is there.

    Raises:
        AnotherCohortError: Another cohort is there, or one of more cases.
        StorageError: The folder can't be written.
    """
    folder = ledger.folder
    there = stored_spec(folder)
    if there is not None:
        check_same(there, spec)
    if beyond := [index for index in ledger.fates().all if index >= spec.cases]:
        least = max(beyond) + 1
        raise AnotherCohortError("cases", f"must be at least the {least} that the folder has", f"{spec.cases}")
    text = spec.to_yaml().encode()
    if there is None or there.to_yaml().encode() != text:
        # The manifest says that a cohort is finished: one that is enlarged no longer is.
        folder.remove(MANIFEST_FILE)
        folder.write(SPEC_FILE, text)


def check_same(there: CohortSpec, spec: CohortSpec) -> None:
    """Check that two specs are of one cohort: they may differ in the number of cases and in where libraries lie.

    Raises:
        AnotherCohortError: They are not.
    """
    for field, one, other in (
        ("name", there.name, spec.name),
        ("layout", there.layout.value, spec.layout.value),
        ("modalities", ", ".join(there.modalities), ", ".join(spec.modalities)),
        ("replicas", there.replicas.near_source.value, spec.replicas.near_source.value),
        ("spec", there.digest, spec.digest),
    ):
        if one != other:
            raise AnotherCohortError(field, f"must be that of the cohort in the folder, {one}", other)


def check_made_alike(provenances: Iterable[Provenance], spec: CohortSpec, maker: CaseMaker) -> None:
    """Check that cases which are there were made as the others will be.

    Raises:
        AnotherCohortError: By another spec, another generator, or judged by another index of replicas.
    """
    for provenance in provenances:
        digest = provenance.cohort.digest if provenance.cohort is not None else "none"
        judged_by = provenance.replica.index if provenance.replica is not None else "none"
        for field, one, other in (
            ("spec", digest, spec.digest),
            ("generator", provenance.generator.sha256, maker.generator.sha256),
            ("replicas.npz", judged_by, maker.judged_by or "none"),
        ):
            if one != other:
                raise AnotherCohortError(field, f"must be that of {provenance.case_id} in the folder, {one}", other)
