"""The overlays that work and end: what their Jobs say, and that the training's command does train, as two workers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imaging.regions import Region
from tests.k8s.rendering import ROOT, needs_kubectl, objects, pods
from tests.training.conftest import write_patient
from training.profiles import ProfileName, profile_for
from training.records import RunFolder

pytestmark = needs_kubectl
SMOKE = profile_for(ProfileName.SMOKE, Region.WT)


def job(overlay: str) -> dict[str, Any]:
    (found,) = objects(overlay, "Job").values()
    return dict(found)


@pytest.mark.parametrize("overlay", ["batch", "train"])
def test_jobs_are_indexed_and_pods_that_were_evicted_are_no_failure(overlay: str) -> None:
    spec = job(overlay)["spec"]
    assert spec["completionMode"] == "Indexed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "as a podFailurePolicy needs it"
    ignored = spec["podFailurePolicy"]["rules"][0]
    assert (ignored["action"], ignored["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert spec["ttlSecondsAfterFinished"] > 0


def test_every_worker_of_training_is_there_at_one_time_and_has_a_name() -> None:
    spec, (workers,) = job("train")["spec"], pods("train")
    (name,) = objects("train", "Job")
    (service,) = objects("train", "Service").values()
    options = dict(word[2:].split("=") for word in workers.main["command"] if "=" in word)
    assert spec["parallelism"] == spec["completions"] == int(options["nnodes"])
    assert "backoffLimitPerIndex" not in spec, "a worker that is given up would be waited for"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True, "they look for each other before they are ready"
    assert workers.spec["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= workers.labels.items()
    port = service["spec"]["ports"][0]["port"]
    assert options["rdzv-endpoint"] == f"{name}-0.{workers.spec['subdomain']}:{port}"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_the_command_of_training_trains_one_network_by_two_workers(tmp_path: Path) -> None:
    """Both workers on this machine, under the profile `smoke`, one network: all else is as the Job says."""
    for number in (1, 2, 3):
        write_patient(tmp_path / "data", number, enhancing=True)
    (workers,) = pods("train")
    words = [*workers.main["command"], *workers.main["args"], "--region=wt", "--threads=1"]
    changes = {
        "--rdzv-endpoint": f"127.0.0.1:{free_port()}",
        "--profile": "smoke",
        "--data": f"{tmp_path / 'data'}",
        "--cache": f"{tmp_path / 'cache'}",
        "--run": f"{tmp_path / 'run'}",
    }
    name, *options = words
    assert name == "torchrun"
    command = [sys.executable, "-m", "torch.distributed.run", "--local-addr=127.0.0.1"]
    command += [f"{key}={changes.get(key, value)}" if mark else key for key, mark, value in map(split, options)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    try:
        for worker in started:
            said = worker.communicate(timeout=240)[0].decode()
            assert worker.returncode == 0, said[-3000:]
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()
    net = RunFolder(tmp_path / "run").net(Region.WT)
    history = json.loads(net.history.read_text())
    assert len(history) == SMOKE.epochs
    assert all(np.isfinite(epoch["train_loss"]) for epoch in history)
    state = torch.load(net.state, weights_only=True)
    assert state["step"] == SMOKE.epochs * (SMOKE.steps_per_epoch or 0)
    assert not list(tmp_path.rglob("*.partial"))


def split(word: str) -> tuple[str, str, str]:
    return word.partition("=")
