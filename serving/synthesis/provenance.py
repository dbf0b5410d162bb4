"""What a synthetic case was made from, and what came of it: enough to make it again, the same bytes on another day."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from imaging.brainmap import measures as lesions
from imaging.brainmap.edit import MapEdit
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.midplane import to_world
from imaging.modality import Modality
from imaging.phantom.lesion import Enhancement
from imaging.replicas.verdict import ReplicaVerdict
from imaging.synthesis.case import BuiltinSource, CasePlan, LibrarySource, Source
from imaging.synthesis.side import Side
from serving.errors import Cause, ServingError
from serving.inference.networks import ServedGenerator

SCHEMA_VERSION: Final = 1
"""Of what `Provenance.to_json` writes. Another one is refused."""
_PACKAGES = ("glioserve-stack", "nibabel", "numpy", "scipy")
"""Whose versions decide what numbers come out of one plan."""


class ProvenanceError(ServingError):
    """A text that is no provenance of a synthetic case, or one of another schema version."""

    cause = Cause.INVALID


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or str(PurePosixPath(path)) != path or "\\" in path:
        raise ValueError("must be a plain path relative to the cohort's folder")
    return path


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""sha256, lower-case hexadecimal."""
RelativePath = Annotated[str, AfterValidator(_inside)]
"""With `/` between its parts, below the cohort's folder."""
_Triple = tuple[float, float, float]


class Record(BaseModel):
    """Base of what provenance holds: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class BuiltinRecord(Record):
    """A map of the built-in source.

    Args:
        seed: As of `BuiltinSource`, like the next three.
        enhancement: How the tumour should take up contrast agent; None where the seed decided.
        volume_ml: Of the whole tumour, aimed at; None where the seed decided.
        side: The hemisphere wanted; None where the seed decided.
        map_digest: Of the map before any edit, as `imaging.brainmap.store.digest_map` tells it.
    """

    kind: Literal["builtin"] = "builtin"
    seed: int = Field(ge=0)
    enhancement: Enhancement | None
    volume_ml: float | None
    side: Side | None
    map_digest: Digest


class LibraryRecord(Record):
    """A map of a library.

    Args:
        map_digest: Of the map before any edit: its name in the library.
        library: Digest of the library; None where the map came by itself.
    """

    kind: Literal["library"] = "library"
    map_digest: Digest
    library: Digest | None


class GeneratorRecord(Record):
    """The network that drew.

    Args:
        name: In the model repository, e.g. `generator_joint`.
        version: There.
        sha256: Of its `model.onnx`.
    """

    name: str
    version: str
    sha256: Digest

    @classmethod
    def of(cls, generator: ServedGenerator) -> GeneratorRecord:
        """The record of a served generator."""
        return cls(name=generator.name, version=generator.version, sha256=generator.sha256)


class CohortRecord(Record):
    """The cohort that a case belongs to, and what the cohort's spec wanted of this case.

    Args:
        name: Of the cohort.
        digest: Of the spec: of all that its cases follow from.
        seed: Of the cohort.
        enhancement: How the tumour should take up contrast agent.
        volume_ml: Of the whole tumour, aimed at.
        side: The hemisphere wanted; None for either.
        attempts: Draws that it took to find a source and an edit which give that, 1 or more.
        modalities: The contrasts that were written, in the order of their channels.
    """

    name: str
    digest: Digest
    seed: int = Field(ge=0)
    enhancement: Enhancement
    volume_ml: float
    side: Side | None
    attempts: int = Field(ge=1)
    modalities: tuple[Modality, ...] = tuple(Modality)


class Measures(Record):
    """What the tumour of a case is, measured on its map.

    Args:
        wt_ml: Volume of the whole tumour.
        tc_ml: Volume of its core.
        et_ml: Volume of what enhances.
        centroid_mm: Middle of the whole tumour in the world, RAS+.
        centroid_share: Where that is in the brain's bounding box, along R, A, S: 0 left, posterior, inferior; 1 right,
            anterior, superior.
        side: The hemisphere that holds more of it.
        enhancement: How its core takes up contrast agent.
    """

    wt_ml: float
    tc_ml: float
    et_ml: float
    centroid_mm: _Triple
    centroid_share: _Triple
    side: Side
    enhancement: Enhancement


class Provenance(Record):
    """One synthetic case. No time, no host and no folder is in it: a case made twice has one provenance.

    Args:
        schema_version: `SCHEMA_VERSION`.
        synthetic: Always: the case shows nobody.
        case_id: Its name.
        index: Its number in the cohort, 0 or more; 0 where it belongs to none.
        cohort: What it belongs to; None for an exam that was asked for alone.
        source: The map that it starts from.
        edit: What was done to that map.
        edit_seed: Of the edit's elastic field.
        generator: What drew it.
        measures: What came out.
        replica: Whether it is a replica of a training patient; None where nothing judged it.
        files: sha256 of each file of the case, by its path relative to the cohort's folder.
        software: Versions of what computed.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    synthetic: Literal[True] = True
    case_id: str
    index: int = Field(ge=0)
    cohort: CohortRecord | None
    source: Annotated[BuiltinRecord | LibraryRecord, Field(discriminator="kind")]
    edit: MapEdit
    edit_seed: int = Field(ge=0)
    generator: GeneratorRecord
    measures: Measures
    replica: ReplicaVerdict | None
    files: Mapping[RelativePath, Digest]
    software: Mapping[str, str]

    def to_json(self) -> str:
        """JSON with sorted keys: the same text for the same case."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=2, ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Provenance:
        """The provenance that `to_json` wrote.

        Raises:
            ProvenanceError: It is none, or of another schema version.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "provenance"
            raise ProvenanceError(where, "must be as this version writes it", _lower(first)) from None


def _lower(fault: Any) -> str:  # noqa: ANN401  # pydantic's typed dictionary
    message = str(fault["msg"])
    return message[:1].lower() + message[1:]


def case_plan_of(provenance: Provenance) -> CasePlan:
    """The plan by which a case can be made again: with the source's map and the generator, nothing else is needed."""
    record = provenance.source
    source: Source
    match record:
        case BuiltinRecord():
            source = BuiltinSource(record.seed, record.enhancement, record.volume_ml, record.side)
        case LibraryRecord():
            source = LibrarySource(record.map_digest)
    return CasePlan(source, provenance.edit, provenance.edit_seed)


def source_record(source: Source, *, map_digest: str, library: str | None) -> BuiltinRecord | LibraryRecord:
    """What provenance says of a source.

    Args:
        source: The source.
        map_digest: Of its map, before any edit.
        library: Digest of the library that holds it; None for the built-in source.

    Raises:
        ProvenanceError: A map of a library comes without its library.
    """
    match source:
        case BuiltinSource(seed, enhancement, volume_ml, side):
            return BuiltinRecord(
                seed=seed, enhancement=enhancement, volume_ml=volume_ml, side=side, map_digest=map_digest
            )
        case LibrarySource(digest):
            if library is None:
                raise ProvenanceError("library", "must be named by its digest", "nothing")
            return LibraryRecord(map_digest=digest, library=library)


def measure(brain_map: BrainMap) -> Measures:
    """Measure a case's map.

    Volumes are rounded to a microlitre, positions to a hundredth of a millimetre, so that the last bits of a machine's
    arithmetic do not show.

    Raises:
        BrainMapError: The map has no lesion.
    """
    lesion = lesions.measure(brain_map)
    centroid = np.argwhere(brain_map.lesion).mean(axis=0, keepdims=True)
    inside = np.argwhere(brain_map.brain)
    low, high = inside.min(axis=0), inside.max(axis=0)
    share = (centroid[0] - low) / np.maximum(high - low, 1)
    return Measures(
        wt_ml=round(float(lesion.wt_ml), 3),
        tc_ml=round(float(lesion.tc_ml), 3),
        et_ml=round(float(lesion.et_ml), 3),
        centroid_mm=_rounded(to_world(centroid, brain_map.grid)[0], 2),
        centroid_share=_rounded(share, 4),
        side=lesion.side,
        enhancement=lesion.enhancement,
    )


def _rounded(values: Any, decimals: int) -> _Triple:  # noqa: ANN401  # an array of three
    # Adding 0 turns a negative zero into a positive one.
    x, y, z = (round(float(value), decimals) + 0.0 for value in values)
    return x, y, z


@cache
def software_versions() -> Mapping[str, str]:
    """Versions of what computes cases, Python's first."""
    return {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES}
