"""The client for ordinary code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from glioserve import _base
from glioserve.channel import DEFAULT_TARGET, TlsConfig
from glioserve.cohort_calls import Cohorts
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


class Client(_base.ClientBase):
    """A connection to a server. Use it in a `with` statement; it may be shared between threads.

    Args:
        target: `HOST:PORT`, or a gRPC URI such as `unix:/run/glioserve.sock`. Calls are spread over all addresses
            of a name, e.g. of `dns:///gateway.example:50051`.
        tls: Protection of the channel. Without it, only servers on this machine are called.
        plaintext: Call a server on another machine without protection all the same, on a network that you vouch for.
        token_file: Holds the token that the server asks for, on one line. It is read for each call, so it may be
            replaced, and it goes over TLS, or to a server on this machine, alone.

    Raises:
        LocalInputError: The target is not on this machine and unprotected, or a file of `tls`, or that of the token,
            can't be read.

    Example:
        with glioserve.Client() as client:
            result = client.segment("cases/case_1")
            result.label_map.save("segmentation.nii.gz")
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
            self._channel = grpc.insecure_channel(target, options=self._options)
        else:
            self._channel = grpc.secure_channel(target, self._credentials, options=self._options)
        self._checks = check_pb2_grpc.CheckServiceStub(self._channel)
        self._segmentation = segmentation_pb2_grpc.SegmentationServiceStub(self._channel)
        self._evaluation = evaluation_pb2_grpc.EvaluationServiceStub(self._channel)
        self._synthesis = synthesis_pb2_grpc.SynthesisServiceStub(self._channel)
        self._info = info_pb2_grpc.InfoServiceStub(self._channel)
        self._cohorts = Cohorts(self._channel, check_open=self._check_open, calling=self._typed_call)
        self._health = self._channel.unary_unary(
            _base.HEALTH_METHOD,
            request_serializer=_base.health_request,
            response_deserializer=_base.health_response,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def cohorts(self) -> Cohorts:
        """Calls about synthetic cohorts: order, get, list, watch, cancel."""
        return self._cohorts

    def close(self) -> None:
        """Ends the connection. Calls that are still running, in other threads, end with `CancelledError`."""
        self._closed = True
        self._channel.close()

    def segment(
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
        """Segments one exam.

        Args:
            exam: Four files, a case from `find_case`, or a case folder with names as in BraTS 2018 to 2024.
            reference: Expert labels to score against, in place of those that a case or its folder has.
            label_scheme: Of the label map that comes back.
            reference_label_scheme: What the reference's values mean. Required with `reference`.
            conventions: How metrics are computed, where there is a reference.
            output_grid: The contrast on whose grid, as sent, the masks come back; a reference lies on it too.
            full_frame: Show the whole frame to every network. It takes far longer; the usual way is measured by it.
            on_progress: Called for each place in the queue and each advance, from this thread.
            on_partial: Called for each region that is known before the rest, WT first, from this thread.
            timeout_s: For everything, upload, queue and retries included.
            retries: How often to try again when the server is busy and says when to come back, or is not there.

        Raises:
            LocalInputError: A file is missing, or arguments contradict each other; nothing was computed.
            InvalidInputError: The server refuses the exam.
            ServerBusyError: The server has no room now.
            ServerError: The server or the way to it failed; see its subclasses.
        """
        self._check_open()
        plan = plan_segment(
            exam,
            reference=reference,
            label_scheme=label_scheme,
            reference_label_scheme=reference_label_scheme,
            conventions=conventions,
            output_grid=output_grid,
            full_frame=full_frame,
        )
        attempts = Attempts(timeout_s=timeout_s, retries=retries)
        return attempts.run(
            lambda left_s: self._stream_once(
                "SegmentationService/Segment",
                self._segmentation.Segment,
                plan,
                SegmentFold(plan, on_progress=on_progress, on_partial=on_partial),
                timeout_s=left_s,
            )
        )

    def check(
        self,
        exam: ExamFiles | Case | Mapping[Modality, PathLike] | PathLike,
        *,
        timeout_s: float = CHECK_TIMEOUT_S,
        retries: int = 0,
    ) -> CheckResult:
        """Tells everything that speaks against an exam, all at once, before any network runs.

        Files that can't be read, and contrasts that are missing, are findings too.

        Args:
            exam: Four files, a case from `find_case`, some of the four contrasts by their names, or a case folder, in
                which contrasts may be missing.
            timeout_s: For everything, upload, queue and retries included.
            retries: How often to try again when the server is busy and says when to come back, or is not there.

        Raises:
            LocalInputError: A file is not there, or there is none at all.
            InvalidInputError: The files are larger than the server takes.
            ServerBusyError: The server has no room now.
            ServerError: The server or the way to it failed; see its subclasses.
        """
        self._check_open()
        plan = plan_check(exam)
        attempts = Attempts(timeout_s=timeout_s, retries=retries)
        return attempts.run(lambda left_s: self._check_once(plan, timeout_s=left_s))

    def generate(
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
        """Draws one labelled exam of nobody.

        Args:
            source: A map of the server's built-in source, or the file of one (`.npz`).
            edit: What is done to the map first.
            edit_seed: Of the edit's elastic field, 0 or more.
            generator: What draws, as `info` names it.
            modalities: Contrasts of the answer, each once.
            label_scheme: Of the labels, `BRATS_2018` or `BRATS_2023`, which file names tell.
            on_progress: Called for each place in the queue and each advance, from this thread.
            timeout_s: For everything, upload, queue and retries included.
            retries: How often to try again when the server is busy and says when to come back, or is not there.

        Raises:
            LocalInputError: The file of the map is missing, or an argument can't be sent.
            InvalidInputError: The server refuses the map, the edit, or knows no such generator.
            ServerBusyError: The server has no room now.
            ServerError: The server or the way to it failed; see its subclasses.
        """
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
        return attempts.run(
            lambda left_s: self._stream_once(
                "SynthesisService/Generate",
                self._synthesis.Generate,
                plan,
                GenerateFold(plan, on_progress=on_progress),
                timeout_s=left_s,
            )
        )

    def evaluate(
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
        """Scores a label map against another on the same grid.

        Args:
            prediction: Labels to be judged.
            reference: Expert labels.
            label_scheme: What the values mean, in both files.
            reference_label_scheme: What the reference's values mean, where that differs.
            conventions: How metrics are computed.
            brain: A contrast of the exam; needed for, and only for, specificity over the brain.
            timeout_s: For everything, upload included.

        Raises:
            GlioserveError: As for `segment`.
        """
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
        with self._typed_call("EvaluationService/Evaluate", upload) as metadata:
            response = self._evaluation.Evaluate(
                plan.requests(upload), timeout=attempts.remaining_s(), metadata=metadata
            )
        return decode.evaluation(response, plan)

    def info(self, *, timeout_s: float = QUERY_TIMEOUT_S) -> ServerInfo:
        """What the server is and serves.

        Raises:
            ServerError: The server or the way to it failed; see its subclasses.
        """
        self._check_open()
        with self._typed_call("InfoService/GetInfo") as metadata:
            response = self._info.GetInfo(
                info_pb2.GetInfoRequest(), timeout=Attempts(timeout_s=timeout_s).remaining_s(), metadata=metadata
            )
        return decode.server_info(response)

    def health(self, service: str = "", *, timeout_s: float = QUERY_TIMEOUT_S) -> Health:
        """Whether the server takes work.

        Args:
            service: Full name of one service, e.g. `glioserve.v1.SegmentationService`; empty for the server as a whole.
            timeout_s: For the whole call.

        Raises:
            ServerError: The server or the way to it failed; see its subclasses.
        """
        self._check_open()
        with _typed_errors():
            response = self._health(StringValue(value=service), timeout=Attempts(timeout_s=timeout_s).remaining_s())
        return _base.read_health(response)

    def _stream_once(
        self,
        method: str,
        stream: grpc.StreamStreamMultiCallable[Request, Response],
        plan: UploadPlan[Request],
        fold: Fold[Response, Result],
        *,
        timeout_s: float,
    ) -> Result:
        upload = Upload(plan.files)
        with self._calling(method) as metadata:
            with _typed_errors(upload):
                call = stream(plan.requests(upload), timeout=timeout_s, metadata=metadata)
                try:
                    for response in call:
                        fold.feed(response)
                finally:
                    call.cancel()  # without effect on a call that has ended; else it frees the server's work at once
            return fold.finish()

    def _check_once(self, plan: CheckPlan, *, timeout_s: float) -> CheckResult:
        upload = Upload(plan.files)
        with self._typed_call("CheckService/Check", upload) as metadata:
            response = self._checks.Check(plan.requests(upload), timeout=timeout_s, metadata=metadata)
        return check_result(response)

    @contextmanager
    def _typed_call(self, method: str, upload: Upload | None = None) -> Iterator[Metadata]:
        """The metadata of one attempt, whose errors are ours."""
        with self._calling(method) as metadata, _typed_errors(upload):
            yield metadata


@contextmanager
def _typed_errors(upload: Upload | None = None) -> Iterator[None]:
    """Turns gRPC's errors into ours. A file that failed while it was sent says more than the server's answer."""
    try:
        yield
    except grpc.RpcError as error:
        failure = upload.failure if upload is not None else None
        trailing_metadata = [(each.key, each.value) for each in error.trailing_metadata() or ()]
        raise failure or error_of(error.code(), error.details(), trailing_metadata) from None
    if upload is not None and upload.failure is not None:
        raise upload.failure
