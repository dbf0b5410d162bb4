"""The images, built and run: read-only, as no root, without capabilities, within limits of memory.

These take minutes, so they are asked for: GLIOSERVE_IMAGE_TESTS=1. IMAGE_BUILD_FLAGS goes to the builder.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from glioserve import Client, ExamFiles

from serving.version import SERVER_VERSION
from tests.images.dockerfiles import DOCKERFILES, ROOT
from tests.images.podman import RESTRICTED, WHY_NOT, Container, image, networks, owned_folder, podman, running

LARGEST_GATEWAY_BYTES = 700e6
CASES = 4
SPEC = f"name: two-workers\ncases: {CASES}\nseed: 7\nsources:\n  - kind: builtin\n"


pytestmark = [pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", autouse=True)
def _built(built: None) -> None:
    """All tests here need the images."""


@pytest.fixture(scope="module")
def inside_and_outside(built: None) -> Iterator[tuple[str, str]]:  # noqa: ARG001 (first things first)
    with networks() as pair:
        yield pair


@pytest.fixture(scope="module")
def triton(inside_and_outside: tuple[str, str]) -> Iterator[Container]:
    with running(
        image("triton-cpu"),
        "triton",
        "--host=0.0.0.0",
        network=inside_and_outside[0],
        name="triton",
        memory_mib=3072,
        options=["--shm-size=512m"],
    ) as container:
        container.wait_healthy()
        yield container


@pytest.fixture(scope="module")
def gateway(inside_and_outside: tuple[str, str], triton: Container) -> Iterator[Container]:
    with running(
        image("gateway"),
        network=",".join(inside_and_outside),
        name="gateway",
        memory_mib=2048,
        environment={
            "GLIOSERVE_TRITON": f"{triton.name}:8001",
            "GLIOSERVE_HOST": "0.0.0.0",  # noqa: S104 (of the container)
            "GLIOSERVE_INSECURE_LISTEN": "true",
        },
        options=["--publish=127.0.0.1::50051"],
    ) as container:
        container.wait_healthy()
        yield container


def test_the_gateway_is_small() -> None:
    assert json.loads(podman("image", "inspect", image("gateway")))[0]["Size"] < LARGEST_GATEWAY_BYTES


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_says_what_it_is_and_what_is_in_it(name: str) -> None:
    found = json.loads(podman("image", "inspect", image(name)))[0]
    assert found["Config"]["User"] == "10001:10001"
    assert found["Labels"]["org.opencontainers.image.version"] == SERVER_VERSION
    materials = json.loads(podman("run", "--rm", "--entrypoint=cat", image(name), "/opt/glioserve/sbom.cdx.json"))
    listed = {component["name"] for component in materials["components"]}
    assert {"glioserve", "glioserve-stack", "numpy"} <= listed
    assert ("torch" in listed) == (name == "training")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_there_is_nothing_to_build_or_install_with(name: str) -> None:
    look = "for tool in gcc cc ld make strip; do command -v $tool; done; python -c 'import pip' 2>/dev/null && echo pip"
    found = podman("run", "--rm", "--entrypoint=sh", image(name), "-c", f"{look}; true")
    assert found == ""


@pytest.mark.parametrize("name", ["triton", "gateway"])
def test_servers_run_as_no_root_without_capabilities(name: str, triton: Container, gateway: Container) -> None:
    container = {"triton": triton, "gateway": gateway}[name]
    assert container.status("Uid") == ["10001"] * 4
    assert int(container.status("CapBnd")[0], 16) == 0
    assert int(container.status("NoNewPrivs")[0]) == 1
    assert container.inspect()["HostConfig"]["ReadonlyRootfs"] is True


def test_an_exam_is_segmented_from_outside(gateway: Container, exam: Path) -> None:
    files = ExamFiles(**{name: exam / f"{exam.name}_{name}.nii.gz" for name in ("t1", "t1ce", "t2", "flair")})
    with Client(gateway.port(50051)) as client:
        result = client.segment(files)

    assert result.label_map.array.any()
    assert result.engine == "triton"


def test_a_cohort_is_made_by_two_indexed_workers(
    inside_and_outside: tuple[str, str], triton: Container, tmp_path: Path
) -> None:
    out = owned_folder(tmp_path)
    (tmp_path / "cohort.yaml").write_text(SPEC)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                running(
                    image("batch"),
                    "/cohort/cohort.yaml",
                    "--out=/cohort/out",
                    f"--triton={triton.name}:8001",
                    network=inside_and_outside[0],
                    name=f"worker-{index}",
                    memory_mib=2048,
                    environment={"JOB_COMPLETION_INDEX": str(index), "JOB_COMPLETIONS": "2"},
                    options=[f"--volume={out}:/cohort"],
                )
            )
            for index in range(2)
        ]
        ends = [worker.wait() for worker in workers]
        assert [(end.exit_code, end.out_of_memory) for end in ends] == [(0, False)] * 2, [w.logs() for w in workers]

    provenance = list((tmp_path / "out" / "provenance").glob("*.json"))
    assert len(provenance) == CASES
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_sigterm_ends_both_in_order(gateway: Container, triton: Container) -> None:
    """The last test of the module that needs them."""
    assert gateway.stop().exit_code == 0
    assert triton.stop().exit_code == 0
    assert "gateway.stopped" in gateway.logs()
    assert "triton.stopped" in triton.logs()


def test_training_runs_read_only_as_no_root() -> None:
    code = "import torch, os; print(os.getuid(), float(torch.ones(2).sum()))"
    told = podman("run", "--rm", *RESTRICTED, "--memory=1g", image("training"), "python", "-c", code)
    assert told == "10001 2.0\n"


def test_compose_is_what_compose_understands() -> None:
    compose = shutil.which("podman-compose")
    if compose is None:
        pytest.skip("needs podman-compose: pip install podman-compose")
    done = subprocess.run([compose, "config"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
