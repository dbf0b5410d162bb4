"""The overlay `podman`, played here as docs/how-to/kubernetes.md tells, on a port of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from glioserve import AccessDeniedError, Client, Progress, Queued, TlsConfig

from serving.gateway.auth_callers import Caller
from serving.gateway.auth_roles import Role
from serving.gateway.auth_tokens import digest_of, new_token
from tests.images.dockerfiles import ROOT
from tests.images.podman import WHY_NOT, Container, podman
from tests.serving.certificates import Authority

pytestmark = [
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl"),
    pytest.mark.timeout(1800),
]

EXAMS = 4
"""Twice as many as the gateway works on at one time."""
VOLUMES = ("gateway-secrets", "triton-shm")
GATEWAY, TRITON = Container("gateway-pod-0-gateway"), Container("triton-pod-0-triton")
OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - {base}
patches:
  - target: {{kind: Deployment, name: gateway}}
    patch: |
      - {{op: replace, path: /spec/template/spec/containers/0/ports/0/hostPort, value: {port}}}
images:
  - {{name: glioserve/gateway, newName: localhost/glioserve/gateway}}
  - {{name: glioserve/triton-cpu, newName: localhost/glioserve/triton-cpu}}
"""


@dataclass(frozen=True)
class Played:
    """The overlay, played."""

    address: str
    tls: TlsConfig
    token_file: Path

    def client(self) -> Client:
        return Client(self.address, tls=self.tls, token_file=self.token_file)


@pytest.fixture(scope="module")
def played(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:  # noqa: ARG001 (first things first)
    folder = tmp_path_factory.mktemp("played")
    authority, token = Authority(), new_token()
    (folder / "ca.pem").write_bytes(authority.cert)
    (folder / "token").write_text(f"{token}\n")
    pair = authority.pair()
    callers = Caller("hospital", frozenset({Role.SEGMENT}), digest_of(token)).line
    secrets = {"tls.crt": pair.cert, "tls.key": pair.key, "callers": f"{callers}\n".encode()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = os.path.relpath(ROOT / "k8s/overlays/podman", folder)
    (folder / "kustomization.yaml").write_text(OVERLAY.format(base=base, port=port))
    manifest = folder / "played.yaml"
    with manifest.open("wb") as file:
        subprocess.run(["kubectl", "kustomize", folder], stdout=file, check=True)
    try:
        podman("volume", "create", VOLUMES[0])
        podman("volume", "create", "--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=mode=1777,nodev", VOLUMES[1])
        subprocess.run(["podman", "volume", "import", VOLUMES[0], "-"], input=archive(secrets), check=True)
        podman("kube", "play", str(manifest))
        # Podman gives the volume the mode that the image's own /dev/shm has.
        Path(json.loads(podman("volume", "inspect", VOLUMES[1]))[0]["Mountpoint"]).chmod(0o1777)
        for container in (TRITON, GATEWAY):
            container.wait_ready()
        yield Played(f"127.0.0.1:{port}", TlsConfig(folder / "ca.pem"), folder / "token")
    finally:
        subprocess.run(["podman", "kube", "down", str(manifest)], capture_output=True, check=False)
        subprocess.run(["podman", "volume", "rm", "--force", *VOLUMES], capture_output=True, check=False)


def archive(files: dict[str, bytes]) -> bytes:
    """A tar of files that the containers' user alone can read."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o400, 10001, 10001
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_an_exam_is_segmented_by_tls_and_a_token(played: Played, exam: Path) -> None:
    with played.client() as client:
        assert np.asarray(client.segment(exam).label_map.array).any()
    with Client(played.address, tls=played.tls) as client, pytest.raises(AccessDeniedError):
        client.segment(exam)


@pytest.mark.parametrize("container", [GATEWAY, TRITON], ids=lambda container: container.name)
def test_pods_are_restricted(played: Played, container: Container) -> None:  # noqa: ARG001 (its containers)
    assert container.status("Uid") == ["10001"] * 4
    assert int(container.status("CapEff")[0], 16) == 0
    assert int(container.status("NoNewPrivs")[0]) == 1
    assert container.inspect()["HostConfig"]["ReadonlyRootfs"] is True


def test_sigterm_under_load_loses_no_exam(played: Played, exam: Path) -> None:
    """The last test of the module: the gateway ends."""
    taken = threading.Semaphore(0)

    def segment(_: int) -> bytes:
        first = threading.Event()

        def on_progress(_: Queued | Progress) -> None:
            if not first.is_set():
                first.set()
                taken.release()

        with played.client() as client:
            found = client.segment(exam, on_progress=on_progress).label_map.array
        return np.asarray(found).tobytes()

    with played.client() as client:
        expected = np.asarray(client.segment(exam).label_map.array).tobytes()
    with ThreadPoolExecutor(EXAMS) as pool:
        answers = [pool.submit(segment, number) for number in range(EXAMS)]
        for _ in answers:
            assert taken.acquire(timeout=120)
        ended = GATEWAY.stop(seconds=300)
        assert [answer.result() for answer in answers] == [expected] * EXAMS
    assert (ended.exit_code, ended.out_of_memory) == (0, False)
    assert "gateway.stopped" in GATEWAY.logs()
