"""The client of glioserve: glioma MRI segmentation over gRPC. Research software, not a medical device."""

from glioserve.aio import AsyncClient
from glioserve.case_folder import find_case
from glioserve.channel import TlsConfig
from glioserve.client import Client
from glioserve.conventions import MetricConventions
from glioserve.errors import (
    AccessDeniedError,
    AmbiguousModalityError,
    CancelledError,
    ClosedClientError,
    DeadlineError,
    GlioserveError,
    IncompatibleServerError,
    InputFault,
    InvalidInputError,
    LocalInputError,
    MissingModalityError,
    OutputError,
    ProtocolError,
    ServerBusyError,
    ServerError,
    ServerUnavailableError,
)
from glioserve.exam_files import Case, ExamFiles, Reference
from glioserve.label_map import LabelMap
from glioserve.outputs import write_outputs
from glioserve.progress import Progress, Queued
from glioserve.results import (
    EvaluationResult,
    ModelInfo,
    RegionMetrics,
    RegionVolume,
    SegmentationResult,
    ServerInfo,
    StageTiming,
)
from glioserve.terms import (
    EmptyMaskPolicy,
    Hd95Definition,
    Health,
    LabelScheme,
    MetricStatus,
    Modality,
    Region,
    SpecificityDomain,
)
from glioserve.version import __version__

__all__ = [
    "AccessDeniedError",
    "AmbiguousModalityError",
    "AsyncClient",
    "CancelledError",
    "Case",
    "Client",
    "ClosedClientError",
    "DeadlineError",
    "EmptyMaskPolicy",
    "EvaluationResult",
    "ExamFiles",
    "GlioserveError",
    "Hd95Definition",
    "Health",
    "IncompatibleServerError",
    "InputFault",
    "InvalidInputError",
    "LabelMap",
    "LabelScheme",
    "LocalInputError",
    "MetricConventions",
    "MetricStatus",
    "MissingModalityError",
    "Modality",
    "ModelInfo",
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
    "SpecificityDomain",
    "StageTiming",
    "TlsConfig",
    "__version__",
    "find_case",
    "write_outputs",
]
