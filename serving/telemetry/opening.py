"""The tracing that the settings ask for."""

from __future__ import annotations

from serving.errors import Cause, ServingError
from serving.settings import Settings
from serving.telemetry.tracing import SilentTracing, Tracing


class TelemetryMissingError(ServingError):
    """Traces are wanted, and the packages that make them are not installed."""

    cause = Cause.PRECONDITION


def open_tracing(settings: Settings) -> Tracing:
    """A tracing that its caller closes. Without a collector in the settings nothing of OpenTelemetry is imported.

    Raises:
        TelemetryMissingError: OpenTelemetry is not installed.
    """
    url = traces_url(settings)
    if url is None:
        return SilentTracing()
    try:
        from serving.telemetry.otlp import OtlpTracing
    except ModuleNotFoundError as error:
        rule = "needs the extra telemetry: pip install 'glioserve-stack[telemetry]'"
        raise TelemetryMissingError("telemetry", rule, f"no module {error.name}") from None
    return OtlpTracing(url, share=settings.telemetry_share)


def traces_url(settings: Settings) -> str | None:
    """Where the collector takes traces; None where there is none."""
    return None if settings.telemetry is None else settings.telemetry.rstrip("/") + "/v1/traces"
