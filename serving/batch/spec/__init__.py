"""The spec of a cohort: what a user asks for, read from YAML with every fault at its line and column."""

from serving.batch.spec.errors import SpecError, SpecFault
from serving.batch.spec.fields import Layout, NearSource, WantedSide
from serving.batch.spec.load import load_spec, parse_spec
from serving.batch.spec.models import BuiltinEntry, CohortSpec, EnhancementMix, LesionSpec, LibraryEntry, ReplicaSpec

__all__ = [
    "BuiltinEntry",
    "CohortSpec",
    "EnhancementMix",
    "Layout",
    "LesionSpec",
    "LibraryEntry",
    "NearSource",
    "ReplicaSpec",
    "SpecError",
    "SpecFault",
    "WantedSide",
    "load_spec",
    "parse_spec",
]
