"""Containers of the built images, run as a cluster with restricted pods would run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from serving.version import SERVER_VERSION

RESTRICTED = (
    "--read-only",
    "--tmpfs=/tmp:rw,size=512m,mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--pids-limit=512",
)
_PATIENCE_S = 240.0
_POLL_S = 0.5


def _reason() -> str | None:
    """Why containers can't be run here."""
    if os.environ.get("GLIOSERVE_IMAGE_TESTS") != "1":
        return "takes minutes: set GLIOSERVE_IMAGE_TESTS=1"
    if shutil.which("podman") is None:
        return "needs podman: apt-get install podman"
    done = subprocess.run(["podman", "info"], capture_output=True, check=False)
    return None if done.returncode == 0 else "podman does not work here: see `podman info`"


WHY_NOT = _reason()


@dataclass(frozen=True)
class Ended:
    """A container that has ended."""

    exit_code: int
    out_of_memory: bool


@dataclass(frozen=True)
class Container:
    """A container that was started."""

    name: str

    def is_healthy(self) -> bool:
        """What its health check says now; without systemd nobody else runs it."""
        command = ["podman", "healthcheck", "run", self.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def wait_healthy(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not self.is_healthy():
            assert self.inspect()["State"]["Running"], self.logs()
            assert time.monotonic() < end, self.logs()
            time.sleep(_POLL_S)

    def wait_ready(self) -> None:
        """Until it has said so, however often it ended and was started again before."""
        end = time.monotonic() + _PATIENCE_S
        while "ready on " not in self.logs():
            assert time.monotonic() < end, self.logs()
            time.sleep(_POLL_S)

    def stop(self, seconds: int = 60) -> Ended:
        """SIGTERM, and SIGKILL after so many seconds."""
        podman("stop", "--time", str(seconds), self.name)
        return self.wait()

    def wait(self) -> Ended:
        podman("wait", self.name)
        state = self.inspect()["State"]
        return Ended(state["ExitCode"], state["OOMKilled"])

    def logs(self) -> str:
        done = subprocess.run(["podman", "logs", self.name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(podman("inspect", self.name))[0]
        return found

    def port(self, inside: int) -> str:
        """Where a port of it is published."""
        return podman("port", self.name, str(inside)).strip()

    def status(self, key: str) -> list[str]:
        """One line of what the kernel says of the init's child, the program itself: `Uid`, `CapBnd`."""
        (pid,) = podman("exec", self.name, "cat", "/proc/1/task/1/children").split()
        lines = podman("exec", self.name, "cat", f"/proc/{pid}/status").splitlines()
        return next(line.split()[1:] for line in lines if line.startswith(f"{key}:"))


def image(name: str) -> str:
    """What one of the built images is called."""
    return f"glioserve/{name}:{SERVER_VERSION}"


def podman(*arguments: str) -> str:
    """What a command of podman prints; its complaint when it fails."""
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(
    image: str,
    *command: str,
    network: str,
    name: str,
    memory_mib: int,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[Container]:
    """A container in the background, restricted, and gone after."""
    variables = [f"--env={key}={value}" for key, value in (environment or {}).items()]
    unique = f"{name}-{uuid4().hex[:8]}"
    limits = [f"--memory={memory_mib}m", f"--memory-swap={memory_mib}m", "--cpus=2"]
    try:
        podman(
            "run",
            "--detach",
            f"--name={unique}",
            f"--network={network}",
            f"--network-alias={name}",
            *RESTRICTED,
            *limits,
            *variables,
            *options,
            image,
            *command,
        )
        yield Container(unique)
    finally:
        subprocess.run(["podman", "rm", "--force", "--time=5", unique], capture_output=True, check=False)


@contextmanager
def networks() -> Iterator[tuple[str, str]]:
    """One network that nothing leaves, and one by which ports are published."""
    inside, outside = (f"glioserve-{kind}-{uuid4().hex[:8]}" for kind in ("inside", "outside"))
    podman("network", "create", "--internal", inside)
    podman("network", "create", outside)
    try:
        yield inside, outside
    finally:
        podman("network", "rm", "--force", inside, outside)


def owned_folder(folder: Path) -> Path:
    """The same folder, which the containers' user can write."""
    os.chown(folder, 10001, 10001)
    return folder
