"""From what a caller sends to an order that can be carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from serving.batch.sources import SourceCatalog
from serving.batch.spec import CohortSpec, LibraryEntry, SpecError, SpecFault, parse_spec
from serving.cohorts.errors import CohortOrderError
from serving.cohorts.job import JobOrder
from serving.cohorts.names import check_id, id_of

SPEC_NAME = "cohort.yaml"
"""How a spec is called in errors: the caller's own name of the file is never sent."""
_MAX_OUTPUT = 512
_S3 = "s3://"


@dataclass(frozen=True)
class OrderPolicy:
    """What this server takes.

    Args:
        place: Where the cohort of an id goes whose caller names no place.
        maps: The folder below which map libraries must lie; None where there are none.
        bucket: The s3:// URL below which callers may place outputs; None where they may not.
        shards: Of an order that states no number.
        max_shards: Of any order.

    Raises:
        CohortOrderError: The two numbers contradict each other.
    """

    place: Callable[[str], str]
    maps: Path | None = None
    bucket: str | None = None
    shards: int = 1
    max_shards: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= self.max_shards:
            raise CohortOrderError("shards", f"must be 1 to {self.max_shards}", f"{self.shards}")


def take_order(text: str, *, cohort: str, output: str, shards: int, policy: OrderPolicy) -> JobOrder:
    """The order that a caller gives. Reads the libraries that the spec names.

    Args:
        text: The spec, YAML.
        cohort: Its id; empty for one made of the spec.
        output: An s3:// URL; empty for the server's own place.
        shards: Processes that share the work; 0 for the server's number.
        policy: What this server takes.

    Raises:
        SpecError: The spec has faults: all of them, with their places.
        CohortOrderError: Something else of the order is impossible here.
    """
    if shards > policy.max_shards:
        raise CohortOrderError("shards", f"must be at most {policy.max_shards}", f"{shards}")
    spec = parse_spec(text, name=SPEC_NAME, folder=policy.maps, confined=True)
    if policy.maps is None and any(isinstance(source, LibraryEntry) for source in spec.sources):
        rule = "must be builtin, as this server has no libraries of maps (GLIOSERVE_COHORT_MAPS is not set)"
        raise SpecError(SPEC_NAME, [SpecFault(0, 0, "sources", rule, "a library")])
    SourceCatalog.open(spec)  # that a library can't give what is asked of it is said now, not by the job
    digest = spec_sha256(spec)
    name = check_id(cohort) if cohort else id_of(spec.name, digest)
    return JobOrder(
        id=name,
        name=spec.name,
        spec=_portable(spec),
        spec_sha256=digest,
        cases=spec.cases,
        output=_below(output, policy.bucket) if output else policy.place(name),
        shards=shards or policy.shards,
    )


def spec_sha256(spec: CohortSpec) -> str:
    """sha256 of all that a spec says, in lower-case hexadecimal.

    Unlike `CohortSpec.digest` it tells cohorts apart of which one has more cases, or another layout. A library counts
    by its content, wherever it lies.
    """
    said = spec.model_dump(mode="json", exclude={"sources": {"__all__": {"path"}}})
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _portable(spec: CohortSpec) -> str:
    """The spec with absolute paths, so that it can be read from any folder."""
    said = spec.model_dump(mode="json")
    for written, source in zip(said["sources"], spec.sources, strict=True):
        if isinstance(source, LibraryEntry):
            written["path"] = str(source.folder.resolve())
    return str(yaml.safe_dump(said, sort_keys=False, default_flow_style=None, width=120))


def _below(output: str, bucket: str | None) -> str:
    """An output that a caller names, if it may."""
    if bucket is None:
        raise CohortOrderError("output", "must be empty, as this server chooses where cohorts go", "a place")
    prefix = bucket.rstrip("/") + "/"
    if not output.startswith(prefix):
        raise CohortOrderError("output", f"must begin with {prefix}", "another place")
    if len(output) > _MAX_OUTPUT or not output.isascii() or not output.isprintable() or " " in output:
        raise CohortOrderError("output", f"must be at most {_MAX_OUTPUT} ASCII characters without spaces", "others")
    parts = output.removeprefix(prefix).removesuffix("/").split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise CohortOrderError("output", f"must name a place below {prefix}", "a path that leads elsewhere")
    return output.removesuffix("/")
