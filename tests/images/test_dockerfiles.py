"""What the Dockerfiles promise: no root, no build tools, pinned packages, a health check, labels, an SBOM."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.images.dockerfiles import DOCKERFILES, ROOT, stages

BASE = "python:3.11-slim-bookworm"
LABELS = ("title", "description", "licenses", "version", "revision")
EVERY = pytest.mark.parametrize("path", [pytest.param(path, id=image) for image, path in DOCKERFILES.items()])


@EVERY
def test_every_stage_is_of_one_base_with_a_tag_and_of_no_named_registry(path: Path) -> None:
    names = {stage.name for stage in stages(path)}
    assert {stage.base for stage in stages(path)} - names == {BASE}


@EVERY
def test_the_last_stage_runs_as_a_user_that_kubernetes_can_tell_is_not_root(path: Path) -> None:
    assert stages(path)[-1].values("USER") == ["10001:10001"]


@EVERY
def test_the_last_stage_installs_nothing_but_the_init(path: Path) -> None:
    (run,) = stages(path)[-1].values("RUN")
    assert re.findall(r"install --yes --no-install-recommends (.*?) &&", run) == ["tini"]
    assert not re.search(r"pip|gcc|build-essential|binutils|curl|wget", run)


@EVERY
def test_the_last_stage_takes_nothing_of_the_checkout_but_models(path: Path) -> None:
    copied = [value for value in stages(path)[-1].values("COPY") if not value.startswith("--from=")]
    assert copied in ([], ["models /opt/glioserve/models"])


@EVERY
def test_every_package_is_pinned(path: Path) -> None:
    first, *others = stages(path)[:-1]
    environment, installs = first.values("ENV"), [value for value in first.values("RUN") if "/pip" in value]
    assert any("PIP_CONSTRAINT=/src/constraints.txt" in value for value in environment)
    assert "constraints.txt pyproject.toml ./" in first.values("COPY")
    assert len(installs) == 1
    for stage in others:  # all of them stand on the first, whose constraints hold for them too
        assert stage.base in {"dependencies", "project"}
        for value in stage.values("RUN"):
            for installed in re.findall(r"/pip install (?:--quiet )([a-z-]+\S*)", value):
                assert "==" in installed
            if "PIP_CONSTRAINT=''" in value:  # Triton's own environment, whose requirements name every version
                assert "runtime build" in value


@EVERY
def test_there_is_a_bill_of_materials(path: Path) -> None:
    (project,) = [stage for stage in stages(path) if stage.name == "project"]
    assert "--output-file /project/opt/glioserve/sbom.cdx.json" in " ".join(project.values("RUN"))
    assert "--from=project /project /" in stages(path)[-1].values("COPY")


@EVERY
def test_there_are_labels(path: Path) -> None:
    (labels,) = stages(path)[-1].values("LABEL")
    assert re.findall(r"org\.opencontainers\.image\.(\w+)=", labels) == list(LABELS)


@EVERY
def test_signals_reach_the_program(path: Path) -> None:
    last = stages(path)[-1]
    (entry,) = last.values("ENTRYPOINT")
    assert entry.startswith('["tini", "--"')
    assert last.values("STOPSIGNAL") == ["SIGTERM"]


def test_servers_have_a_health_check_and_jobs_say_that_they_have_none() -> None:
    checks = {image: stages(path)[-1].values("HEALTHCHECK") for image, path in DOCKERFILES.items()}
    assert "glioserve_engine_ready 1.0" in checks["gateway"][0]
    assert "/v2/health/ready" in checks["triton-cpu"][0]
    assert checks["batch"] == checks["training"] == ["NONE"]


def test_torch_is_for_training_alone() -> None:
    for image, path in DOCKERFILES.items():
        (extras,) = [value for value in stages(path)[0].values("ARG") if value.startswith("EXTRAS=")]
        assert (image == "training") == ("training" in extras)


def test_what_is_sent_to_a_builder_is_what_is_copied_and_nothing_else() -> None:
    first, *rest = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    sent = {line[1:] for line in rest if line.startswith("!")}
    copied = {
        source.rstrip("/")
        for path in DOCKERFILES.values()
        for stage in stages(path)
        for value in stage.values("COPY")
        if not value.startswith("--from=")
        for source in value.split()[:-1]
    }
    assert first == "*"
    assert {PurePosixPath(source).parts[0] for source in copied} == sent
    assert all((ROOT / source).exists() for source in copied)


@EVERY
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
