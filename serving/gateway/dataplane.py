"""What the gateway does, for any transport: orders and pieces of files in, events and outcomes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from imaging.casecheck.check import CaseReport
from imaging.errors import PipelineCancelledError
from imaging.preprocess.channels import required_modalities
from serving.errors import ServingError
from serving.gateway.admission import Admission
from serving.gateway.answers import Emit, EvaluateOutcome, Event, GenerateOutcome, Queued, SegmentOutcome
from serving.gateway.cancellation import Cancellation
from serving.gateway.checking import CheckOrder, check_files
from serving.gateway.clock import StageClock
from serving.gateway.errors import DeadlineError, DrainingError, GatewayError
from serving.gateway.exams import ExamSettings, evaluate_masks, segment_exam
from serving.gateway.generation import generate_exam
from serving.gateway.metrics import GatewayMetrics
from serving.gateway.orders import EvaluateOrder, FileSpec, GenerateOrder, SegmentOrder
from serving.gateway.uploads import Piece, check_sizes, receive
from serving.inference.engine import InferenceEngine
from serving.synthesis.painter import ServedPainter
from serving.telemetry.tracing import Tracing, stage_ended

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class CallLimits:
    """What one call may cost.

    Args:
        max_file_bytes: Of one file as sent.
        max_exam_bytes: Of all files of a call as sent.
        upload_idle_s: The longest pause between two pieces.
        timeout_s: Of a whole call, waiting included, whatever deadline the client sets.
    """

    max_file_bytes: int
    max_exam_bytes: int
    upload_idle_s: float
    timeout_s: float


class DataPlane:
    """Takes calls through admission, upload and a worker thread.

    The event loop does none of the work: decoding, the pipeline, metrics and encoding run in threads, one per
    call that has a worker. A call that ends early (its client left, its deadline passed, the server stops) frees
    its worker at the next micro-batch.

    Memory is bounded whatever is sent: uploads take what admission lets them reserve, in all; decoded volumes, of the
    voxels that the limits allow, exist for the calls that have a worker only, and are on one grid before the next is
    decoded; a refused upload is not kept.

    Args:
        engine: Runs the networks.
        admission: The queue.
        workers: As many as admission lets run.
        limits: Of every call.
        exams: How exams are worked on.
        metrics: What is counted.
        tracing: What is traced.
        engine_fault: Why the engine can't be used now; None when it can.
        on_engine_fault: Called when the engine failed a call.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        *,
        admission: Admission,
        workers: int,
        limits: CallLimits,
        exams: ExamSettings,
        metrics: GatewayMetrics,
        tracing: Tracing,
        engine_fault: Callable[[], ServingError | None],
        on_engine_fault: Callable[[], None],
    ) -> None:
        self._engine = engine
        plans = engine.catalog.plans
        self._needed = required_modalities([channel for plan in plans.values() for channel in plan.channels])
        self._admission = admission
        self._limits = limits
        self._exams = exams
        self._metrics = metrics
        self._tracing = tracing
        self._engine_fault = engine_fault
        self._on_engine_fault = on_engine_fault
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="exam")
        self._live: dict[Cancellation, asyncio.Timeout] = {}

    async def segment(
        self, order: SegmentOrder, pieces: AsyncIterator[Piece], *, emit: Emit, time_left_s: float | None
    ) -> SegmentOutcome:
        """Segment one exam.

        Args:
            order: What is asked.
            pieces: The files as they come.
            emit: Takes events, on the event loop.
            time_left_s: Until the client's deadline, if it has set one.

        Raises:
            ImagingError: The order or the files are at fault.
            ServingError: The engine is at fault, the queue is full, the time is over, or the server stops.
        """
        order.require(self._needed)
        tell = _from_worker(emit)

        def work(files: Sequence[memoryview], cancellation: Cancellation) -> SegmentOutcome:
            return segment_exam(
                order,
                files,
                settings=self._exams,
                emit=tell,
                cancellation=cancellation,
            )

        outcome = await self._engine_call(work, order.files, pieces, emit=emit, time_left_s=time_left_s)
        self._observe_stages(outcome.timings_s)
        rules = [finding.rule for finding in outcome.findings]
        self._metrics.exams.observe(outcome.volumes, outcome.intensities, rules)
        return outcome

    async def generate(
        self, order: GenerateOrder, pieces: AsyncIterator[Piece], *, emit: Emit, time_left_s: float | None
    ) -> GenerateOutcome:
        """Draw one synthetic exam. Arguments and errors are those of `segment`.

        Raises:
            UnknownGeneratorError: No such generator is served, or it does not draw every contrast.
        """
        painter = ServedPainter(self._engine, order.generator)
        tell = _from_worker(emit)

        def work(files: Sequence[memoryview], cancellation: Cancellation) -> GenerateOutcome:
            return generate_exam(
                order,
                files,
                painter=painter,
                max_voxels=self._exams.limits.max_voxels,
                emit=tell,
                cancellation=cancellation,
            )

        outcome = await self._engine_call(work, order.files, pieces, emit=emit, time_left_s=time_left_s)
        self._observe_stages(outcome.timings_s)
        return outcome

    async def evaluate(
        self, order: EvaluateOrder, pieces: AsyncIterator[Piece], *, time_left_s: float | None
    ) -> EvaluateOutcome:
        """Compare two label maps. Arguments and errors are those of `segment`, without an engine's."""

        def work(files: Sequence[memoryview], cancellation: Cancellation) -> EvaluateOutcome:
            return evaluate_masks(order, files, settings=self._exams, cancellation=cancellation)

        return await self._call(work, order.files, pieces, on_position=lambda _: None, time_left_s=time_left_s)

    async def check(self, order: CheckOrder, pieces: AsyncIterator[Piece], *, time_left_s: float | None) -> CaseReport:
        """Check an exam. Arguments and errors are those of `evaluate`; what is wrong with a file is in the report."""

        def work(files: Sequence[memoryview], cancellation: Cancellation) -> CaseReport:
            return check_files(order, files, settings=self._exams, cancellation=cancellation)

        return await self._call(work, order.files, pieces, on_position=lambda _: None, time_left_s=time_left_s)

    def stop_all(self) -> None:
        """End every call that is still there, with `DrainingError`."""
        now = asyncio.get_running_loop().time()
        for cancellation, timeout in self._live.items():
            cancellation.cancel(
                DrainingError("server", "must stay to finish the call", "a server that stops", retry_after_s=5.0)
            )
            timeout.reschedule(now)

    def close(self) -> None:
        """Let the worker threads go. No call may be left."""
        self._executor.shutdown()

    async def _engine_call(
        self,
        work: Callable[[Sequence[memoryview], Cancellation], Outcome],
        specs: Sequence[FileSpec],
        pieces: AsyncIterator[Piece],
        *,
        emit: Emit,
        time_left_s: float | None,
    ) -> Outcome:
        """A call that needs the engine. A fault of the engine that is known already is raised at once."""
        if (fault := self._engine_fault()) is not None:
            # One object, raised for many calls: without this it would keep the frames of them all.
            raise fault.with_traceback(None)
        try:
            return await self._call(
                work, specs, pieces, on_position=lambda position: emit(Queued(position)), time_left_s=time_left_s
            )
        except ServingError as error:
            if not isinstance(error, GatewayError):
                self._on_engine_fault()
            raise

    async def _call(
        self,
        work: Callable[[Sequence[memoryview], Cancellation], Outcome],
        specs: Sequence[FileSpec],
        pieces: AsyncIterator[Piece],
        *,
        on_position: Callable[[int], None],
        time_left_s: float | None,
    ) -> Outcome:
        limits = self._limits
        check_sizes(specs, max_file_bytes=limits.max_file_bytes, max_exam_bytes=limits.max_exam_bytes)
        cancellation = Cancellation(limits.timeout_s if time_left_s is None else min(time_left_s, limits.timeout_s))
        try:
            async with asyncio.timeout(cancellation.time_left_s) as timeout:
                self._live[cancellation] = timeout
                async with self._admission.enter(sum(spec.size_bytes for spec in specs)):
                    clock = StageClock()
                    with clock.time("upload"):
                        files = await receive(specs, pieces, idle_s=limits.upload_idle_s)
                    self._observe_stages(clock.seconds)
                    self._metrics.observe_upload(sum(len(content) for content in files))
                    async with self._turn(on_position):
                        return await self._in_worker(partial(work, files, cancellation), cancellation)
        except (TimeoutError, PipelineCancelledError):
            raise cancellation.reason or _deadline_passed() from None
        finally:
            self._live.pop(cancellation, None)

    @asynccontextmanager
    async def _turn(self, on_position: Callable[[int], None]) -> AsyncIterator[None]:
        """One of the workers; the wait for it is counted, and is a stage of the call's trace."""
        started = time.perf_counter()
        async with self._admission.turn(on_position):
            waited_s = time.perf_counter() - started
            self._metrics.observe_wait(waited_s)
            stage_ended("queue")
            self._tracing.stages({"queue": waited_s})
            yield

    def _observe_stages(self, timings_s: Mapping[str, float]) -> None:
        self._metrics.observe_stages(timings_s)
        self._tracing.stages(timings_s)

    async def _in_worker(self, work: Callable[[], Outcome], cancellation: Cancellation) -> Outcome:
        # With the call's context, so that what is logged, counted and traced there is the call's.
        future = asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            cancellation.cancel(_deadline_passed())
            # The worker is free only when its thread is: until then the call keeps its place, however often it is
            # cancelled (by its deadline and by its client, say).
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            future.exception()
            raise


def _from_worker(emit: Emit) -> Emit:
    """What takes events from a worker thread, and hands them on to the event loop."""
    loop = asyncio.get_running_loop()

    def tell(event: Event) -> None:
        loop.call_soon_threadsafe(emit, event)

    return tell


def _deadline_passed() -> DeadlineError:
    return DeadlineError("deadline", "must leave time for the call", "a deadline that has passed")
