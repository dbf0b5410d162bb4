"""The client for asyncio code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from glioserve import _base
from glioserve.channel import DEFAULT_TARGET, TlsConfig
from glioserve.cohort_calls import AsyncCohorts
from glioserve.conventions import MetricConventions
from glioserve.core import decode
from glioserve.core.attempts import Attempts
from glioserve.core.check import CheckPlan, check_result, plan_check
from glioserve.core.fold import SegmentFold
from glioserve.core.generate import GenerateFold, plan_generate
from glioserve.core.plan import plan_evaluate, plan_segment
from glioserve.core.status import error_of
from glioserve.core.streamed import Fold, Request, Response, Result, UploadPlan
from glioserve.core.tracing import Metadata
from glioserve.core.upload import Upload
from glioserve.errors import CancelledError
from glioserve.exam_files import Case, ExamFiles, PathLike
from glioserve.findings import CheckResult
from glioserve.limits import (
    CHECK_TIMEOUT_S,
    DEFAULT_GENERATOR,
    EVALUATE_TIMEOUT_S,
    GENERATE_TIMEOUT_S,
    QUERY_TIMEOUT_S,
    SEGMENT_TIMEOUT_S,
)
from glioserve.progress import OnPartial, OnProgress
from glioserve.results import EvaluationResult, SegmentationResult, ServerInfo
from glioserve.synthesis import BuiltinMap, MapEdit, SyntheticExam
from glioserve.terms import Health, LabelScheme, Modality
from glioserve.v1 import (
    check_pb2_grpc,
    evaluation_pb2_grpc,
    info_pb2,
    info_pb2_grpc,
    segmentation_pb2_grpc,
    synthesis_pb2_grpc,
)


class AsyncClient(_base.ClientBase):
    """A connection to a server, for one event loop. Use it in an `async with` statement.

    Arguments, results and errors are those of `Client`. A task that is cancelled cancels its call on the server.

    Args:
        target: See `Client`.
        tls: See `Client`.
        plaintext: See `Client`.
        token_file: See `Client`.

    Raises:
        LocalInputError: See `Client`.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tls: TlsConfig | None = None,
        plaintext: bool = False,
        token_file: PathLike | None = None,
    ) -> None:
        super().__init__(target, tls=tls, plaintext=plaintext, token_file=token_file)
        if self._credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options=self._options)
        else:
            self._channel = grpc.aio.secure_channel(target, self._credentials, options=self._options)
        self._checks = check_pb2_grpc.CheckServiceStub(self._channel)
        self._segmentation = segmentation_pb2_grpc.SegmentationServiceStub(self._channel)
        self._evaluation = evaluation_pb2_grpc.EvaluationServiceStub(self._channel)
        self._synthesis = synthesis_pb2_grpc.SynthesisServiceStub(self._channel)
        self._info = info_pb2_grpc.InfoServiceStub(self._channel)
        self._cohorts = AsyncCohorts(self._channel, check_open=self._check_open, calling=self._typed_call)
        self._health = self._channel.unary_unary(
            _base.HEALTH_METHOD,
            request_serializer=_base.health_request,
            response_deserializer=_base.health_response,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def cohorts(self) -> AsyncCohorts:
        """Calls about synthetic cohorts. See `Client.cohorts`."""
        return self._cohorts

    async def close(self) -> None:
        """Ends the connection. Calls that are still running, in other tasks, end with `CancelledError`."""
        self._closed = True
        await self._channel.close()

    async def segment(
        self,
        exam: ExamFiles | Case | PathLike,
        *,
        reference: PathLike | None = None,
        label_scheme: LabelScheme = LabelScheme.BRATS_2018,
        reference_label_scheme: LabelScheme | None = None,
        conventions: MetricConventions = MetricConventions(),  # noqa: B008 - frozen
        output_grid: Modality = Modality.T1CE,
        full_frame: bool = False,
        on_progress: OnProgress | None = None,
        on_partial: OnPartial | None = None,
        timeout_s: float = SEGMENT_TIMEOUT_S,
        retries: int = 0,
    ) -> SegmentationResult:
        """Segments one exam. See `Client.segment`; the callbacks are plain functions, called in the event loop."""
        self._check_open()
        plan = await asyncio.to_thread(
            plan_segment,
            exam,
            reference=reference,
            label_scheme=label_scheme,
            reference_label_scheme=reference_label_scheme,
            conventions=conventions,
            output_grid=output_grid,
            full_frame=full_frame,
        )
        attempts = Attempts(timeout_s=timeout_s, retries=retries)
        return await attempts.run_async(
            lambda left_s: self._stream_once(
                "SegmentationService/Segment",
                self._segmentation.Segment,
                plan,
                SegmentFold(plan, on_progress=on_progress, on_partial=on_partial),
                timeout_s=left_s,
            )
        )

    async def check(
        self,
        exam: ExamFiles | Case | Mapping[Modality, PathLike] | PathLike,
        *,
        timeout_s: float = CHECK_TIMEOUT_S,
        retries: int = 0,
    ) -> CheckResult:
        """Tells everything that speaks against an exam, all at once. See `Client.check`."""
        self._check_open()
        plan = plan_check(exam)
        attempts = Attempts(timeout_s=timeout_s, retries=retries)
        return await attempts.run_async(lambda left_s: self._check_once(plan, timeout_s=left_s))

    async def generate(
        self,
        source: BuiltinMap | PathLike,
        *,
        edit: MapEdit = MapEdit(),  # noqa: B008 - frozen
        edit_seed: int = 0,
        generator: str = DEFAULT_GENERATOR,
        modalities: Sequence[Modality] = tuple(Modality),
        label_scheme: LabelScheme = LabelScheme.BRATS_2018,
        on_progress: OnProgress | None = None,
        timeout_s: float = GENERATE_TIMEOUT_S,
        retries: int = 0,
    ) -> SyntheticExam:
        """Draws one labelled synthetic exam. See `Client.generate`; `on_progress` is called in the event loop."""
        self._check_open()
        plan = plan_generate(
            source,
            edit=edit,
            edit_seed=edit_seed,
            generator=generator,
            modalities=modalities,
            label_scheme=label_scheme,
        )
        attempts = Attempts(timeout_s=timeout_s, retries=retries)
        return await attempts.run_async(
            lambda left_s: self._stream_once(
                "SynthesisService/Generate",
                self._synthesis.Generate,
                plan,
                GenerateFold(plan, on_progress=on_progress),
                timeout_s=left_s,
            )
        )

    async def evaluate(
        self,
        prediction: PathLike,
        reference: PathLike,
        *,
        label_scheme: LabelScheme,
        reference_label_scheme: LabelScheme | None = None,
        conventions: MetricConventions = MetricConventions(),  # noqa: B008 - frozen
        brain: tuple[Modality, PathLike] | None = None,
        timeout_s: float = EVALUATE_TIMEOUT_S,
    ) -> EvaluationResult:
        """Scores a label map against another on the same grid. See `Client.evaluate`."""
        self._check_open()
        plan = plan_evaluate(
            prediction,
            reference,
            label_scheme=label_scheme,
            reference_label_scheme=reference_label_scheme,
            conventions=conventions,
            brain=brain,
        )
        attempts = Attempts(timeout_s=timeout_s)
        upload = Upload(plan.files)
        async with self._typed_call("EvaluationService/Evaluate", upload) as metadata:
            response = await self._evaluation.Evaluate(
                _in_thread(plan.requests(upload)), timeout=attempts.remaining_s(), metadata=metadata
            )
        return decode.evaluation(response, plan)

    async def info(self, *, timeout_s: float = QUERY_TIMEOUT_S) -> ServerInfo:
        """What the server is and serves. See `Client.info`."""
        self._check_open()
        attempts = Attempts(timeout_s=timeout_s)
        async with self._typed_call("InfoService/GetInfo") as metadata:
            response = await self._info.GetInfo(
                info_pb2.GetInfoRequest(), timeout=attempts.remaining_s(), metadata=metadata
            )
        return decode.server_info(response)

    async def health(
        self,
        service: str = "",
        *,
        timeout_s: float = QUERY_TIMEOUT_S,
    ) -> Health:
        """Whether the server takes work. See `Client.health`."""
        self._check_open()
        attempts = Attempts(timeout_s=timeout_s)
        async with self._typed_errors():
            response = await self._health(StringValue(value=service), timeout=attempts.remaining_s())
        return _base.read_health(response)

    async def _stream_once(
        self,
        method: str,
        stream: grpc.aio.StreamStreamMultiCallable[Request, Response],
        plan: UploadPlan[Request],
        fold: Fold[Response, Result],
        *,
        timeout_s: float,
    ) -> Result:
        upload = Upload(plan.files)
        with self._calling(method) as metadata:
            async with self._typed_errors(upload):
                call = stream(_in_thread(plan.requests(upload)), timeout=timeout_s, metadata=metadata)
                try:
                    async for response in call:
                        fold.feed(response)
                finally:
                    call.cancel()  # without effect on a call that has ended; else it frees the server's work at once
            return await asyncio.to_thread(fold.finish)

    async def _check_once(self, plan: CheckPlan, *, timeout_s: float) -> CheckResult:
        upload = Upload(plan.files)
        async with self._typed_call("CheckService/Check", upload) as metadata:
            response = await self._checks.Check(_in_thread(plan.requests(upload)), timeout=timeout_s, metadata=metadata)
        return check_result(response)

    @asynccontextmanager
    async def _typed_call(self, method: str, upload: Upload | None = None) -> AsyncIterator[Metadata]:
        """The metadata of one attempt, whose errors are ours."""
        with self._calling(method) as metadata:
            async with self._typed_errors(upload):
                yield metadata

    @asynccontextmanager
    async def _typed_errors(self, upload: Upload | None = None) -> AsyncIterator[None]:
        """Turns gRPC's errors into ours. A file that failed while it was sent says more than the server's answer."""
        try:
            yield
        except grpc.aio.AioRpcError as error:
            failure = upload.failure if upload is not None else None
            raise failure or error_of(error.code(), error.details(), error.trailing_metadata()) from None
        except asyncio.CancelledError:
            # gRPC raises this both when the task is cancelled and when the channel is closed under the call.
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise CancelledError("the client was closed") from None
            raise
        if upload is not None and upload.failure is not None:
            raise upload.failure


async def _in_thread(requests: Iterator[Request]) -> AsyncIterator[Request]:
    """The requests, read from disk outside the event loop."""
    while (request := await asyncio.to_thread(next, requests, None)) is not None:
        yield request
