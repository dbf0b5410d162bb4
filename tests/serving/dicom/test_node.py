"""Real sockets and processes: a study comes by C-STORE, its segmentation goes by C-STORE, whatever happens between."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from glioserve import Modality
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from serving.settings import SettingsError
from tests.client.dicom.answers import found, lesion
from tests.client.dicom.studies import AS_ACQUIRED, BIRTH_DATE, NAME, NUMBERS, PATIENT_ID, SHAPE, Writer, head
from tests.client.dicom.validator import DCIODVFY, faults
from tests.client.fake_server import Answer, Answers, FakeServer, Received, start
from tests.serving.dicom.archive import Archive
from tests.serving.dicom.running_node import local_node, node_process, send
from tests.serving.dicom.send import store


@pytest.fixture
def gateway() -> Iterator[FakeServer]:
    """What segments."""
    fake = FakeServer(answers=[found()])
    running = start(fake)
    yield fake
    fake.released.set()
    running.stop(grace=0).wait()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Where segmentations go."""
    (tmp_path / "archive").mkdir()
    with Archive(tmp_path / "archive") as archive:
        yield archive


@pytest.fixture
def study(tmp_path: Path) -> Writer:
    """What a scanner sends."""
    writer = Writer(tmp_path / "study")
    writer.exam()
    return writer


def settings(gateway: FakeServer, archive: Archive, **more: object) -> dict[str, object]:
    return {
        "server": gateway.target,
        "destination_ae_title": "ARCHIVE",
        "destination_host": "127.0.0.1",
        "destination_port": archive.port,
    } | more


def held(folder: Path) -> list[Path]:
    return list((folder / "studies").iterdir())


def test_a_study_comes_and_its_segmentation_goes(
    gateway: FakeServer, archive: Archive, study: Writer, tmp_path: Path
) -> None:
    with node_process(tmp_path / "queue", **settings(gateway, archive)) as node:
        assert send(study.folder, node.port, "--echo").stdout == "0000\n"
        path = archive.next()
        node.log.until("outcome=delivered")
        assert node.metric('glioserve_dicom_objects_total{kind="image"}') == 48
        assert node.metric('glioserve_dicom_studies_total{outcome="delivered"}') == 1
        assert (node.metric("glioserve_dicom_waiting"), node.metric("glioserve_dicom_held")) == (0, 0)
    assert node.process.returncode == 0
    segmentation = hd.seg.segread(path)
    assert segmentation.StudyInstanceUID == study.study_uid
    volume = segmentation.get_volume(combine_segments=False).array
    assert int(volume[..., 0].sum()) == int((lesion(SHAPE) > 0).sum())
    if DCIODVFY is not None:
        assert faults(path) == []
    assert held(tmp_path / "queue") == [], "a study that was delivered is not kept"
    assert len(gateway.received) == 1
    log = "".join(node.log.lines)
    for secret in (NAME, PATIENT_ID, BIRTH_DATE, str(study.study_uid), "AX T1"):
        assert secret not in log


def test_killed_while_it_segments(gateway: FakeServer, archive: Archive, study: Writer, tmp_path: Path) -> None:
    came = threading.Event()
    gateway.answers = [telling(came, gateway.hang), found()]
    with node_process(tmp_path / "queue", **settings(gateway, archive)) as node:
        send(study.folder, node.port)
        assert came.wait(60)
        node.process.send_signal(signal.SIGKILL)
        node.process.wait(60)
    assert archive.arrived.empty()
    with node_process(tmp_path / "queue", **settings(gateway, archive)) as node:
        archive.next()
        node.log.until("outcome=delivered")
    assert held(tmp_path / "queue") == []


def telling(event: threading.Event, answer: Answer) -> Answer:
    """An answer that tells when its exam has come."""

    def told(received: Received) -> Answers:
        event.set()
        yield from answer(received)

    return told


def test_killed_while_it_receives(gateway: FakeServer, archive: Archive, tmp_path: Path) -> None:
    """What was answered with success is there afterwards; the sender sends the rest."""
    first = Writer(tmp_path / "first")
    second = Writer(tmp_path / "second", first.study_uid, first.frame_of_reference)
    for modality, writer in zip(Modality, (first, first, second, second), strict=True):
        writer.classic(head(modality), AS_ACQUIRED[modality], NUMBERS[modality])
    options = settings(gateway, archive, quiet_s=3600, release_s=3600)
    with node_process(tmp_path / "queue", **options) as node:
        assert send(first.folder, node.port, "--break").stdout == "0000\n"
        node.process.send_signal(signal.SIGKILL)
        node.process.wait(60)
    with node_process(tmp_path / "queue", **settings(gateway, archive)) as node:
        assert send(second.folder, node.port).stdout == "0000\n"
        archive.next()
    assert len(gateway.received) == 1


# pynetdicom leaves the socket of a refused connection to the garbage collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_an_archive_that_is_down_for_a_while(
    gateway: FakeServer, archive: Archive, study: Writer, tmp_path: Path
) -> None:
    """The segmentation is made once, and delivered by the process that comes after."""
    archive.statuses = [0xA700]
    options = settings(gateway, archive, retry_s=0.1)
    with local_node(tmp_path / "queue", **options) as node:
        store(study.folder, node.port)
        node.log.until("status 0xA700")
        archive.next()
    port = archive.port
    archive.__exit__(None, None, None)
    with local_node(tmp_path / "queue", **settings(gateway, archive, retry_s=0.2)) as node:
        store(study.folder, node.port)
        node.log.until("must accept an association", times=2)
        (folder,) = held(tmp_path / "queue")
        assert (folder / "seg.dcm").exists()
        assert (folder / "fault.json").exists()
    with (
        Archive(tmp_path / "archive", port=port) as again,
        local_node(tmp_path / "queue", **settings(gateway, again)) as node,
    ):
        again.next()
        node.log.until("outcome=delivered")
    assert len(gateway.received) == 2


def test_a_study_that_is_incomplete_waits_for_the_rest(gateway: FakeServer, archive: Archive, tmp_path: Path) -> None:
    first = Writer(tmp_path / "first")
    rest = Writer(tmp_path / "rest", first.study_uid, first.frame_of_reference)
    for modality in (Modality.T1, Modality.T2, Modality.FLAIR):
        first.classic(head(modality), AS_ACQUIRED[modality], list(Modality).index(modality))
    rest.classic(head(Modality.T1CE), AS_ACQUIRED[Modality.T1CE], 7)
    with local_node(tmp_path / "queue", **settings(gateway, archive)) as node:
        store(first.folder, node.port)
        node.log.until("outcome=set_aside attempts=1 kind=ChoiceError")
        assert node.metric('glioserve_dicom_studies_total{outcome="set_aside"}') == 1
        store(rest.folder, node.port)
        archive.next()
        node.log.until("outcome=delivered")
    assert gateway.received


def test_what_was_set_aside_stays_so_until_it_is_asked_for(
    gateway: FakeServer, archive: Archive, study: Writer, tmp_path: Path
) -> None:
    archive.statuses = [0xA700] * 2
    options = settings(gateway, archive, attempts=2)
    with local_node(tmp_path / "queue", **options) as node:
        store(study.folder, node.port)
        node.log.until("outcome=set_aside attempts=2 kind=DestinationError")
        assert store(study.folder, node.port) == ["0000"], "images that are there already change nothing"
        assert node.metric('glioserve_dicom_objects_total{kind="repeated"}') == 48
        assert node.metric("glioserve_dicom_waiting") == 0
    with local_node(tmp_path / "queue", **options) as node:
        assert (node.metric("glioserve_dicom_waiting"), node.metric("glioserve_dicom_held")) == (0, 1)
    with local_node(tmp_path / "queue", retry=True, **options) as node:
        archive.next()
        node.log.until("outcome=delivered")
    assert len(gateway.received) == 1


def test_objects_that_are_no_mr_images_are_taken_and_not_kept(
    gateway: FakeServer, archive: Archive, tmp_path: Path
) -> None:
    writer = Writer(tmp_path / "other")

    def no_mr(_: int, dataset) -> None:
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage

    writer.classic(head(Modality.T1), AS_ACQUIRED[Modality.T1], 9, change=no_mr)
    with local_node(tmp_path / "queue", **settings(gateway, archive)) as node:
        assert store(writer.folder, node.port) == ["0000"]
        assert node.metric('glioserve_dicom_objects_total{kind="other"}') == 12
    assert held(tmp_path / "queue") == []


def test_who_may_call(gateway: FakeServer, archive: Archive, study: Writer, tmp_path: Path) -> None:
    with local_node(tmp_path / "queue", **settings(gateway, archive, callers="MR1, MR2", quiet_s=3600)) as node:
        assert store(study.folder, node.port, calling="STRANGER") is None
        assert store(study.folder, node.port, calling="MR2", called="OTHER") is None
        assert held(tmp_path / "queue") == []
        assert store(study.folder, node.port, calling="MR2") == ["0000"]
        assert len(held(tmp_path / "queue")) == 1


def test_the_token_for_the_gateway_is_looked_for_at_the_start(
    gateway: FakeServer, archive: Archive, tmp_path: Path
) -> None:
    chosen = settings(gateway, archive, token_file=tmp_path / "none")
    with (
        pytest.raises(SettingsError, match="token_file: must be a file that can be read"),
        local_node(tmp_path / "queue", **chosen),
    ):
        pass


def test_stopped_while_it_segments(gateway: FakeServer, archive: Archive, study: Writer, tmp_path: Path) -> None:
    came = threading.Event()
    gateway.answers = [telling(came, gateway.hang)]
    with node_process(tmp_path / "queue", **settings(gateway, archive, drain_s=0.1)) as node:
        send(study.folder, node.port)
        assert came.wait(60)
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(60) == 0
    (folder,) = held(tmp_path / "queue")
    assert not (folder / "fault.json").exists(), "an interruption is no failed attempt"
    assert "dicom.stopped" in node.log.lines[-1]


def test_an_archive_that_knows_one_transfer_syntax(gateway: FakeServer, study: Writer, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    with (
        Archive(tmp_path / "archive", syntax=ImplicitVRLittleEndian) as archive,
        local_node(tmp_path / "queue", **settings(gateway, archive)) as node,
    ):
        store(study.folder, node.port)
        path = archive.next()
    assert dcmread(path).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    volume = hd.seg.segread(path).get_volume(combine_segments=False).array
    assert int(volume[..., 0].sum()) == int((lesion(SHAPE) > 0).sum())
    assert np.array_equal(volume[..., 2] <= volume[..., 1], np.ones_like(volume[..., 2], bool))
