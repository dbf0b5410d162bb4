"""A server that is reached from outside: mutual TLS, tokens, roles, and a Triton that nobody else reaches."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from glioserve import AccessDeniedError, Client, ExamFiles, ServerUnavailableError, TlsConfig

from tests.e2e.running_server import COMMAND, running_server
from tests.serving.certificates import Authority
from tests.serving.gateway.support import exam_files

pytestmark = pytest.mark.triton

_LISTENING = "0A"
_LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, ::1 and ::ffff:127.0.0.1, as the kernel writes them."""


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GLIOSERVE_")}
    environment |= {f"GLIOSERVE_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)


def listening_addresses(pid: int) -> set[str]:
    """Where a process listens, as the kernel writes addresses."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except OSError:  # closed meanwhile
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == _LISTENING and f"socket:[{parts[9]}]" in sockets:
                found.add(parts[1].partition(":")[0])
    return found


def test_an_exam_is_segmented_for_a_caller_with_a_certificate_and_a_token(models: Path, tmp_path: Path) -> None:
    authority = Authority()
    cert, key = authority.pair().write(tmp_path, "server")
    tls_ca = tmp_path / "ca.pem"
    tls_ca.write_bytes(authority.cert)
    made = run("token", "new", "radiology", "--role", "segment")
    token, line = (text.partition(" ")[2].strip() for text in made.stdout.splitlines())
    (tmp_path / "token").write_text(f"{token}\n")
    (tmp_path / "callers").write_text(f"{line}\nresearch info certificate\n")
    files = {}
    for modality, content in exam_files(7).items():
        files[modality.value] = tmp_path / f"{modality.value}.nii.gz"
        files[modality.value].write_bytes(content)
    (tmp_path / "server").mkdir()
    settings = {"tls_cert": cert, "tls_key": key, "tls_client_ca": tls_ca, "callers": tmp_path / "callers"}
    with running_server(models, tmp_path / "server", **settings) as server:
        radiology = TlsConfig(tls_ca, *authority.pair("radiology").write(tmp_path, "radiology"))
        with Client(server.address, tls=radiology, token_file=tmp_path / "token") as client:
            assert np.asarray(client.segment(ExamFiles(**files)).label_map.array).any()
            with pytest.raises(AccessDeniedError, match="info"):
                client.info()
        with Client(server.address, tls=radiology) as client, pytest.raises(AccessDeniedError, match="authorization"):
            client.segment(ExamFiles(**files))
        research = TlsConfig(tls_ca, *authority.pair("research").write(tmp_path, "research"))
        with Client(server.address, tls=research) as client:
            assert client.info().models
        with Client(server.address, tls=TlsConfig(tls_ca)) as client, pytest.raises(ServerUnavailableError):
            client.info()
        (triton,) = server.triton_pids
        assert listening_addresses(triton)
        assert listening_addresses(triton) <= _LOOPBACK
    log = (tmp_path / "server" / "server.log").read_text()
    assert "caller=radiology" in log
    assert token not in log
    assert line.rpartition(":")[2] not in log


def test_no_server_listens_beyond_loopback_in_the_clear_unasked(models: Path) -> None:
    ended = run("up", "--models", str(models), "--host", "0.0.0.0")  # noqa: S104
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: settings: tls_cert must be set where host is an address that other machines")
