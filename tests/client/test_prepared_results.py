"""What a server tells of an exam that it had to prepare: findings, motions, the brain, another grid."""

from __future__ import annotations

from pathlib import Path

import glioserve as gs
import numpy as np
import pytest
from glioserve.v1 import segmentation_pb2
from glioserve.v1 import types_pb2 as pb

from tests.client import exams
from tests.client.fake_server import Answer, Answers, FakeServer, Received, mask_chunks, part, result

MOTION = np.array([[0, -1, 0, 4], [1, 0, 0, -2.5], [0, 0, 1, 0.25], [0, 0, 0, 1]])
FINDING = pb.Finding(
    rule=pb.FINDING_RULE_SLICE_THICKNESS, severity=pb.SEVERITY_WARN, field="t2", must="should be thin", got="5.5 mm"
)


def preparation(modality: int, *, motion: np.ndarray = MOTION) -> pb.Preparation:
    return pb.Preparation(
        modality=pb.Modality.ValueType(modality),
        registered=True,
        resampled=True,
        brain_extracted=True,
        motion=motion.ravel().tolist(),
        similarity_before=0.25,
        similarity_after=0.75,
    )


def brain_chunks(brain: bytes, *, file: int = 1) -> Answers:
    for start in range(0, len(brain), 500):
        yield part(mask_chunk=pb.Chunk(file=file, data=brain[start : start + 500]))


def prepared(brain: bytes | None = None, *, file: int = 1, **changes: object) -> Answer:
    """A report on an exam that came with a skull; the brain mask follows the label map."""
    mask = exams.nifti_gz(exams.labels())
    sent = exams.nifti_gz(exams.HEAD.astype(np.uint8)) if brain is None else brain

    def answer(received: Received) -> Answers:
        told: dict[str, object] = {
            "findings": [FINDING],
            "preparations": [preparation(number) for number in (1, 2, 3, 4)],
            "brain_mask_size_bytes": len(sent),
            "output_grid": received.header.output_grid,
            **changes,
        }
        yield part(result=result(received, mask, **told))
        yield from mask_chunks(mask)
        yield from brain_chunks(sent, file=file)

    return answer


def test_what_was_found_and_done_is_told(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    server.answers[:] = [prepared()]
    found = client.segment(case_dir)
    expected = gs.Finding(gs.FindingRule.SLICE_THICKNESS, gs.Severity.WARN, "t2", "should be thin", "5.5 mm")
    assert found.findings == (expected,)
    assert [each.modality for each in found.preparations] == list(gs.Modality)
    moved = found.preparations[2]
    assert (moved.registered, moved.resampled, moved.brain_extracted) == (True, True, True)
    assert (moved.similarity_before, moved.similarity_after) == (0.25, 0.75)
    np.testing.assert_array_equal(moved.motion, MOTION)
    assert found.output_grid is gs.Modality.T1CE
    assert found.brain_mask is not None
    np.testing.assert_array_equal(found.brain_mask.array, exams.HEAD)


def test_servers_that_tell_nothing_of_it_are_understood(client: gs.Client, case_dir: Path) -> None:
    found = client.segment(case_dir)
    assert (found.findings, found.preparations, found.brain_mask) == ((), (), None)
    assert found.output_grid is gs.Modality.T1CE


def test_the_grid_that_is_wanted_is_asked_for(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    server.answers[:] = [prepared()]
    found = client.segment(case_dir, output_grid=gs.Modality.FLAIR)
    assert server.received[0].header.output_grid == pb.MODALITY_FLAIR
    assert found.output_grid is gs.Modality.FLAIR


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (prepared(output_grid=pb.MODALITY_T2), "on the grid of t2, t1ce was asked for"),
        (prepared(brain=b"no gzip"), "brain mask is not a gzip file"),
        (prepared(brain=exams.nifti_gz(np.zeros((3, 3, 3), np.uint8))), "brain mask is not on the grid"),
        (prepared(brain_mask_size_bytes=10), "more than the 10 bytes announced of the brain mask"),
        (prepared(brain_mask_size_bytes=10**6), "of the brain mask, 1000000 announced"),
        (prepared(file=2), "a file 2, 2 are known"),
        (prepared(preparations=[preparation(1, motion=np.eye(3))]), "the motion of t1 has 9 numbers, not 16"),
        (prepared(preparations=[preparation(0)]), "states no Modality"),
        (prepared(findings=[pb.Finding(severity=pb.SEVERITY_WARN)]), "states no FindingRule"),
    ],
)
def test_broken_tales_are_refused(
    client: gs.Client, server: FakeServer, case_dir: Path, answer: Answer, told: str
) -> None:
    server.answers[:] = [answer]
    with pytest.raises(gs.ProtocolError, match=told):
        client.segment(case_dir)


def test_a_brain_mask_before_the_result_is_refused(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    server.answers[:] = [lambda _: brain_chunks(b"early")]
    with pytest.raises(gs.ProtocolError, match="before the result"):
        client.segment(case_dir)


def test_parts_of_no_known_kind_are_passed_over(client: gs.Client, server: FakeServer, case_dir: Path) -> None:
    def answer(received: Received) -> Answers:
        yield segmentation_pb2.SegmentResponse()
        yield from prepared()(received)

    server.answers[:] = [answer]
    assert client.segment(case_dir).brain_mask is not None
