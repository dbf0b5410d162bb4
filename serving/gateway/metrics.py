"""Prometheus metrics of one gateway. No label and no value tells anything about a patient.

Durations carry exemplars: the ids of a request and of its trace, for those who read the metrics as OpenMetrics. What is
told of exams (see `serving.gateway.exam_metrics`) carries none, so that no finding can be tied to a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, start_http_server

from serving.cohorts.job import CohortJob, JobPhase
from serving.gateway.exam_metrics import ExamMetrics
from serving.inference.networks import ServedNetwork
from serving.telemetry.request import request_id
from serving.telemetry.tracing import trace_id
from serving.version import SERVER_VERSION

_STAGE_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_BATCH_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZE_BUCKETS = (1, 2, 4, 8, 12, 16)
_CALL_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)


class GatewayMetrics:
    """Everything that the gateway counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.exams = ExamMetrics(self.registry)
        ProcessCollector(registry=self.registry)
        self._calls = Counter(
            "glioserve_calls", "Calls that ended, by method and status code", ["method", "code"], registry=self.registry
        )
        self._errors = Counter(
            "glioserve_errors", "Calls that failed, by kind of error", ["method", "kind"], registry=self.registry
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
        self._queue_seconds = Histogram(
            "glioserve_queue_seconds",
            "Wait for a worker, from the end of the upload",
            buckets=_CALL_BUCKETS_S,
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            "glioserve_batch_seconds",
            "Duration of one question to a network, its wait in the engine's queue included",
            ["model"],
            buckets=_BATCH_BUCKETS_S,
            registry=self.registry,
        )
        self._batch_size = Histogram(
            "glioserve_batch_size",
            "Slices, or heads, of one question to a network",
            ["model"],
            buckets=_SIZE_BUCKETS,
            registry=self.registry,
        )
        self._engine_faults = Counter(
            "glioserve_engine_faults", "Questions that the engine failed", ["model", "kind"], registry=self.registry
        )
        self._received = Counter("glioserve_received_bytes", "Bytes of files received", registry=self.registry)
        self._ready = Gauge(
            "glioserve_engine_ready", "1 when the engine answered the last golden check", registry=self.registry
        )
        self._cohort_jobs = Gauge("glioserve_cohort_jobs", "Cohorts, by phase", ["phase"], registry=self.registry)
        self._cohort_cases = Gauge(
            "glioserve_cohort_cases", "Cases of all cohorts, by what became of them", ["fate"], registry=self.registry
        )

    def describe(self, *, engine: str, networks: Iterable[ServedNetwork], workers: int, queue_capacity: int) -> None:
        """What serves, how much of it, and which networks."""
        Info("glioserve_build", "The software that serves", registry=self.registry).info(
            {"version": SERVER_VERSION, "engine": engine}
        )
        model = Gauge("glioserve_model", "Networks served", ["model", "version", "sha256"], registry=self.registry)
        for network in networks:
            model.labels(network.name, network.version, network.sha256[:12]).set(1)
        Gauge("glioserve_workers", "Calls that can run at one time", registry=self.registry).set(workers)
        capacity = Gauge("glioserve_queue_capacity", "Calls more that may upload or wait", registry=self.registry)
        capacity.set(queue_capacity)

    def observe_call(self, method: str, code: str, seconds: float, *, kind: str = "") -> None:
        """A call has ended.

        Args:
            method: E.g. `v1.SegmentationService/Segment`.
            code: Name of its gRPC status.
            seconds: How long it took.
            kind: Of the error; empty if there was none.
        """
        self._calls.labels(method, code).inc(exemplar=_exemplar())
        self._call_seconds.labels(method).observe(seconds, exemplar=_exemplar())
        if kind:
            self._errors.labels(method, kind).inc(exemplar=_exemplar())

    def observe_wait(self, seconds: float) -> None:
        """A call was given a worker, after this wait."""
        self._queue_seconds.observe(seconds, exemplar=_exemplar())

    def observe_batch(self, model: str, size: int, seconds: float) -> None:
        """A network has answered a micro-batch."""
        self._batch_seconds.labels(model).observe(seconds, exemplar=_exemplar())
        self._batch_size.labels(model).observe(size)

    def count_engine_fault(self, model: str, kind: str) -> None:
        """The engine failed a micro-batch."""
        self._engine_faults.labels(model, kind).inc(exemplar=_exemplar())

    def observe_stages(self, timings_s: Mapping[str, float]) -> None:
        """The stages of an exam have been worked through."""
        for stage, seconds in timings_s.items():
            self._stage_seconds.labels(stage).observe(seconds, exemplar=_exemplar())

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

    def watch(
        self, *, queue_length: Callable[[], float], running: Callable[[], float], reserved_bytes: Callable[[], float]
    ) -> None:
        """Read these whenever the metrics are asked for."""
        waiting = Gauge("glioserve_queue_length", "Calls that upload or wait", registry=self.registry)
        waiting.set_function(queue_length)
        active = Gauge("glioserve_running", "Calls that have a worker", registry=self.registry)
        active.set_function(running)
        reserved = Gauge("glioserve_upload_reserved_bytes", "Memory that uploads have taken", registry=self.registry)
        reserved.set_function(reserved_bytes)

    def watch_certificate(self, end_s: Callable[[], float]) -> None:
        """Read this, in seconds since the epoch, whenever the metrics are asked for."""
        ends = Gauge("glioserve_certificate_end_seconds", "When the server's certificate ends", registry=self.registry)
        ends.set_function(end_s)


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


def _exemplar() -> dict[str, str] | None:
    """What a duration can be followed by into the log and the traces; None outside of calls."""
    named = {"trace_id": trace_id(), "request_id": request_id()}
    return {key: value for key, value in named.items() if value is not None} or None
