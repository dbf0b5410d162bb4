"""Everything that can be set, in one typed object: environment `GLIOSERVE_*`, unknown keys refused."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from imaging.nifti import NiftiLimits
from serving.errors import Cause, ServingError
from serving.inference.engine import Engine

PREFIX = "GLIOSERVE_"
FOREIGN_KEYS = frozenset({"GLIOSERVE_BRATS_DIR", "GLIOSERVE_SERVER"})
"""Keys with our prefix that other programs read: tests and benchmarks, and the client."""

MIB = 1024 * 1024
_LIMITS = NiftiLimits()


class SettingsError(ServingError):
    """A setting that is unknown, or has a value that it can't have."""

    cause = Cause.PRECONDITION


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Settings(BaseSettings):
    """The settings of one server. Each may be set by the environment, e.g. `GLIOSERVE_WORKERS=4`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True)

    host: str = Field("127.0.0.1", description="Address that the gateway and its metrics listen on.")
    port: int = Field(50051, ge=0, le=65535, description="Port of the gateway; 0 takes a free one.")
    metrics_port: int = Field(9464, ge=0, le=65535, description="Port of the metrics (HTTP); 0 takes a free one.")
    tls_cert: Path | None = Field(None, description="PEM file of the certificate chain; with tls_key.")
    tls_key: Path | None = Field(None, description="PEM file of the private key; with tls_cert.")

    engine: Engine = Field(Engine.TRITON, description="What runs the networks.")
    models: Path = Field(Path("models"), description="The model repository.")
    triton: str | None = Field(
        None, description="HOST:PORT of a Triton that runs already (gRPC). When not set, `up` starts one of its own."
    )
    triton_runtime: Path | None = Field(None, description="Where Triton's environment is, if not at its usual place.")
    triton_log: Path | None = Field(None, description="File of Triton's own log; when not set, it is not kept.")
    golden_period_s: float = Field(15.0, gt=0, description="Between two golden checks of the engine.")

    workers: int = Field(2, ge=1, le=64, description="Exams that run at one time.")
    queue_capacity: int = Field(32, ge=0, le=10_000, description="Exams more that may upload or wait.")
    micro_batch: int = Field(8, ge=1, le=16, description="Slices per call of the engine.")
    call_timeout_s: float = Field(600.0, gt=0, description="Longest duration of a call, waiting included.")
    upload_idle_s: float = Field(30.0, gt=0, description="Longest pause within an upload.")
    drain_s: float = Field(30.0, ge=0, description="After SIGTERM, time for running exams to finish.")

    max_file_bytes: int = Field(128 * MIB, ge=1, description="Of one file as sent.")
    max_voxels: int = Field(_LIMITS.max_voxels, ge=1, description="Of one volume.")
    upload_memory_bytes: int = Field(1024 * MIB, ge=1, description="That all uploads may take together.")

    log_level: LogLevel = Field(LogLevel.INFO, description="Least severity that is logged.")

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key must be set together")
        if self.upload_memory_bytes < self.max_file_bytes:
            raise ValueError("upload_memory_bytes must be at least max_file_bytes")
        if self.triton is not None and self.engine is not Engine.TRITON:
            raise ValueError("triton can be set only where the engine is triton")
        return self

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

    @property
    def limits(self) -> NiftiLimits:
        """The limits of one file."""
        return NiftiLimits(max_bytes=self.max_file_bytes, max_voxels=self.max_voxels)

    def lines(self) -> list[str]:
        """Every setting as `key=value`, for the log."""
        return [f"{key}={'' if value is None else value}" for key, value in self.model_dump(mode="json").items()]


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process.

    Args:
        overrides: From the command line; these win over the environment. None values are passed over.

    Raises:
        SettingsError: A `GLIOSERVE_*` key is unknown, or a value is impossible.
    """
    known = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
    for key in sorted(os.environ):
        if key.upper().startswith(PREFIX) and key.upper() not in known.keys() | FOREIGN_KEYS:
            close = difflib.get_close_matches(key[len(PREFIX) :].lower(), known.values(), n=1)
            hint = f"; did you mean {PREFIX}{close[0].upper()}?" if close else ""
            raise SettingsError("environment", f"must hold known {PREFIX}* keys only", f"{key}{hint}")
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(name, first["msg"].removeprefix("Value error, "), repr(first["input"])[:80]) from None
