"""Which desk the settings give, and which settings can't be."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from serving.cohorts.desk import CohortDesk
from serving.cohorts.errors import CohortsOffError, KubernetesMissingError
from serving.cohorts.local.records import JobRecord
from serving.cohorts.opening import open_desk
from serving.inference.engine import Engine
from serving.settings import Settings
from tests.serving.cohorts.kubernetes.fake_api import FakeCluster, serving, write_kubeconfig
from tests.serving.cohorts.support import order

CLUSTER = {"cohort_runner": "kubernetes", "kubernetes_image": "image:1", "triton": "triton:8001"}
SPEC = "name: example\ncases: 3\nsources: [{kind: builtin}]\n"


def desk(settings: Settings, triton: str | None = None) -> CohortDesk:
    return open_desk(settings, triton=triton, on_jobs=lambda _: None)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"cohort_shards": 5, "cohort_max_shards": 4}, "cohort_shards must be at most cohort_max_shards"),
        ({"cohort_bucket": "/folder"}, "cohort_bucket must begin with s3://"),
        ({"cohorts": "s3://bucket"}, "cohorts must be a folder where cohort_runner is local"),
        ({"cohorts": "/cohorts", "cohort_max_shards": 65}, "cohort_max_shards must be at most 64"),
        (CLUSTER | {"cohorts": "s3://bucket", "kubernetes_image": None}, "kubernetes_image must be set"),
        (CLUSTER | {"cohorts": "s3://bucket", "triton": None}, "triton must be set"),
        (CLUSTER | {"cohorts": "/cohorts"}, "kubernetes_cohorts_claim must be set"),
        (CLUSTER | {"cohorts": "s3://bucket", "cohort_maps": "/maps"}, "kubernetes_maps_claim must be set"),
    ],
)
def test_settings_that_contradict_each_other(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        Settings(**changes)


async def test_without_a_place_there_are_no_cohorts() -> None:
    off = desk(Settings())
    await off.open()
    await off.tally()
    with pytest.raises(CohortsOffError, match="GLIOSERVE_COHORTS"):
        await off.recent(1)
    await off.close()
    await off.close()


@pytest.mark.parametrize(
    ("changes", "triton", "options"),
    [
        ({"engine": Engine.ONNXRUNTIME}, None, ["--engine", "onnxruntime"]),
        ({}, "127.0.0.1:7001", ["--engine", "triton", "--triton", "127.0.0.1:7001"]),
    ],
)
async def test_workers_use_the_engine_of_the_server(
    tmp_path: Path, changes: dict[str, Any], triton: str | None, options: list[str]
) -> None:
    here = desk(Settings(cohorts=str(tmp_path), models=tmp_path / "models", cohort_grace_s=7, **changes), triton)
    worker = here._runner._worker  # type: ignore[union-attr]  # what it was made with
    assert worker.grace_s == 7
    record = JobRecord.of(order(shards=3, output="/out"), 0)
    command = list(worker.command(record, Path("/spec/cohort.yaml")))
    assert command[:4] == [sys.executable, "-m", "serving.batch", "/spec/cohort.yaml"]
    assert command[4:8] == ["--out", "/out", "--workers", "3"]
    rest = command[8:]
    place = rest.index("--models")
    assert rest[place + 1] == str(tmp_path / "models")
    assert [*rest[:place], *rest[place + 2 :]] == options


async def test_a_desk_before_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    api = FakeCluster()
    with serving(api) as address:
        config = await asyncio.to_thread(write_kubeconfig, tmp_path / "kubeconfig", address)
        monkeypatch.setenv("KUBECONFIG", str(config))
        away = desk(
            Settings(
                **CLUSTER,
                cohorts="/cohorts/",
                kubernetes_cohorts_claim="claim",
                cohort_maps=tmp_path,
                kubernetes_maps_claim="maps",
                kubernetes_secret="store",  # noqa: S106 (a name)
                kubernetes_cpu="500m",
                cohort_shards=2,
            )
        )
        await away.open()
        job = await away.submit(SPEC, cohort="mine", output="", shards=0)
        await away.close()
    assert (job.output, job.shards) == ("/cohorts/mine", 2)
    (container,) = api.objects["jobs"]["cohort-mine-1"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--out", "/cohorts/mine", "--triton", "triton:8001"]
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "2Gi"}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/cohorts", str(tmp_path)}


def test_a_cluster_that_is_not_there_is_found_out_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(KubernetesMissingError):
        desk(Settings(**CLUSTER, cohorts="s3://bucket/cohorts"))
