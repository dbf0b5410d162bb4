"""What a user asks for: the spec of a cohort. Valid once constructed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from imaging.brainmap.builtin import BUILTIN_VOLUME_RANGE_ML
from imaging.brainmap.edit import MAX_ELASTIC_SHARE, MAX_SHIFT_MM
from imaging.brainmap.library import is_digest
from imaging.brainmap.propose import EditRanges
from imaging.modality import Modality
from imaging.phantom.lesion import Enhancement
from serving.batch.spec.fields import ORDERED, Layout, NearSource, Rule, WantedSide, Within, broken, broken_at
from serving.batch.spec.libraries import SpecPlace

MAX_CASES = 100_000
MAX_SEED = 2**32 - 1
MAX_SOURCES = 64
MAX_WEIGHT = 1e6
VOLUME_LIMITS_ML = (0.5, 400.0)
"""Of a whole tumour: from a few voxels across to more than a quarter of a brain."""
MIX_TOLERANCE = 1e-6
"""By how much the shares of a mix may miss 1."""
DRAWING_VERSION = 1
"""Of how cases are drawn from a spec. Another one gives other cases, so it is part of the digest."""

_RANGES = EditRanges()
MAX_ELASTIC_MM = MAX_ELASTIC_SHARE * _RANGES.elastic_scale_mm[0]
"""A stronger field would fold at the scale at which it is drawn."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_GENERATOR = re.compile(r"[a-z0-9_]{1,40}")
_Weight = Annotated[float, Within(0, MAX_WEIGHT)]
_Share = Annotated[float, Within(0, 1)]
_Shift = Annotated[float, Within(0, MAX_SHIFT_MM)]
_Elastic = Annotated[float, Within(0, MAX_ELASTIC_MM)]
_Volume = Annotated[float, Within(*VOLUME_LIMITS_ML)]


class SpecModel(BaseModel):
    """Base of a spec's parts: immutable, typed strictly, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BuiltinEntry(SpecModel):
    """Maps of the built-in source: nobody's brain, with a tumour that is grown for each case."""

    kind: Literal["builtin"] = Field(default="builtin", description="Nobody's brain.")
    weight: _Weight = Field(
        default=1.0, description="Share of the cases drawn from here, relative to the other sources."
    )


class LibraryEntry(SpecModel):
    """Maps of a library that `glioserve maps build` made from labelled exams."""

    kind: Literal["library"] = Field(default="library", description="A library of brain maps.")
    weight: _Weight = Field(
        default=1.0, description="Share of the cases drawn from here, relative to the other sources."
    )
    path: Annotated[Path, Rule("must name a folder", lambda path: path != Path())] = Field(
        description="The library's folder, relative to the spec's."
    )
    digest: Annotated[str, Rule("must be 64 lower-case hex digits", is_digest)] | None = Field(
        default=None,
        description="The library's digest; another library at this path is refused. Filled in when not given.",
    )

    _place: SpecPlace = PrivateAttr(default=SpecPlace(Path()))

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, D102  # the signature is pydantic's
        if isinstance(context, SpecPlace):
            self._place = context

    @model_validator(mode="after")
    def _look_at_library(self) -> Self:
        try:
            library = self._place.open(self.path)
        except PydanticCustomError as fault:
            raise broken_at(["path"], fault, self.path.as_posix()) from None
        digest = self.digest if library is None else library.digest
        if digest is None:
            rule = "must be given, as the library is not at hand"
            raise broken_at(["digest"], broken(rule, got="nothing"), None)
        if self.digest not in {None, digest}:
            rule = f"must be that of the library at this path, {digest}"
            raise broken_at(["digest"], broken(rule), self.digest)
        object.__setattr__(self, "digest", digest)
        return self

    @property
    def folder(self) -> Path:
        """Where the library is, as far as this process can tell."""
        return (self._place.folder or Path()) / self.path


class EnhancementMix(SpecModel):
    """Shares of the sub-region mix; they add up to 1. What is left out has none."""

    ring: _Share = Field(default=0.0, description="Share of tumours with a rim of uptake around necrosis.")
    nodular: _Share = Field(default=0.0, description="Share of tumours with solid uptake.")
    none: _Share = Field(default=0.0, description="Share of tumours without uptake: they have no ET.")

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        total = sum(self.shares.values())
        if abs(total - 1) > MIX_TOLERANCE:
            raise broken("must hold shares that add up to 1", got=f"a sum of {total:g}")
        return self

    @property
    def shares(self) -> Mapping[Enhancement, float]:
        """The share of each kind."""
        return MappingProxyType({kind: float(getattr(self, kind.value)) for kind in Enhancement})


class LesionSpec(SpecModel):
    """What the tumours are like. `shift_mm` and what follows are edits of library maps."""

    volume_ml: Annotated[tuple[_Volume, _Volume], ORDERED] = Field(
        default=(10.0, 120.0),
        description="Smallest and largest volume of the whole tumour; drawn so that each doubling is as likely.",
    )
    side: WantedSide = Field(default=WantedSide.ANY, description="The hemisphere that holds more of it.")
    enhancement: EnhancementMix = Field(
        default=EnhancementMix(ring=0.6, nodular=0.2, none=0.2),
        description="Shares of the ways to take up contrast agent.",
    )
    shift_mm: Annotated[tuple[_Shift, _Shift], ORDERED] = Field(
        default=_RANGES.shift_mm, description="Least and largest distance by which the tumour is moved."
    )
    depth_mm: _Shift = Field(
        default=_RANGES.depth_mm, description="Least distance of the moved tumour's middle from the brain's surface."
    )
    rotation_deg: Annotated[float, Within(0, 180)] = Field(
        default=_RANGES.rotation_deg, description="Largest rotation about each axis, either way."
    )
    elastic_mm: Annotated[tuple[_Elastic, _Elastic], ORDERED] = Field(
        default=_RANGES.elastic_mm,
        description="Least and largest elastic displacement, which changes the tumour's shape.",
    )
    mirror: bool = Field(default=_RANGES.mirror, description="Whether every second map is mirrored, left to right.")


class ReplicaSpec(SpecModel):
    """What becomes of cases that resemble a training patient. Replicas are quarantined in any case."""

    near_source: NearSource = Field(
        default=NearSource.RELEASE,
        description="What becomes of cases that lie near the training patient whose own map they were drawn from.",
    )


class CohortSpec(SpecModel):
    """A cohort as it is asked for. Case i is a function of this, of the generator and of i alone."""

    name: Annotated[
        str,
        Rule("must be 1 to 40 of a-z, 0-9 and -, a letter or digit at both ends", _NAME.fullmatch),
    ] = Field(description="Names the cohort.")
    cases: Annotated[int, Within(1, MAX_CASES)] = Field(
        description="How many cases. A larger number later adds cases and keeps those that are there."
    )
    seed: Annotated[int, Within(0, MAX_SEED)] = Field(default=0, description="Another seed gives other cases.")
    sources: Annotated[
        tuple[Annotated[BuiltinEntry | LibraryEntry, Field(discriminator="kind")], ...],
        Rule(f"must hold 1 to {MAX_SOURCES} sources", lambda sources: 1 <= len(sources) <= MAX_SOURCES),
        Rule("must hold a weight above 0", lambda sources: any(source.weight > 0 for source in sources)),
    ] = Field(description="Where brain maps come from: each case draws one of these, by weight.")
    lesion: LesionSpec = Field(default=LesionSpec(), description="What the tumours are like.")
    layout: Layout = Field(default=Layout.BRATS_2023, description="How the files are named and laid out.")
    modalities: Annotated[
        tuple[Modality, ...], Rule("must name 1 to 4, each once", lambda names: 1 <= len(names) == len(set(names)))
    ] = Field(
        default=tuple(Modality),
        description="Which contrasts are written. Fewer than four only for `nnunet_raw`, whose channels they number in "
        "this order.",
    )
    generator: Annotated[str, Rule("must be 1 to 40 of a-z, 0-9 and _", _GENERATOR.fullmatch)] = Field(
        default="joint", description="What draws: `joint` stands for `generator_joint` of the model repository."
    )
    replicas: ReplicaSpec = Field(
        default=ReplicaSpec(), description="What becomes of cases that resemble a training patient."
    )

    @field_validator("lesion")
    @classmethod
    def _can_be_grown(cls, lesion: LesionSpec, info: ValidationInfo) -> LesionSpec:
        low, high = BUILTIN_VOLUME_RANGE_ML
        grown = any(isinstance(source, BuiltinEntry) and source.weight > 0 for source in info.data.get("sources", ()))
        if grown and not low <= lesion.volume_ml[0] <= lesion.volume_ml[1] <= high:
            rule = f"must be {low:g} to {high:g}, which is what the source builtin can grow"
            got = f"{lesion.volume_ml[0]:g} to {lesion.volume_ml[1]:g}"
            raise broken_at(["volume_ml"], broken(rule, got=got), None)
        return lesion

    @field_validator("modalities")
    @classmethod
    def _suit_layout(cls, modalities: tuple[Modality, ...], info: ValidationInfo) -> tuple[Modality, ...]:
        layout = info.data.get("layout")
        if layout is not None and not layout.takes_fewer_modalities and len(modalities) < len(Modality):
            raise broken(f"must hold all of {', '.join(Modality)}, as readers of {layout.value} need them")
        return modalities

    @property
    def digest(self) -> str:
        """sha256 of what case i follows from, beside the generator's own digest and i: lower-case hexadecimal.

        In it: the seed, the sources (a library by its digest, wherever it lies), the lesions, the generator's name, and
        `DRAWING_VERSION`. Not in it: `name`; `cases`, so that a cohort can be enlarged; `layout` and `modalities`,
        which decide how a case is written, not what it shows; `replicas`, which decides where it goes.
        """
        part = {
            "drawing": DRAWING_VERSION,
            "seed": self.seed,
            "generator": self.generator,
            "sources": [source.model_dump(mode="json", exclude={"path"}) for source in self.sources],
            "lesion": self.lesion.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(part, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def to_yaml(self) -> str:
        """The whole spec with nothing left to defaults, libraries pinned by their digests; `parse_spec` reads it."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, default_flow_style=None, width=120))
