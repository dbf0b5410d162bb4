"""What comes of one attempt at a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from glioserve import CancelledError, InvalidInputError, LocalInputError, ServerUnavailableError

from serving.dicom.errors import DestinationError
from serving.dicom.metrics import Outcome
from serving.dicom.queue import StudyQueue
from serving.dicom.settings import DicomSettings
from serving.dicom.work import Interrupted, StudyWork

SETTINGS = DicomSettings(
    destination_ae_title="A", destination_host="127.0.0.1", destination_port=104, attempts=3, retry_s=10
)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[StudyQueue]:
    queue = StudyQueue(tmp_path / "queue")
    yield queue
    queue.close()


@pytest.fixture
def key(queue: StudyQueue) -> str:
    return queue.add("1.2.3", "1.2.3.4", b"image")[0]


def made(study: Path, target: Path) -> None:
    target.write_bytes(b"seg of " + next(study.iterdir()).read_bytes())


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: Path) -> None:
        raise error

    return fail


def test_it_is_segmented_and_delivered(queue: StudyQueue, key: str) -> None:
    delivered = []
    work = StudyWork(queue, SETTINGS, segment=made, deliver=lambda path: delivered.append(path.read_bytes()))
    assert work.attempt(key) == (Outcome.DELIVERED, None)
    assert delivered == [b"seg of image"]
    assert queue.studies() == ()


def test_what_was_made_is_not_made_again(queue: StudyQueue, key: str) -> None:
    work = StudyWork(
        queue, SETTINGS, segment=made, deliver=failing(DestinationError("destination", "must answer", "silence"))
    )
    outcome, fault = work.attempt(key)
    assert (outcome, fault and fault.attempts) == (Outcome.RETRIED, 1)
    assert str(fault and fault.message) == "destination: must answer, got silence"
    work = StudyWork(queue, SETTINGS, segment=failing(AssertionError()), deliver=lambda _: None)
    assert work.attempt(key) == (Outcome.DELIVERED, None)


def test_attempts_come_to_an_end(queue: StudyQueue, key: str) -> None:
    work = StudyWork(queue, SETTINGS, segment=failing(ServerUnavailableError("down")), deliver=lambda _: None)
    assert [work.attempt(key)[0] for _ in range(3)] == [Outcome.RETRIED, Outcome.RETRIED, Outcome.SET_ASIDE]
    fault = queue.fault(key)
    assert fault is not None
    assert (fault.kind, fault.attempts, fault.set_aside) == ("ServerUnavailableError", 3, True)
    assert queue.studies() == (key,), "never lost"


@pytest.mark.parametrize(
    "error",
    [LocalInputError("t1ce", "must be there", "none"), InvalidInputError("ExamError", "t1ce", "must be there", "none")],
)
def test_a_study_that_is_at_fault_itself_is_not_tried_again(queue: StudyQueue, key: str, error: Exception) -> None:
    work = StudyWork(queue, SETTINGS, segment=failing(error), deliver=lambda _: None)
    outcome, fault = work.attempt(key)
    assert outcome is Outcome.SET_ASIDE
    assert fault is not None
    assert fault.message == "t1ce: must be there, got none"


def test_an_error_that_nobody_foresaw_tells_nothing(queue: StudyQueue, key: str) -> None:
    work = StudyWork(queue, SETTINGS, segment=failing(RuntimeError("Doe^Jane")), deliver=lambda _: None)
    outcome, fault = work.attempt(key)
    assert outcome is Outcome.RETRIED
    assert fault is not None
    assert "Doe" not in fault.to_json().decode()


def test_images_that_come_during_the_work(queue: StudyQueue, key: str) -> None:
    def segment(study: Path, target: Path) -> None:
        queue.add("1.2.3", "1.2.3.5", b"late")
        made(study, target)

    def deliver(_: Path) -> None:
        queue.add("1.2.3", "1.2.3.6", b"later")

    def fail(*_: Path) -> None:
        queue.add("1.2.3", "1.2.3.7", b"last")
        raise LocalInputError("t1ce", "must be there", "none")

    assert (
        StudyWork(queue, SETTINGS, segment=segment, deliver=failing(AssertionError())).attempt(key)[0]
        is Outcome.OUTDATED
    )
    assert StudyWork(queue, SETTINGS, segment=made, deliver=deliver).attempt(key)[0] is Outcome.OUTDATED
    assert StudyWork(queue, SETTINGS, segment=fail, deliver=deliver).attempt(key)[0] is Outcome.OUTDATED
    assert len(list(queue.images(key).iterdir())) == 4
    assert queue.fault(key) is None


def test_a_node_that_stops_leaves_the_study_as_it_is(queue: StudyQueue, key: str) -> None:
    error = CancelledError("the client was closed")
    work = StudyWork(queue, SETTINGS, segment=failing(error), deliver=lambda _: None, stopping=lambda: True)
    with pytest.raises(Interrupted):
        work.attempt(key)
    assert queue.fault(key) is None
    work = StudyWork(queue, SETTINGS, segment=failing(error), deliver=lambda _: None)
    assert work.attempt(key)[0] is Outcome.RETRIED, "a gateway that stops comes again"
