"""Everything that can be set, in one typed object: environment `GLIOSERVE_*`, unknown keys refused."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from imaging.nifti import NiftiLimits
from serving.cohorts.runner import RunnerKind
from serving.errors import Cause, ServingError
from serving.inference.engine import Engine
from serving.loopback import is_loopback

PREFIX = "GLIOSERVE_"
FOREIGN_KEYS = frozenset(
    {"GLIOSERVE_BRATS_DIR", "GLIOSERVE_RAW_DIR", "GLIOSERVE_SERVER", "GLIOSERVE_TOKEN_FILE", "GLIOSERVE_IMAGE_TESTS"}
)
"""Keys with our prefix that other programs read: tests and benchmarks, and the client."""
NODE_PREFIX = f"{PREFIX}DICOM_"
"""Of the keys of the DICOM node, which checks them itself."""

Kind = TypeVar("Kind", bound=BaseSettings)

MIB = 1024 * 1024
_LIMITS = NiftiLimits()
_MAX_WORKERS = 64
"""Processes of one cohort on one machine."""


class SettingsError(ServingError):
    """A setting that is unknown, or has a value that it can't have."""

    cause = Cause.PRECONDITION


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """How a line is logged."""

    KEY_VALUE = "key_value"
    """A time, a severity, an event, and its values as `key=value`: for people."""
    JSON = "json"
    """One JSON object: for programs."""


class ProcessSettings(BaseSettings):
    """What the settings of every process here have in common."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line before the environment, and nothing else."""
        return init_settings, env_settings

    def lines(self) -> list[str]:
        """Every setting as `key=value`, for the log."""
        return [f"{key}={'' if value is None else value}" for key, value in self.model_dump(mode="json").items()]


class Settings(ProcessSettings):
    """The settings of one server. Each may be set by the environment, e.g. `GLIOSERVE_WORKERS=4`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True)

    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    port: int = Field(50051, ge=0, le=65535, description="Port of the gateway; 0 takes a free one.")
    metrics_host: str = Field(
        "127.0.0.1", description="Address that the metrics listen on. They are open to all who reach it."
    )
    metrics_port: int = Field(9464, ge=0, le=65535, description="Port of the metrics (HTTP); 0 takes a free one.")
    connection_age_s: float | None = Field(
        None,
        gt=0,
        description="Age at which a connection is closed, calls under way finished first, so that clients learn of new "
        "replicas; of a Triton that `triton` runs as well. When not set, connections stay.",
    )
    health_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of a second listener, without TLS, that answers health and nothing else, for probes that "
        "know no TLS, such as Kubernetes'; 0 takes a free one. When not set, there is none.",
    )
    tls_cert: Path | None = Field(None, description="PEM file of the certificate chain; with tls_key.")
    tls_key: Path | None = Field(None, description="PEM file of the private key; with tls_cert.")
    tls_client_ca: Path | None = Field(
        None,
        description="PEM file of authorities; every client must then show a certificate of theirs (mutual TLS).",
    )
    callers: Path | None = Field(
        None,
        description="File of who may call what, by tokens or certificates. When not set, all who can connect may call.",
    )
    insecure_listen: bool = Field(
        default=False,
        description="Listen on an address that other machines reach without TLS: behind something that has it.",
    )

    engine: Engine = Field(Engine.TRITON, description="What runs the networks.")
    models: Path = Field(Path("models"), description="The model repository.")
    triton: str | None = Field(
        None, description="HOST:PORT of a Triton that runs already (gRPC). When not set, `up` starts one of its own."
    )
    triton_runtime: Path | None = Field(None, description="Where Triton's environment is, if not at its usual place.")
    triton_shared_memory: bool = Field(
        default=True,
        description="Hand slices to a Triton on this host by shared memory, and by the wire where that fails.",
    )
    triton_log: Path | None = Field(None, description="File of Triton's own log; when not set, it is not kept.")
    triton_metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of the metrics of a Triton that `up` starts; 0 takes a free one."
    )
    golden_period_s: float = Field(15.0, gt=0, description="Between two golden checks of the engine.")

    workers: int = Field(2, ge=1, le=64, description="Exams that run at one time.")
    queue_capacity: int = Field(32, ge=0, le=10_000, description="Exams more that may upload or wait.")
    micro_batch: int = Field(8, ge=1, le=8, description="Slices per call of the engine, beside their mirror images.")
    in_flight: int = Field(2, ge=1, le=64, description="Calls of the engine at one time for one exam.")
    registration_threads: int = Field(2, ge=1, le=64, description="Threads that align the contrasts of one exam.")
    call_timeout_s: float = Field(600.0, gt=0, description="Longest duration of a call, waiting included.")
    upload_idle_s: float = Field(30.0, gt=0, description="Longest pause within an upload.")
    drain_s: float = Field(30.0, ge=0, description="After SIGTERM, time for running exams to finish.")

    max_file_bytes: int = Field(128 * MIB, ge=1, description="Of one file as sent.")
    max_voxels: int = Field(_LIMITS.max_voxels, ge=1, description="Of one volume.")
    upload_memory_bytes: int = Field(1024 * MIB, ge=1, description="That all uploads may take together.")

    cohorts: str | None = Field(
        None,
        description="Folder of the synthetic cohorts that callers order, or an s3:// URL where Kubernetes makes them. "
        "When not set, none are made.",
    )
    cohort_runner: RunnerKind = Field(RunnerKind.LOCAL, description="What makes cohorts: `local` or `kubernetes`.")
    cohort_maps: Path | None = Field(
        None, description="Folder of the map libraries that specs may name. When not set, they may name none."
    )
    cohort_bucket: str | None = Field(
        None, description="s3:// URL below which callers may place outputs. When not set, the server chooses the place."
    )
    cohort_jobs: int = Field(1, ge=1, le=64, description="Cohorts in work at one time on this machine.")
    cohort_queue: int = Field(100, ge=1, le=10_000, description="Cohorts more that may wait on this machine.")
    cohort_shards: int = Field(1, ge=1, le=10_000, description="Processes per cohort whose order states no number.")
    cohort_max_shards: int = Field(16, ge=1, le=10_000, description="Most processes per cohort.")
    cohort_grace_s: float = Field(30.0, ge=1, le=3600, description="From SIGTERM to SIGKILL for a cohort's processes.")

    kubernetes_namespace: str = Field("glioserve", min_length=1, description="Namespace of the cohorts' Jobs.")
    kubernetes_image: str | None = Field(None, description="Image of their pods, which holds serving.batch.")
    kubernetes_cpu: str = Field("1", min_length=1, description="CPU that one pod asks for and may use.")
    kubernetes_memory: str = Field("2Gi", min_length=1, description="Memory that one pod asks for and may use.")
    kubernetes_parallelism: int = Field(4, ge=1, le=10_000, description="Pods of one cohort at one time.")
    kubernetes_ttl_s: int = Field(86_400, ge=0, description="After which a finished Job is removed; its output stays.")
    kubernetes_cohorts_claim: str | None = Field(
        None, description="PersistentVolumeClaim that is mounted where `cohorts` says, here and in the pods."
    )
    kubernetes_maps_claim: str | None = Field(
        None, description="PersistentVolumeClaim that is mounted where `cohort_maps` says, here and in the pods."
    )
    kubernetes_secret: str | None = Field(
        None, description="Secret whose keys become the pods' environment, such as those of an object store."
    )

    log_level: LogLevel = Field(LogLevel.INFO, description="Least severity that is logged.")
    log_format: LogFormat = Field(LogFormat.KEY_VALUE, description="How lines are logged: `key_value` or `json`.")
    telemetry: str | None = Field(
        None,
        description="URL of an OpenTelemetry collector (OTLP over HTTP), e.g. http://127.0.0.1:4318, that traces are "
        "sent to. When not set, nothing is traced.",
    )
    telemetry_share: float = Field(
        1.0, ge=0, le=1, description="Share of the calls that are traced, where the caller did not decide."
    )

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key must be set together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca can be set only with tls_cert")
        if self.upload_memory_bytes < self.max_file_bytes:
            raise ValueError("upload_memory_bytes must be at least max_file_bytes")
        if self.telemetry is not None and not self.telemetry.startswith(("http://", "https://")):
            raise ValueError("telemetry must begin with http:// or https://")
        if self.triton is not None and self.engine is not Engine.TRITON:
            raise ValueError("triton can be set only where the engine is triton")
        return self

    @model_validator(mode="after")
    def _check_exposure(self) -> Self:
        if self.tls_cert is not None:
            if self.insecure_listen:
                raise ValueError("insecure_listen can be set only without tls_cert")
        elif not self.insecure_listen and not is_loopback(self.host):
            raise ValueError("tls_cert must be set where host is an address that other machines reach")
        return self

    @model_validator(mode="after")
    def _check_cohorts(self) -> Self:
        if self.cohort_shards > self.cohort_max_shards:
            raise ValueError("cohort_shards must be at most cohort_max_shards")
        if self.cohort_bucket is not None and not self.cohort_bucket.startswith("s3://"):
            raise ValueError("cohort_bucket must begin with s3://")
        if self.cohorts is not None and self.cohort_runner is RunnerKind.LOCAL:
            if self.cohorts.startswith("s3://"):
                raise ValueError("cohorts must be a folder where cohort_runner is local; see cohort_bucket")
            if self.cohort_max_shards > _MAX_WORKERS:
                raise ValueError(f"cohort_max_shards must be at most {_MAX_WORKERS} where cohort_runner is local")
        return self

    @model_validator(mode="after")
    def _check_kubernetes(self) -> Self:
        if self.cohorts is None or self.cohort_runner is not RunnerKind.KUBERNETES:
            return self
        needed = {"kubernetes_image": self.kubernetes_image, "triton": self.triton}
        if not self.cohorts.startswith("s3://"):
            needed["kubernetes_cohorts_claim"] = self.kubernetes_cohorts_claim
        if self.cohort_maps is not None:
            needed["kubernetes_maps_claim"] = self.kubernetes_maps_claim
        for name, value in needed.items():
            if value is None:
                raise ValueError(f"{name} must be set where cohort_runner is kubernetes")
        return self

    @property
    def limits(self) -> NiftiLimits:
        """The limits of one file."""
        return NiftiLimits(max_bytes=self.max_file_bytes, max_voxels=self.max_voxels)


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process.

    Args:
        overrides: From the command line; these win over the environment. None values are passed over.

    Raises:
        SettingsError: A `GLIOSERVE_*` key is unknown, or a value is impossible.
    """
    return load(Settings, overrides, prefix=PREFIX, passed_over=lambda key: key.startswith(NODE_PREFIX))


def load(
    kind: type[Kind], overrides: Mapping[str, Any] | None, *, prefix: str, passed_over: Callable[[str], bool]
) -> Kind:
    """Settings of one kind.

    Args:
        kind: Which.
        overrides: From the command line; these win over the environment. None values are passed over.
        prefix: Of its keys in the environment.
        passed_over: Whether a key with the prefix, in upper case, is another program's.

    Raises:
        SettingsError: A key is unknown, or a value is impossible.
    """
    known = {f"{prefix}{name.upper()}": name for name in kind.model_fields}
    for key in sorted(os.environ):
        upper = key.upper()
        if upper.startswith(prefix) and upper not in known.keys() | FOREIGN_KEYS and not passed_over(upper):
            close = difflib.get_close_matches(key[len(prefix) :].lower(), known.values(), n=1)
            hint = f"; did you mean {prefix}{close[0].upper()}?" if close else ""
            raise SettingsError("environment", f"must hold known {prefix}* keys only", f"{key}{hint}")
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        if first["type"] == "missing":
            raise SettingsError(name, f"must be set: {prefix}{name.upper()}", "nothing") from None
        raise SettingsError(name, first["msg"].removeprefix("Value error, "), repr(first["input"])[:80]) from None
