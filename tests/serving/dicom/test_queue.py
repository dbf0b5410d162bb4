"""The queue on disk: nothing that was kept is lost, whenever the process ends."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.dicom.errors import StudyQueueError
from serving.dicom.queue import Fault, StudyQueue

FAULT = Fault("DestinationError", "destination: must answer, got silence", 3, set_aside=False, retry_at_s=1e9)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[StudyQueue]:
    queue = StudyQueue(tmp_path / "queue")
    yield queue
    queue.close()


def segmented(queue: StudyQueue, key: str, content: bytes = b"seg") -> bool:
    state = queue.state(key)
    with queue.part() as part:
        part.write_bytes(content)
        return queue.keep(key, part, state=state)


def reopened(queue: StudyQueue, tmp_path: Path) -> StudyQueue:
    queue.close()
    return StudyQueue(tmp_path / "queue")


def test_images_are_kept_under_names_that_tell_nothing(queue: StudyQueue, tmp_path: Path) -> None:
    key, new = queue.add("1.2.3", "1.2.3.4", b"one")
    assert new
    assert queue.add("1.2.3", "1.2.3.5", b"two") == (key, True)
    other, _ = queue.add("1.2.4", "1.2.3.4", b"three")
    assert queue.studies() == tuple(sorted((key, other)))
    assert {path.read_bytes() for path in queue.images(key).iterdir()} == {b"one", b"two"}
    assert "1.2." not in "".join(str(path) for path in (tmp_path / "queue").rglob("*")).replace(str(tmp_path), "")
    assert stat.S_IMODE((tmp_path / "queue").stat().st_mode) == 0o700


def test_an_image_that_comes_again_changes_nothing(queue: StudyQueue) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    assert segmented(queue, key)
    assert queue.add("1", "1.1", b"one") == (key, False)
    assert queue.segmentation(key).exists()
    assert queue.add("1", "1.1", b"corrected") == (key, True)
    assert not queue.segmentation(key).exists(), "it was made of another image"


def test_a_new_image_outdates_what_was_made_and_what_was_said(queue: StudyQueue) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    assert queue.fail(key, FAULT, state=queue.state(key))
    assert queue.fault(key) == FAULT
    queue.add("1", "1.2", b"two")
    assert queue.fault(key) is None
    assert segmented(queue, key)
    queue.add("1", "1.3", b"three")
    assert not queue.finish(key), "the study is more than what was delivered"
    assert len(list(queue.images(key).iterdir())) == 3


def test_an_image_that_comes_during_the_work(queue: StudyQueue) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    state = queue.state(key)
    with queue.part() as part:
        part.write_bytes(b"seg")
        queue.add("1", "1.2", b"two")
        assert not queue.keep(key, part, state=state)
    assert not queue.fail(key, FAULT, state=state)
    assert not queue.segmentation(key).exists()
    assert queue.fault(key) is None


def test_a_segmentation_takes_the_place_of_a_fault(queue: StudyQueue) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    queue.fail(key, FAULT, state=queue.state(key))
    assert segmented(queue, key)
    assert queue.fault(key) is None


def test_what_was_delivered_is_gone_with_all_its_parts(queue: StudyQueue, tmp_path: Path) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    assert segmented(queue, key)
    assert queue.finish(key)
    assert queue.studies() == ()
    assert [path for path in (tmp_path / "queue").rglob("*") if path.is_file()] == [tmp_path / "queue" / "lock"]


def test_another_process_goes_on(queue: StudyQueue, tmp_path: Path) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    queue.fail(key, FAULT, state=queue.state(key))
    other, _ = queue.add("2", "2.1", b"two")
    segmented(queue, other, b"made")
    (tmp_path / "queue" / "parts" / "left over").write_bytes(b"half")
    (tmp_path / "queue" / "studies" / "begun" / "images").mkdir(parents=True)
    (tmp_path / "queue" / "studies" / "hardly begun").mkdir()
    again = reopened(queue, tmp_path)
    assert again.studies() == tuple(sorted((key, other)))
    assert again.fault(key) == FAULT
    assert again.segmentation(other).read_bytes() == b"made"
    assert list((tmp_path / "queue" / "parts").iterdir()) == []
    again.forget_faults()
    assert again.fault(key) is None
    again.close()


@pytest.mark.usefixtures("queue")
def test_one_node_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(StudyQueueError, match="folder: must be used by one node at a time"):
        StudyQueue(tmp_path / "queue")


def test_a_folder_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyQueueError, match="folder: must be a folder that can be written"):
        StudyQueue(tmp_path / "file" / "queue")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"kind": 1}', b"\xff"])
def test_records_that_are_none(queue: StudyQueue, tmp_path: Path, content: bytes) -> None:
    key, _ = queue.add("1", "1.1", b"one")
    (tmp_path / "queue" / "studies" / key / "fault.json").write_bytes(content)
    with pytest.raises(StudyQueueError, match=r"fault\.json"):
        queue.fault(key)
