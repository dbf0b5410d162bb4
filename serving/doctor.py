"""Says what a machine lacks for serving through Triton, and how to mend it."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from serving.errors import ModelRepositoryError, TritonRuntimeError
from serving.inference.catalog import read_model, repository_catalog
from serving.triton.machine import Finding, examine, this_machine
from serving.triton.runtime import BUILD_COMMAND, TritonRuntime, find_runtime


def diagnose(
    repository: Path, *, runtime_root: Path | None = None, endpoints: Mapping[str, tuple[str, int]]
) -> list[Finding]:
    """Look at everything that serving needs. Changes nothing.

    Args:
        repository: The model repository.
        runtime_root: Where Triton's environment is; None for its default place.
        endpoints: What will be bound, e.g. `{"gateway": ("127.0.0.1", 50051)}`; port 0, any free one, is not looked at.
    """
    built = _find_runtime(runtime_root)
    runtime = built if isinstance(built, TritonRuntime) else None
    return [
        *examine(this_machine(runtime)),
        Finding("triton runtime", ok=True, got=f"{runtime.root} (Python {runtime.python_version})")
        if runtime
        else Finding("triton runtime", ok=False, got=str(built), mend=f"run {BUILD_COMMAND}"),
        _models(repository),
        *(_port(name, host, port) for name, (host, port) in endpoints.items() if port),
    ]


def to_json(findings: Sequence[Finding]) -> str:
    """The findings for programs: `{"ok": ..., "findings": [...]}`."""
    listed = [asdict(finding) for finding in findings]
    return json.dumps({"ok": all(finding.ok for finding in findings), "findings": listed}, indent=2)


def to_table(findings: Sequence[Finding]) -> str:
    """The findings for people: a line each, and below a fault how to mend it."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<{width}}  {finding.got}")
        if not finding.ok:
            lines.append(f"      {'':<{width}}  -> {finding.mend}")
    return "\n".join(lines)


def _find_runtime(root: Path | None) -> TritonRuntime | TritonRuntimeError:
    try:
        return find_runtime(root)
    except TritonRuntimeError as error:
        return error


def _models(repository: Path) -> Finding:
    try:
        catalog = repository_catalog(repository)
        for network in catalog.networks:
            read_model(repository, network)
    except ModelRepositoryError as error:
        return Finding(
            "models", ok=False, got=f"{error} in {repository}", mend="name a complete model repository, or export one"
        )
    return Finding("models", ok=True, got=", ".join(network.name for network in catalog.networks))


def _port(name: str, host: str, port: int) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            mend = f"stop what listens on port {port}, or set another port"
            return Finding(f"{name} port", ok=False, got=f"{host}:{port}: {error.strerror}", mend=mend)
    return Finding(f"{name} port", ok=True, got=f"{host}:{port} is free")
