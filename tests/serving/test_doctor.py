"""What the doctor says."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from serving.doctor import diagnose, to_json, to_table
from serving.triton.machine import Finding
from serving.triton.runtime import TritonRuntime


@pytest.mark.triton
def test_a_machine_that_lacks_nothing(repository: Path, runtime: TritonRuntime) -> None:
    findings = diagnose(repository, runtime_root=runtime.root, endpoints={"gateway": ("127.0.0.1", 0)})

    assert all(finding.ok for finding in findings), to_table(findings)
    assert {finding.name for finding in findings} >= {"glibc", "libpython", "shared memory", "triton runtime", "models"}


def test_a_machine_that_lacks_what_is_to_be_built(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        findings = diagnose(
            tmp_path,
            runtime_root=tmp_path / "runtime",
            endpoints={"gateway": ("127.0.0.1", port), "metrics": ("127.0.0.1", 0)},
        )

    faults = {finding.name: finding for finding in findings if not finding.ok}
    assert faults["triton runtime"].mend == "run glioserve-server runtime build"
    assert "unet_wt" in faults["models"].got
    assert faults["gateway port"].got.startswith(f"127.0.0.1:{port}: ")
    assert "metrics port" not in faults


def test_a_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    findings = diagnose(Path("none"), runtime_root=Path("none"), endpoints={"gateway": ("127.0.0.1", port)})

    assert findings[-1] == Finding("gateway port", ok=True, got=f"127.0.0.1:{port} is free")


FINDINGS = [Finding("glibc", ok=True, got="2.36"), Finding("models", ok=False, got="none", mend="export some")]


def test_for_people() -> None:
    assert to_table(FINDINGS).splitlines() == [
        "ok    glibc   2.36",
        "FAIL  models  none",
        "              -> export some",
    ]


def test_for_programs() -> None:
    told = json.loads(to_json(FINDINGS))

    assert told["ok"] is False
    assert told["findings"][1] == {"name": "models", "ok": False, "got": "none", "mend": "export some"}
    assert json.loads(to_json(FINDINGS[:1]))["ok"] is True
