"""`manifest.json`: every file of a finished cohort, its size and its checksum."""

from __future__ import annotations

from collections.abc import Mapping

from serving.batch.ledger import as_json
from serving.batch.spec import CohortSpec
from serving.errors import Cause, ServingError

MANIFEST_VERSION = 1


class DamagedCaseError(ServingError):
    """A file of a case is not what the case's record says."""

    cause = Cause.PRECONDITION


def check_present(digests: Mapping[str, str], sizes: Mapping[str, int]) -> None:
    """Check that all files are there.

    Args:
        digests: Of the files that are to be there, by path.
        sizes: Of the files that are.

    Raises:
        DamagedCaseError: One is not.
    """
    if missing := sorted(digests.keys() - sizes.keys()):
        rule = "must be there, as records say; --mend makes its case again"
        raise DamagedCaseError(missing[0], rule, "1 missing file" if len(missing) == 1 else f"{len(missing)} missing")


def manifest_json(spec: CohortSpec, digests: Mapping[str, str], sizes: Mapping[str, int]) -> bytes:
    """The content of `manifest.json`: files sorted by path, itself left out.

    Args:
        spec: Of the cohort.
        digests: sha256 of each file by its path.
        sizes: Bytes of each of these files, and of any others.
    """
    files = [{"path": path, "bytes": sizes[path], "sha256": digests[path]} for path in sorted(digests)]
    return as_json({"version": MANIFEST_VERSION, "cohort": spec.name, "spec": spec.digest, "files": files})
