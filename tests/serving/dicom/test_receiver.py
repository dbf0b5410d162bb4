"""What callers are answered when an image can't be kept, and what they may send."""

from __future__ import annotations

import errno
import io
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from glioserve import Modality
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from serving.dicom.receiver import Receiver
from serving.dicom.settings import DicomSettings
from tests.client.dicom.studies import AS_ACQUIRED, Writer, head
from tests.serving.dicom.send import store

ARRAY = head(Modality.T1)[..., :2]


@dataclass
class Inbox:
    """Keeps what comes in memory, or fails."""

    fault: OSError | None = None
    images: list[tuple[str, str, bytes]] = field(default_factory=list)
    endings: list[bool] = field(default_factory=list)

    def image(self, study_uid: str, instance_uid: str, content: bytes, association: Hashable) -> None:
        assert association
        if self.fault is not None:
            raise self.fault
        self.images.append((study_uid, instance_uid, content))

    def other(self) -> None:
        raise AssertionError("nothing else is sent")

    def ended(self, association: Hashable, *, released: bool) -> None:
        assert association
        self.endings.append(released)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    settings = DicomSettings(port=0, destination_ae_title="A", destination_host="127.0.0.1", destination_port=104)
    receiver = Receiver(settings, inbox)
    yield int(receiver.start().rpartition(":")[2])
    receiver.stop()


def test_an_image_arrives_as_it_was_sent(inbox: Inbox, port: int, tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.classic(ARRAY, AS_ACQUIRED[Modality.T1], 1)
    assert store(tmp_path, port) == ["0000"]
    assert {study_uid for study_uid, *_ in inbox.images} == {str(writer.study_uid)}
    assert len({instance_uid for _, instance_uid, _ in inbox.images}) == 2
    arrived = {int(image.InstanceNumber): image for image in (dcmread(io.BytesIO(each)) for *_, each in inbox.images)}
    for k in range(2):
        assert np.array_equal(arrived[k + 1].pixel_array, ARRAY[..., k].T)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_images_are_taken_as_they_are(inbox: Inbox, port: int, tmp_path: Path, syntax: str) -> None:
    def compress(_: int, dataset: FileDataset) -> None:
        dataset.compress(syntax, generate_instance_uid=False)

    Writer(tmp_path).classic(ARRAY, AS_ACQUIRED[Modality.T1], 1, change=compress)
    assert store(tmp_path, port) == ["0000"]
    assert len(inbox.images) == 2


def test_deflated_headers_are_not_agreed_on(inbox: Inbox, port: int, tmp_path: Path) -> None:
    def deflate(_: int, dataset: FileDataset) -> None:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    Writer(tmp_path).classic(ARRAY, AS_ACQUIRED[Modality.T1], 1, change=deflate)
    assert store(tmp_path, port) is None
    assert inbox.images == []


def test_a_full_disk_is_no_success(inbox: Inbox, port: int, tmp_path: Path) -> None:
    inbox.fault = OSError(errno.ENOSPC, "No space left on device")
    Writer(tmp_path).classic(ARRAY, AS_ACQUIRED[Modality.T1], 1)
    assert store(tmp_path, port) == ["a700"]


def test_an_image_of_no_study_is_no_success(inbox: Inbox, port: int, tmp_path: Path) -> None:
    def orphan(_: int, dataset: FileDataset) -> None:
        del dataset.StudyInstanceUID

    Writer(tmp_path).classic(ARRAY, AS_ACQUIRED[Modality.T1], 1, change=orphan)
    assert store(tmp_path, port) == ["c000"]
    assert inbox.images == []
