"""A gateway on a socket: built from settings and an engine, open for as long as its context lasts."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from glioserve.v1.check_pb2_grpc import add_CheckServiceServicer_to_server
from glioserve.v1.cohort_pb2_grpc import add_CohortServiceServicer_to_server
from glioserve.v1.contract import MAX_MESSAGE_BYTES
from glioserve.v1.evaluation_pb2_grpc import add_EvaluationServiceServicer_to_server
from glioserve.v1.info_pb2_grpc import add_InfoServiceServicer_to_server
from glioserve.v1.segmentation_pb2_grpc import add_SegmentationServiceServicer_to_server
from glioserve.v1.synthesis_pb2_grpc import add_SynthesisServiceServicer_to_server
from grpc import aio
from grpc_reflection.v1alpha import reflection

from serving.cohorts.opening import open_desk
from serving.errors import Cause, EngineUnavailableError, ServingError
from serving.gateway.admission import Admission
from serving.gateway.auth import Access
from serving.gateway.auth_file import CallersFile
from serving.gateway.auth_roles import HEALTH
from serving.gateway.check import CheckServicer
from serving.gateway.cohorts import CohortServicer
from serving.gateway.dataplane import CallLimits, DataPlane
from serving.gateway.evaluation import EvaluationServicer
from serving.gateway.exams import ExamSettings
from serving.gateway.health import CHECK, COHORTS, EVALUATION, INFO, SEGMENTATION, SYNTHESIS, HealthBoard
from serving.gateway.info import InfoServicer
from serving.gateway.interceptor import CallInterceptor
from serving.gateway.measured import MeasuredEngine
from serving.gateway.metrics import GatewayMetrics, MetricsServer
from serving.gateway.probes import ProbeListener
from serving.gateway.segmentation import SegmentationServicer
from serving.gateway.synthesis import SynthesisServicer
from serving.gateway.workshop import open_workshop
from serving.inference.engine import InferenceEngine
from serving.inference.readiness import Canary, CanaryReport
from serving.loopback import is_loopback
from serving.settings import Settings
from serving.telemetry.opening import open_tracing
from serving.tls import ReloadedTls, TlsFiles

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A second gateway on one port must fail, not share it.
    ("grpc.so_reuseport", 0),
    # A client that vanished without a word is noticed, and its work freed, within 40 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)
_LAST_WORDS_S = 1.0
_log = logging.getLogger(__name__)


def _options(settings: Settings) -> tuple[tuple[str, int], ...]:
    if settings.connection_age_s is None:
        return _OPTIONS
    return (*_OPTIONS, ("grpc.max_connection_age_ms", round(1000 * settings.connection_age_s)))


class GatewayStartError(ServingError):
    """The gateway can't listen where it was told to."""

    cause = Cause.PRECONDITION


class Gateway:
    """Use as an asynchronous context manager; leaving it drains the server.

    Args:
        settings: Addresses, limits, sizes.
        engine: What runs the networks. Its caller closes it, after the gateway.
        triton: HOST:PORT of the Triton behind it, for the processes that make cohorts; None where it is no Triton.

    Raises:
        KubernetesMissingError: See `open_desk`.
        TelemetryMissingError: See `open_tracing`.
        CallersError: The file of callers can't be used.
    """

    def __init__(self, settings: Settings, engine: InferenceEngine, *, triton: str | None = None) -> None:
        self._settings = settings
        self._engine = engine
        self._tracing = open_tracing(settings)
        self._metrics = GatewayMetrics()
        self._metrics.describe(
            engine=engine.engine,
            networks=engine.catalog.networks,
            workers=settings.workers,
            queue_capacity=settings.queue_capacity,
        )
        measured = MeasuredEngine(engine, self._metrics, self._tracing)
        self._health = HealthBoard(self._metrics, draws=self.draws)
        self._interceptor = CallInterceptor(_access(settings), self._metrics, self._tracing)
        self._admission = Admission(
            workers=settings.workers,
            queue_capacity=settings.queue_capacity,
            upload_memory_bytes=settings.upload_memory_bytes,
        )
        self._metrics.watch(
            queue_length=lambda: self._admission.queue_length,
            running=lambda: self._admission.running,
            reserved_bytes=lambda: self._admission.reserved_bytes,
        )
        self._canary = Canary(engine, period_s=settings.golden_period_s, on_change=self._engine_changed)
        self._dataplane = DataPlane(
            measured,
            admission=self._admission,
            workers=settings.workers,
            limits=CallLimits(
                max_file_bytes=settings.max_file_bytes,
                max_exam_bytes=settings.upload_memory_bytes,
                upload_idle_s=settings.upload_idle_s,
                timeout_s=settings.call_timeout_s,
            ),
            exams=ExamSettings(limits=settings.limits, workshop=open_workshop(measured, settings)),
            metrics=self._metrics,
            tracing=self._tracing,
            engine_fault=self._engine_fault,
            on_engine_fault=self._canary.check_soon,
        )
        self._cohorts = open_desk(settings, triton=triton, on_jobs=self._metrics.set_cohorts)
        self._metrics_server = MetricsServer(self._metrics, host=settings.metrics_host, port=settings.metrics_port)
        self._closing = AsyncExitStack()
        self._port = 0
        self._probe_port: int | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as opening:
            opening.push_async_callback(asyncio.to_thread, self._tracing.close)
            self._listen_for_metrics(opening)
            opening.callback(self._dataplane.close)
            server = aio.server(interceptors=[self._interceptor], options=_options(self._settings))
            await self._add_services(server)
            self._port = self._bind(server)
            await self._listen_for_probes(opening)
            opening.push_async_callback(self._cohorts.close)
            await self._cohorts.open()
            await server.start()
            opening.push_async_callback(server.stop, _LAST_WORDS_S)
            opening.push_async_callback(self._drain)
            self._canary.start()
            opening.push_async_callback(asyncio.to_thread, self._canary.stop)
            self._closing = opening.pop_all()
        self._warn()
        _log.info("gateway.started", extra={"address": self.address, "metrics": self.metrics_address})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._closing.__aexit__(kind, error, trace)
        _log.info("gateway.stopped")

    @property
    def address(self) -> str:
        """Where the gateway listens, `host:port`."""
        return f"{self._settings.host}:{self._port}"

    @property
    def metrics_address(self) -> str:
        """Where the metrics are, `host:port`."""
        return f"{self._settings.metrics_host}:{self._metrics_server.port}"

    @property
    def health_address(self) -> str | None:
        """Where health alone is answered, `host:port`; None where there is no such listener."""
        return None if self._probe_port is None else f"{self._settings.host}:{self._probe_port}"

    @property
    def draws(self) -> bool:
        """Whether synthetic exams can be drawn: whether a generator is served."""
        return bool(self._engine.catalog.generators)

    @property
    def running(self) -> int:
        """Calls that have a worker now."""
        return self._admission.running

    @property
    def queue_length(self) -> int:
        """Calls that upload or wait now."""
        return self._admission.queue_length

    async def ready(self) -> None:
        """Wait until exams can be segmented: until every model has given its golden answer."""
        await self._health.ready()

    async def _add_services(self, server: aio.Server) -> None:
        settings, catalog = self._settings, self._engine.catalog
        add_SegmentationServiceServicer_to_server(
            SegmentationServicer(
                self._dataplane, catalog=catalog, engine=self._engine.engine, header_idle_s=settings.upload_idle_s
            ),
            server,
        )
        add_SynthesisServiceServicer_to_server(
            SynthesisServicer(self._dataplane, engine=self._engine.engine, header_idle_s=settings.upload_idle_s),
            server,
        )
        add_CheckServiceServicer_to_server(CheckServicer(self._dataplane, header_idle_s=settings.upload_idle_s), server)
        add_CohortServiceServicer_to_server(CohortServicer(self._cohorts), server)
        add_EvaluationServiceServicer_to_server(
            EvaluationServicer(self._dataplane, header_idle_s=settings.upload_idle_s), server
        )
        add_InfoServiceServicer_to_server(
            InfoServicer(
                catalog,
                engine=self._engine.engine,
                admission=self._admission,
                max_file_bytes=settings.max_file_bytes,
                max_voxels=settings.max_voxels,
            ),
            server,
        )
        await self._health.open(server)
        reflection.enable_server_reflection(
            (
                SEGMENTATION,
                CHECK,
                EVALUATION,
                SYNTHESIS,
                COHORTS,
                INFO,
                HEALTH,
                reflection.SERVICE_NAME,
            ),
            server,
        )

    async def _listen_for_probes(self, opening: AsyncExitStack) -> None:
        if self._settings.health_port is not None:
            probes = ProbeListener(self._health, host=self._settings.host, port=self._settings.health_port)
            self._probe_port = (await opening.enter_async_context(probes)).port

    def _listen_for_metrics(self, opening: AsyncExitStack) -> None:
        settings = self._settings
        try:
            opening.enter_context(self._metrics_server)
        except OSError as error:
            rule = f"must be free on {settings.metrics_host}"
            raise GatewayStartError("metrics_port", rule, f"port {settings.metrics_port}: {error.strerror}") from None

    def _bind(self, server: aio.Server) -> int:
        settings = self._settings
        address = f"{settings.host}:{settings.port}"
        try:
            if settings.tls_cert is None or settings.tls_key is None:
                return server.add_insecure_port(address)
            files = TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
            tls = ReloadedTls(files)
            self._metrics.watch_certificate(tls.end_s)
            return server.add_secure_port(address, tls.credentials())
        except RuntimeError:
            raise GatewayStartError("port", f"must be free on {settings.host}", f"port {settings.port}") from None

    def _warn(self) -> None:
        """Tell what reaches beyond this machine without protection of ours."""
        settings = self._settings
        if is_loopback(settings.host):
            return
        if settings.tls_cert is None:
            _log.warning("gateway.plaintext", extra={"host": settings.host, "mend": "set tls_cert and tls_key"})
        if settings.callers is None and settings.tls_client_ca is None:
            _log.warning("gateway.open", extra={"host": settings.host, "mend": "set callers, or tls_client_ca"})

    async def _drain(self) -> None:
        """Finish what runs within the time allowed, take nothing new."""
        self._admission.close()
        await self._health.drain()
        _log.info(
            "gateway.draining", extra={"running": self._admission.running, "waiting": self._admission.queue_length}
        )
        async with asyncio.TaskGroup() as ending:
            ending.create_task(self._cohorts.close())  # while exams finish, so do the cases in hand
            ending.create_task(self._finish_calls())

    async def _finish_calls(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._interceptor.idle()
        except TimeoutError:
            self._dataplane.stop_all()
            await self._admission.empty()

    def _engine_changed(self, report: CanaryReport) -> None:
        asyncio.run_coroutine_threadsafe(self._health.engine_changed(ready=report.ready), self._loop)

    def _engine_fault(self) -> ServingError | None:
        report = self._canary.report
        if report is None:
            return EngineUnavailableError("engine", "must have passed its golden check", "a check that is under way")
        return report.fault


def _access(settings: Settings) -> Access:
    if settings.callers is None:
        return Access(None)
    return Access(CallersFile(settings.callers, certificates=settings.tls_client_ca is not None).now)
