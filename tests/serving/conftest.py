"""What the tests of serving share: small models, and one real Triton for all that only read from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime, build_runtime
from serving.triton.settings import TritonSettings
from tests.serving.model_repository import write_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of three tiny U-Nets and a tiny generator. Tests that alter one make their own."""
    return write_repository(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def runtime() -> TritonRuntime:
    """The environment that Triton runs in: that of the project, built once if it isn't there."""
    return build_runtime()


@pytest.fixture(scope="session")
def triton(
    repository: Path, runtime: TritonRuntime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TritonServer]:
    """A Triton that serves `repository`. Tests that stop or kill one start their own."""
    log_file = tmp_path_factory.mktemp("triton") / "triton.log"
    with TritonServer(TritonSettings(repository, log_file), runtime) as server:
        yield server
