"""The client of glioserve: glioma MRI segmentation over gRPC. Research software, not a medical device."""

from glioserve.aio import AsyncClient
from glioserve.case_folder import find_case
from glioserve.channel import TlsConfig
from glioserve.client import Client
from glioserve.cohort_calls import AsyncCohorts, Cohorts
from glioserve.cohorts import Cohort, CohortPhase
from glioserve.conventions import MetricConventions
from glioserve.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AmbiguousModalityError,
    CancelledError,
    ClosedClientError,
    DeadlineError,
    GlioserveError,
    IncompatibleServerError,
    InputFault,
    InvalidInputError,
    InvalidSpecError,
    LocalInputError,
    MissingModalityError,
    NotFoundError,
    OutputError,
    ProtocolError,
    ServerBusyError,
    ServerError,
    ServerUnavailableError,
    SpecFault,
)
from glioserve.exam_files import Case, ExamFiles, Reference
from glioserve.label_map import LabelMap
from glioserve.outputs import write_outputs
from glioserve.progress import Progress, Queued
from glioserve.results import (
    EvaluationResult,
    GeneratorInfo,
    ModelInfo,
    RegionMetrics,
    RegionVolume,
    SegmentationResult,
    ServerInfo,
    StageTiming,
)
from glioserve.synthesis import BuiltinMap, MapEdit, SyntheticExam, SyntheticVolume
from glioserve.terms import (
    EmptyMaskPolicy,
    Enhancement,
    Hd95Definition,
    Health,
    LabelScheme,
    MetricStatus,
    Modality,
    Region,
    Side,
    SpecificityDomain,
)
from glioserve.version import __version__

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "AmbiguousModalityError",
    "AsyncClient",
    "AsyncCohorts",
    "BuiltinMap",
    "CancelledError",
    "Case",
    "Client",
    "ClosedClientError",
    "Cohort",
    "CohortPhase",
    "Cohorts",
    "DeadlineError",
    "EmptyMaskPolicy",
    "Enhancement",
    "EvaluationResult",
    "ExamFiles",
    "GeneratorInfo",
    "GlioserveError",
    "Hd95Definition",
    "Health",
    "IncompatibleServerError",
    "InputFault",
    "InvalidInputError",
    "InvalidSpecError",
    "LabelMap",
    "LabelScheme",
    "LocalInputError",
    "MapEdit",
    "MetricConventions",
    "MetricStatus",
    "MissingModalityError",
    "Modality",
    "ModelInfo",
    "NotFoundError",
    "OutputError",
    "Progress",
    "ProtocolError",
    "Queued",
    "Reference",
    "Region",
    "RegionMetrics",
    "RegionVolume",
    "SegmentationResult",
    "ServerBusyError",
    "ServerError",
    "ServerInfo",
    "ServerUnavailableError",
    "Side",
    "SpecFault",
    "SpecificityDomain",
    "StageTiming",
    "SyntheticExam",
    "SyntheticVolume",
    "TlsConfig",
    "__version__",
    "find_case",
    "write_outputs",
]
