"""Everything that can be set of a DICOM node: environment `GLIOSERVE_DICOM_*`, unknown keys refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from serving.loopback import is_loopback
from serving.settings import NODE_PREFIX, LogLevel, ProcessSettings, load

_AE_TITLE_LENGTH = 16
_AE_TITLE = r"^[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*$"
"""ASCII without backslash and control characters, not blank (PS3.5, AE)."""


class DicomSettings(ProcessSettings):
    """The settings of one node. Each may be set by the environment, e.g. `GLIOSERVE_DICOM_PORT=104`."""

    model_config = SettingsConfigDict(env_prefix=NODE_PREFIX, extra="forbid", frozen=True, validate_default=True)

    host: str = Field("127.0.0.1", description="Address that the node listens on.")
    port: int = Field(11112, ge=0, le=65535, description="Port that the node listens on; 0 takes a free one.")
    beyond_loopback: bool = Field(
        default=False,
        description="Listen on an address that other machines reach. DICOM is neither encrypted nor signed.",
    )
    ae_title: str = Field(
        "GLIOSERVE", pattern=_AE_TITLE, max_length=_AE_TITLE_LENGTH, description="What callers call this node."
    )
    callers: str = Field(
        "", description="AE titles that may call, apart by commas. Empty lets all call, on loopback only."
    )
    folder: Path = Field(Path("dicom"), description="Folder of the queue. It holds patients' images; guard it.")
    quiet_s: float = Field(
        60.0, gt=0, description="A study counts as complete when no new image of it has come for so long."
    )
    release_s: float = Field(
        10.0, gt=0, description="The same, once all that sent images of it have ended their associations properly."
    )

    server: str = Field("127.0.0.1:50051", description="HOST:PORT of the gateway.")
    plaintext: bool = Field(
        default=False, description="Call a gateway on another machine without TLS, on a network that you vouch for."
    )
    tls_ca: Path | None = Field(None, description="PEM file of the authorities to trust; turns TLS to the gateway on.")
    tls_cert: Path | None = Field(
        None, description="PEM file of the node's certificate, for the gateway; with tls_key."
    )
    tls_key: Path | None = Field(None, description="PEM file of the private key; with tls_cert.")
    token_file: Path | None = Field(
        None, description="File of the token that the gateway asks for; sent by TLS, or on this machine, alone."
    )
    timeout_s: float = Field(900.0, gt=0, description="Longest duration of one segmentation, waiting included.")

    destination_ae_title: str = Field(
        pattern=_AE_TITLE,
        max_length=_AE_TITLE_LENGTH,
        description="AE title that segmentations are sent to. Must be set, as the next two.",
    )
    destination_host: str = Field(min_length=1, description="Its host.")
    destination_port: int = Field(ge=1, le=65535, description="Its port.")

    attempts: int = Field(20, ge=1, le=1000, description="How often a study is tried before it is set aside.")
    retry_s: float = Field(10.0, gt=0, description="Until the second attempt; doubled for each one more.")
    retry_max_s: float = Field(600.0, gt=0, description="Longest time between two attempts.")
    drain_s: float = Field(30.0, ge=0, description="After SIGTERM, time for a running segmentation to finish.")

    metrics_host: str = Field(
        "127.0.0.1", description="Address that the metrics listen on. They are open to all who reach it."
    )
    metrics_port: int = Field(9465, ge=0, le=65535, description="Port of the metrics (HTTP); 0 takes a free one.")
    log_level: LogLevel = Field(LogLevel.INFO, description="Least severity that is logged.")

    @field_validator("callers")
    @classmethod
    def _check_callers(cls, callers: str) -> str:
        titles = [title.strip() for title in callers.split(",")] if callers else []
        if any(len(title) > _AE_TITLE_LENGTH or not re.match(_AE_TITLE, title) for title in titles):
            raise ValueError(f"must hold AE titles of 1 to {_AE_TITLE_LENGTH} characters, apart by commas")
        return callers

    @model_validator(mode="after")
    def _check_exposure(self) -> Self:
        if not is_loopback(self.host):
            if not self.beyond_loopback:
                raise ValueError("beyond_loopback must be set where host is an address that other machines reach")
            if not self.allowed_callers:
                raise ValueError("callers must be set where host is an address that other machines reach")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key must be set together")
        return self

    @property
    def allowed_callers(self) -> tuple[str, ...]:
        """AE titles that may call; none where all may."""
        return tuple(title.strip() for title in self.callers.split(",") if title.strip())

    @property
    def destination(self) -> str:
        """Where segmentations go, for people."""
        return f"{self.destination_ae_title}@{self.destination_host}:{self.destination_port}"

    def delay_s(self, attempts: int) -> float:
        """How long to wait after so many failed attempts, at least one."""
        return float(min(self.retry_s * 2.0 ** min(attempts - 1, 64), self.retry_max_s))


def load_dicom_settings(overrides: Mapping[str, Any] | None = None) -> DicomSettings:
    """The settings of this process.

    Args:
        overrides: From the command line; these win over the environment. None values are passed over.

    Raises:
        SettingsError: A `GLIOSERVE_DICOM_*` key is unknown, or a value is impossible or missing.
    """
    return load(DicomSettings, overrides, prefix=NODE_PREFIX, passed_over=lambda _: False)
