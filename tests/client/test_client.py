"""The ordinary client against a server that speaks the contract."""

from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path

import glioserve as gs
import grpc
import numpy as np
import pytest
from glioserve.core import attempts
from glioserve.v1 import segmentation_pb2
from glioserve.v1 import types_pb2 as pb
from glioserve.v1.contract import CHUNK_BYTES

from tests.client import exams
from tests.client.fake_server import (
    DIGEST,
    WARNING,
    Answer,
    FakeServer,
    Received,
    busy,
    fail,
    part,
    report,
    result,
    say,
    succeed,
    volumes,
)

Status = grpc.StatusCode


def test_the_result_is_what_the_server_said(client: gs.Client, case_dir: Path) -> None:
    found = client.segment(case_dir)
    assert [each.region for each in found.volumes] == [gs.Region.WT, gs.Region.TC, gs.Region.ET]
    for region in gs.Region:
        assert np.array_equal(found.label_map.mask(region), exams.MASKS[region])
        assert found.volume_ml(region) == pytest.approx(exams.MASKS[region].sum() * exams.VOXEL_ML)
    assert found.models == (gs.ModelInfo("unet_wt", "3", DIGEST, gs.Region.WT, ("t1", "flair")),)
    assert found.timings[1] == gs.StageTiming("segment_wt", 1.5)
    assert found.total_s == 1.75
    assert (found.warnings, found.notes) == ((WARNING,), ())
    assert (found.server_version, found.engine) == ("9.8.7", "triton")
    assert (found.metrics, found.conventions, found.reference_label_scheme) == ((), None, None)


def test_the_files_arrive_as_they_are(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    files = exams.exam_files(case_dir)
    noise = np.random.default_rng(0).standard_normal((*exams.SHAPE[:2], 700)).astype(np.float32)
    files.t2.write_bytes(exams.nifti_bytes(noise))
    assert files.t2.stat().st_size > 2 * CHUNK_BYTES
    client.segment(files)
    (received,) = server.received
    assert [each.modality for each in received.header.files] == [1, 2, 3, 4]
    assert received.files == tuple(path.read_bytes() for path in (files.t1, files.t1ce, files.t2, files.flair))
    assert received.header.reference_label_scheme == pb.LABEL_SCHEME_UNSPECIFIED


def test_progress_and_partial_results_come_in_order(client: gs.Client, case_dir: Path) -> None:
    events: list[gs.Queued | gs.Progress | gs.RegionVolume] = []
    client.segment(case_dir, on_progress=events.append, on_partial=events.append)
    assert events[:3] == [gs.Queued(2), gs.Progress("segment_wt", 1, 2), gs.Progress("segment_wt", 2, 2)]
    assert isinstance(events[3], gs.RegionVolume)
    assert events[3].region is gs.Region.WT
    assert events[4:] == [gs.Progress("segment_et", 1, 1)]


def test_a_callback_that_fails_ends_the_call(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    def stop(_: object) -> None:
        raise KeyError("mine")

    server.answers = [server.hang]
    with pytest.raises(KeyError, match="mine"):
        client.segment(case_dir, on_progress=stop)
    assert server.ended.wait(10), "the server was not told that the call is over"


def test_a_reference_is_scored_by_the_conventions_asked_for(
    client: gs.Client, server: FakeServer, case_dir: Path, tmp_path: Path
) -> None:
    reference = tmp_path / "expert.nii.gz"
    reference.write_bytes(exams.nifti_gz(exams.labels(gs.LabelScheme.MSD)))
    asked = gs.MetricConventions(gs.Hd95Definition.DIRECTED_MAX, gs.EmptyMaskPolicy.STRICT, gs.SpecificityDomain.BRAIN)
    found = client.segment(case_dir, reference=reference, reference_label_scheme=gs.LabelScheme.MSD, conventions=asked)
    (received,) = server.received
    assert received.header.files[4].mask == pb.MASK_ROLE_REFERENCE
    assert received.header.reference_label_scheme == pb.LABEL_SCHEME_MSD
    assert received.header.conventions.hd95_definition == pb.HD95_DEFINITION_DIRECTED_MAX
    assert received.files[4] == reference.read_bytes()
    assert found.conventions == asked
    assert found.reference_label_scheme is gs.LabelScheme.MSD
    assert found.metrics[0] == gs.RegionMetrics(gs.Region.WT, 0.875, 2.25, 0.8125, 0.9375, gs.MetricStatus.COMPUTED)


def test_what_was_inferred_of_a_case_is_noted(client: gs.Client, scored_dir: Path) -> None:
    found = client.segment(scored_dir)
    assert found.reference_label_scheme is gs.LabelScheme.BRATS_2018
    assert len(found.notes) == 1
    assert "inferred" in found.notes[0]


def test_a_detail_tells_what_is_wrong_with_the_exam(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    detail = pb.ErrorDetail(kind="NiftiTruncatedError", field="t1ce", rule="must be whole", got="half of it")
    server.answers = [fail(Status.INVALID_ARGUMENT, detail=detail)]
    with pytest.raises(gs.InvalidInputError) as caught:
        client.segment(case_dir, retries=3)
    error = caught.value
    assert (error.kind, error.field, error.rule, error.got) == (
        "NiftiTruncatedError",
        "t1ce",
        "must be whole",
        "half of it",
    )
    assert len(server.received) == 1, "an exam that is refused is not sent again"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Status.INVALID_ARGUMENT, gs.InvalidInputError),
        (Status.FAILED_PRECONDITION, gs.InvalidInputError),
        (Status.RESOURCE_EXHAUSTED, gs.ServerBusyError),
        (Status.UNAVAILABLE, gs.ServerUnavailableError),
        (Status.DEADLINE_EXCEEDED, gs.DeadlineError),
        (Status.CANCELLED, gs.CancelledError),
        (Status.UNAUTHENTICATED, gs.AccessDeniedError),
        (Status.PERMISSION_DENIED, gs.AccessDeniedError),
        (Status.UNIMPLEMENTED, gs.IncompatibleServerError),
        (Status.INTERNAL, gs.ServerError),
    ],
)
@pytest.mark.parametrize("detail", [None, b"\xff\xff"], ids=["no detail", "broken detail"])
def test_each_status_is_a_type(
    client: gs.Client,
    server: FakeServer,
    case_dir: Path,
    code: grpc.StatusCode,
    kind: type[gs.GlioserveError],
    detail: bytes | None,
) -> None:
    server.answers = [fail(code, detail=detail)]
    with pytest.raises(kind, match="the reason") as caught:
        client.segment(case_dir)
    assert type(caught.value) is kind


def test_an_exam_that_is_too_large_is_not_a_busy_server(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    detail = pb.ErrorDetail(kind="TooLargeError", field="t1", rule="must be small", got="large")
    server.answers = [fail(Status.RESOURCE_EXHAUSTED, detail=detail)]
    with pytest.raises(gs.InvalidInputError):
        client.segment(case_dir)


def test_a_busy_server_is_asked_again(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    server.answers = [busy(), busy(), succeed]
    assert client.segment(case_dir, retries=2).volumes
    assert len(server.received) == 3
    assert server.received[2].files == server.received[0].files


@pytest.mark.parametrize(
    ("answer", "retries", "hint_s", "calls"),
    [
        (busy(), 1, 0.001, 2),
        (busy(), 0, 0.001, 1),
        (busy(retry_after_ms=0), 5, None, 1),
        (busy(retry_after_ms=3_600_000), 5, 3600.0, 1),
    ],
    ids=["no retry left", "no retries", "no hint", "no time left"],
)
def test_when_a_busy_server_is_not_asked_again(
    client: gs.Client,
    server: FakeServer,
    case_dir: Path,
    answer: Answer,
    retries: int,
    hint_s: float | None,
    calls: int,
) -> None:
    server.answers = [answer]
    with pytest.raises(gs.ServerBusyError, match="no room") as caught:
        client.segment(case_dir, retries=retries, timeout_s=30)
    assert caught.value.retry_after_s == hint_s
    assert len(server.received) == calls


def test_time_runs_out(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    server.answers = [server.hang]
    with pytest.raises(gs.DeadlineError):
        client.segment(case_dir, timeout_s=0.4)
    assert server.ended.wait(10)


def test_time_can_be_over_before_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    left = attempts.Attempts(timeout_s=5)
    clock = time.monotonic() + 6
    monkeypatch.setattr(attempts.time, "monotonic", lambda: clock)
    with pytest.raises(gs.DeadlineError):
        left.remaining_s()


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("inf"), float("nan")])
def test_time_limits_are_positive_numbers(client: gs.Client, case_dir: Path, timeout_s: float) -> None:
    for call in (lambda: client.segment(case_dir, timeout_s=timeout_s), lambda: client.info(timeout_s=timeout_s)):
        with pytest.raises(gs.LocalInputError) as caught:
            call()
        assert caught.value.field == "timeout_s"


def test_retries_are_not_negative(client: gs.Client, case_dir: Path) -> None:
    with pytest.raises(gs.LocalInputError, match="retries"):
        client.segment(case_dir, retries=-1)


def test_nobody_is_there(nobody: str, case_dir: Path) -> None:
    with gs.Client(nobody) as client:
        for call in (client.info, client.health, lambda: client.segment(case_dir)):
            with pytest.raises(gs.ServerUnavailableError):
                call()


def test_a_closed_client_takes_no_calls(server: FakeServer, case_dir: Path) -> None:
    client = gs.Client(server.target)
    client.close()
    for call in (
        client.info,
        client.health,
        lambda: client.segment(case_dir),
        lambda: client.evaluate("a", "b", label_scheme=gs.LabelScheme.MSD),
    ):
        with pytest.raises(gs.ClosedClientError):
            call()


def test_closing_ends_running_calls(server: FakeServer, case_dir: Path) -> None:
    server.answers = [server.hang]
    client = gs.Client(server.target)
    closer = threading.Thread(target=client.close)
    with pytest.raises(gs.CancelledError):
        client.segment(case_dir, on_progress=lambda _: closer.start())
    closer.join()


def test_a_file_that_shrinks_while_it_is_sent(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    flair = exams.exam_files(case_dir).flair

    def shrink(received: Received) -> object:
        flair.write_bytes(flair.read_bytes()[:100])
        return busy()(received)

    server.answers = [shrink]
    with pytest.raises(gs.LocalInputError, match="must not change") as caught:
        client.segment(case_dir, retries=1)
    assert caught.value.field == "flair"


def test_a_file_that_vanishes_while_it_is_sent(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    t1 = exams.exam_files(case_dir).t1

    def remove(received: Received) -> object:
        t1.unlink()
        return busy()(received)

    server.answers = [remove]
    with pytest.raises(gs.LocalInputError, match="FileNotFoundError") as caught:
        client.segment(case_dir, retries=1)
    assert caught.value.field == "t1"
    assert "Jane" not in str(caught.value)


def test_a_missing_file_is_found_before_a_call(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    files = exams.exam_files(case_dir)
    files.t2.unlink()
    with pytest.raises(gs.LocalInputError) as caught:
        client.segment(files)
    assert caught.value.field == "t2"
    assert server.received == []


SHIFTED = np.diag([-2.0, -2.0, 2.0, 1.0]) + np.array([[0, 0, 0, 2.0], [0] * 4, [0] * 4, [0] * 4])
MASK = exams.nifti_gz(exams.labels())
PROGRESS = part(progress=segmentation_pb2.Progress(stage="check", done=1, total=1))


def shortened(mask: bytes) -> bytes:
    return gzip.compress(gzip.decompress(mask)[:-50])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (say(PROGRESS), "without a result"),
        (say(part(mask_chunk=pb.Chunk(data=b"x"))), "before the result"),
        (report(mask_size_bytes=len(MASK) - 1), "more than"),
        (report(mask_size_bytes=len(MASK) + 1), "announced"),
        (lambda received: iter([part(result=result(received, b"")), PROGRESS]), "goes on after"),
        (report(volumes=volumes()[:2]), "2 regions"),
        (report(label_scheme=pb.LABEL_SCHEME_MSD), "msd, brats2018 was asked"),
        (report(label_scheme=99), "unknown to this client"),
        (report(label_scheme=0), "states no LabelScheme"),
        (report(exams.nifti_gz(exams.labels(), SHIFTED)), "not on the grid"),
        (report(exams.nifti_gz(exams.labels()[:-1])), "not on the grid"),
        (report(b"no gzip"), "not a gzip file"),
        (report(MASK[:-20]), "cut off"),
        (report(gzip.compress(bytes(10_000_000))), "more than the exam's grid needs"),
        (report(gzip.compress(b"no NIfTI" * 100)), "not a NIfTI-1 image"),
        (report(gzip.compress(b"tiny")), "not a NIfTI-1 image"),
        (report(shortened(MASK)), "fewer voxels"),
        (say(part(partial=segmentation_pb2.PartialResult())), "states no Region"),
    ],
)
def test_answers_that_break_the_contract(
    client: gs.Client, server: FakeServer, case_dir: Path, answer: Answer, message: str
) -> None:
    server.answers = [answer]
    with pytest.raises(gs.ProtocolError, match=message):
        client.segment(case_dir)


def test_answers_of_a_later_contract_are_skipped(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    unknown = segmentation_pb2.SegmentResponse.FromString(b"\xfa\x01\x00")  # field 31, which there is none of
    server.answers = [lambda received: iter([unknown, *succeed(received)])]
    assert client.segment(case_dir).volumes


@pytest.mark.parametrize(
    ("reference", "scheme", "field"),
    [(True, None, "reference_label_scheme"), (False, gs.LabelScheme.MSD, "reference_label_scheme")],
)
def test_a_reference_and_its_scheme_come_together(
    client: gs.Client, case_dir: Path, reference: bool, scheme: gs.LabelScheme | None, field: str
) -> None:
    files = exams.exam_files(case_dir)
    for exam in (files, case_dir, gs.Case(files)):
        with pytest.raises(gs.LocalInputError) as caught:
            client.segment(exam, reference=files.t1 if reference else None, reference_label_scheme=scheme)
        assert caught.value.field == field


def test_a_reference_replaces_that_of_a_folder(client: gs.Client, server: FakeServer, scored_dir: Path) -> None:
    other = exams.exam_files(scored_dir).t1
    for exam in (scored_dir, gs.find_case(scored_dir), exams.exam_files(scored_dir)):
        client.segment(exam, reference=other, reference_label_scheme=gs.LabelScheme.MSD)
        assert server.received[-1].files[4] == other.read_bytes()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"
    paths[0].write_bytes(exams.nifti_gz(exams.labels()))
    paths[1].write_bytes(exams.nifti_gz(exams.labels(gs.LabelScheme.MSD)))
    return paths


def test_an_evaluation(client: gs.Client, server: FakeServer, pair: tuple[Path, Path]) -> None:
    found = client.evaluate(*pair, label_scheme=gs.LabelScheme.BRATS_2018, reference_label_scheme=gs.LabelScheme.MSD)
    header, files = server.evaluated[0]
    assert files == tuple(path.read_bytes() for path in pair)
    assert [each.mask for each in header.files] == [pb.MASK_ROLE_PREDICTION, pb.MASK_ROLE_REFERENCE]
    assert (header.prediction_label_scheme, header.reference_label_scheme) == (1, 5)
    assert found.prediction_label_scheme is gs.LabelScheme.BRATS_2018
    assert found.reference_label_scheme is gs.LabelScheme.MSD
    assert found.metrics[2].region is gs.Region.ET
    assert found.reference_volumes[0].voxels == 0
    assert found.conventions == gs.MetricConventions()


def test_specificity_over_the_brain_needs_a_contrast(
    client: gs.Client, server: FakeServer, pair: tuple[Path, Path], case_dir: Path
) -> None:
    brain = gs.MetricConventions(specificity_domain=gs.SpecificityDomain.BRAIN)
    t2 = (gs.Modality.T2, exams.exam_files(case_dir).t2)
    client.evaluate(*pair, label_scheme=gs.LabelScheme.MSD, conventions=brain, brain=t2)
    header, files = server.evaluated[0]
    assert header.files[2].modality == pb.MODALITY_T2
    assert files[2] == t2[1].read_bytes()
    assert header.reference_label_scheme == pb.LABEL_SCHEME_MSD
    for conventions, contrast in ((brain, None), (gs.MetricConventions(), t2)):
        with pytest.raises(gs.LocalInputError, match="brain"):
            client.evaluate(*pair, label_scheme=gs.LabelScheme.MSD, conventions=conventions, brain=contrast)


def test_an_evaluation_that_is_refused(client: gs.Client, server: FakeServer, pair: tuple[Path, Path]) -> None:
    server.evaluate_status = Status.INVALID_ARGUMENT
    with pytest.raises(gs.InvalidInputError) as caught:
        client.evaluate(*pair, label_scheme=gs.LabelScheme.MSD)
    assert caught.value.kind == "GridMismatchError"


def test_what_a_server_says_of_itself(client: gs.Client) -> None:
    info = client.info()
    assert [model.region for model in info.models] == [gs.Region.WT, None]
    assert info.label_schemes == (gs.LabelScheme.BRATS_2018, gs.LabelScheme.MSD), "an unknown one is left out"
    assert (info.max_file_bytes, info.max_voxels) == (512 * 2**20, 64_000_000)
    assert (info.queue_capacity, info.queue_length) == (8, 3)


def test_health(client: gs.Client) -> None:
    assert client.health() is gs.Health.SERVING
    assert client.health("glioserve.v1.SegmentationService") is gs.Health.NOT_SERVING
    with pytest.raises(gs.ServerError):
        client.health("no.such.Service")
