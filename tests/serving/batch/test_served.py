"""Cases by a served generator: it may go away and come back, and what it draws is judged."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imaging.brainmap.library import MapLibrary
from imaging.errors import ImagingError
from imaging.replicas.hashes import HASH_BYTES
from imaging.replicas.index import IndexCalibration, ReplicaIndex
from serving.batch.order import CohortOrder, ShareReport
from serving.batch.served import ServedMaking, StudioSettings
from serving.batch.spec import CohortSpec
from serving.batch.worker import run_share
from serving.inference.engine import Engine
from serving.settings import Settings
from serving.synthesis.provenance import Provenance
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from serving.triton.supervisor import TritonSupervisor
from tests.serving.batch.fakes import contents, small_spec


def settings(repository: Path, *, triton: str | None = None) -> Settings:
    return Settings(engine=Engine.TRITON if triton else Engine.ONNXRUNTIME, models=repository, triton=triton)


def run(spec: CohortSpec, out: Path, studio: StudioSettings) -> ShareReport:
    making = ServedMaking(spec, studio)
    order = CohortOrder(spec, str(out))
    return run_share(order, making, stopping=threading.Event(), on_progress=lambda _: None)


@pytest.mark.triton
def test_a_triton_that_is_killed_is_waited_for(tmp_path: Path, repository: Path, runtime: TritonRuntime) -> None:
    """It is killed in the middle of a cohort, and started again by its supervisor: nothing is lost, nothing differs."""
    spec = small_spec(tmp_path, cases=6)
    server = TritonServer(TritonSettings(repository, tmp_path / "triton.log"), runtime)
    with TritonSupervisor(server):
        killed: list[int] = []

        def kill_once(tried: int) -> None:
            if tried == 2 and server.pid is not None:
                killed.append(server.pid)
                os.kill(server.pid, signal.SIGKILL)

        making = ServedMaking(spec, StudioSettings(settings(repository, triton=server.address), "joint"))
        order = CohortOrder(spec, str(tmp_path / "out"))
        report = run_share(order, making, stopping=threading.Event(), on_progress=kill_once)
        assert killed
        assert server.pid not in killed
    assert report.is_complete
    run(spec, tmp_path / "undisturbed", StudioSettings(settings(repository), "joint"))
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def index_of(library: MapLibrary, *, threshold: float) -> ReplicaIndex:
    """Two patients of random slices, the first of whom has the library's first map."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (8, HASH_BYTES), dtype=np.uint8)
    patients = np.repeat(np.arange(2, dtype=np.uint16), 4)
    calibration = IndexCalibration(quantile=0.99, threshold=threshold, largest_real_share=0.1, limit=0.2)
    return ReplicaIndex(hashes, patients, {library.entries[0].digest: 0}, calibration)


def provenances(folder: Path) -> list[Provenance]:
    return [Provenance.from_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def test_cases_are_judged_by_the_index_beside_the_generator(tmp_path: Path, repository: Path) -> None:
    spec = small_spec(tmp_path, cases=6, near_source="quarantine")
    index = index_of(MapLibrary.open(tmp_path / "maps"), threshold=0.99)
    file = tmp_path / "replicas.npz"
    index.save(file)
    report = run(spec, tmp_path / "out", StudioSettings(settings(repository), "joint", file))
    released, set_aside = provenances(tmp_path / "out" / "provenance"), provenances(tmp_path / "out" / "quarantine")
    assert (report.released, report.quarantined) == (len(released), len(set_aside))
    assert report.quarantined, "some case was drawn from the first map"
    for case in (*released, *set_aside):
        assert case.replica is not None
        assert case.replica.index == index.digest
        assert case.replica.is_near_source is (case.source.map_digest in index.sources)
        assert not case.replica.is_replica
    assert not any(case.replica and case.replica.is_near_source for case in released)


def test_replicas_are_quarantined(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is near to an index for which nothing is far."""
    monkeypatch.setattr("imaging.replicas.align.MIN_BRAIN_PIXELS", 100)
    spec = small_spec(tmp_path, cases=2)
    file = tmp_path / "replicas.npz"
    index_of(MapLibrary.open(tmp_path / "maps"), threshold=-1.0).save(file)
    report = run(spec, tmp_path / "out", StudioSettings(settings(repository), "joint", file))
    assert (report.released, report.quarantined, report.finished) == (0, 2, True)


def test_without_an_index_cases_are_not_judged_and_the_log_says_so(
    tmp_path: Path, repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="serving")
    spec = small_spec(tmp_path, cases=1)
    assert run(spec, tmp_path / "out", StudioSettings(settings(repository), "joint")).released == 1
    assert [case.replica for case in provenances(tmp_path / "out" / "provenance")] == [None]
    assert "replicas.unchecked" in caplog.messages


def test_an_index_that_is_none_ends_the_run(tmp_path: Path, repository: Path) -> None:
    spec = small_spec(tmp_path, cases=1)
    (tmp_path / "replicas.npz").write_bytes(b"PK")
    with pytest.raises(ImagingError):
        run(spec, tmp_path / "out", StudioSettings(settings(repository), "joint", tmp_path / "replicas.npz"))


@pytest.mark.triton
def test_one_triton_is_shared(tmp_path: Path, repository: Path) -> None:
    """A Triton of our own is started once, and goes with the context."""
    own = replace(StudioSettings(settings(repository), "joint"), settings=Settings(models=repository))
    with ServedMaking(small_spec(tmp_path), own).shared() as shared:
        address = shared.studio.settings.triton
        assert address is not None
        with shared.open(threading.Event()) as one, shared.open(threading.Event()) as other:
            assert one.generator == other.generator
        with ServedMaking(small_spec(tmp_path), shared.studio).shared() as again:
            assert again.studio.settings.triton == address
