"""Prometheus metrics of one gateway. No label and no value tells anything about a patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from imaging.regions import Region
from serving.cohorts.job import CohortJob, JobPhase

_STAGE_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_CALL_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)


class GatewayMetrics:
    """Everything that the gateway counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._calls = Counter(
            "glioserve_calls", "Calls that ended, by method and status code", ["method", "code"], registry=self.registry
        )
        self._call_seconds = Histogram(
            "glioserve_call_seconds",
            "Duration of calls, waiting included",
            ["method"],
            buckets=_CALL_BUCKETS_S,
            registry=self.registry,
        )
        self._stage_seconds = Histogram(
            "glioserve_stage_seconds",
            "Duration of one stage of one exam",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._voxels_removed = Counter(
            "glioserve_voxels_removed", "Voxels that gating took away", ["region"], registry=self.registry
        )
        self._received = Counter("glioserve_received_bytes", "Bytes of files received", registry=self.registry)
        self._ready = Gauge(
            "glioserve_engine_ready", "1 when the engine answered the last golden check", registry=self.registry
        )
        self._cohort_jobs = Gauge("glioserve_cohort_jobs", "Cohorts, by phase", ["phase"], registry=self.registry)
        self._cohort_cases = Gauge(
            "glioserve_cohort_cases", "Cases of all cohorts, by what became of them", ["fate"], registry=self.registry
        )

    def observe_call(self, method: str, code: str, seconds: float) -> None:
        """A call has ended."""
        self._calls.labels(method, code).inc()
        self._call_seconds.labels(method).observe(seconds)

    def observe_exam(self, timings_s: Mapping[str, float], voxels_removed: Mapping[Region, int]) -> None:
        """An exam has been segmented."""
        self.observe_stages(timings_s)
        for region, voxels in voxels_removed.items():
            self._voxels_removed.labels(region.value).inc(voxels)

    def observe_stages(self, timings_s: Mapping[str, float]) -> None:
        """The stages of an exam have been worked through."""
        for stage, seconds in timings_s.items():
            self._stage_seconds.labels(stage).observe(seconds)

    def observe_upload(self, size_bytes: int) -> None:
        """The files of a call have come."""
        self._received.inc(size_bytes)

    def set_ready(self, *, ready: bool) -> None:
        """The engine's golden check has passed, or failed."""
        self._ready.set(1 if ready else 0)

    def set_cohorts(self, jobs: Sequence[CohortJob]) -> None:
        """The cohorts that this server knows are these."""
        for phase in JobPhase:
            self._cohort_jobs.labels(phase.value).set(sum(job.phase is phase for job in jobs))
        for fate in ("released", "quarantined", "failed"):
            self._cohort_cases.labels(fate).set(sum(getattr(job.counts, fate) for job in jobs))

    def watch(self, *, queue_length: Callable[[], float], running: Callable[[], float]) -> None:
        """Read these whenever the metrics are asked for."""
        waiting = Gauge("glioserve_queue_length", "Calls that upload or wait", registry=self.registry)
        waiting.set_function(queue_length)
        active = Gauge("glioserve_running", "Calls that have a worker", registry=self.registry)
        active.set_function(running)


class MetricsServer:
    """Serves the metrics over HTTP, in a thread of its own, for as long as the context lasts.

    Args:
        metrics: What to serve.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
    """

    def __init__(self, metrics: GatewayMetrics, *, host: str, port: int) -> None:
        self._metrics = metrics
        self._host = host
        self._port = port

    def __enter__(self) -> Self:
        self._server, self._thread = start_http_server(self._port, addr=self._host, registry=self._metrics.registry)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_port)
