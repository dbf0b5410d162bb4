"""Jobs of a cluster, against a server that plays its API."""

from __future__ import annotations

import builtins
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.cohorts.errors import (
    ClusterRefusedError,
    ClusterUnavailableError,
    CohortConflictError,
    CohortStoreError,
    KubernetesMissingError,
    UnknownCohortError,
)
from serving.cohorts.job import CaseCounts, JobPhase
from serving.cohorts.kubernetes.cluster import Cluster
from serving.cohorts.kubernetes.pods import PodSettings
from serving.cohorts.kubernetes.runner import KubernetesRunner
from tests.serving.cohorts.kubernetes.fake_api import FakeCluster, serving, write_kubeconfig
from tests.serving.cohorts.support import order, until

Phase = JobPhase
ROLE = Path(__file__).resolve().parents[4] / "k8s" / "components" / "cohorts" / "rbac.yaml"
PODS = PodSettings(
    image="registry.example/glioserve:1",
    triton="triton:8001",
    cpu="1",
    memory="2Gi",
    parallelism=4,
    ttl_s=3600,
    grace_s=30,
)


@pytest.fixture
def api() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def address(api: FakeCluster) -> Iterator[str]:
    with serving(api) as address:
        yield address


@pytest.fixture
def kubeconfig(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_kubeconfig(tmp_path / "kubeconfig", address)
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return path


class Counter:
    """Plays the outputs."""

    def __init__(self) -> None:
        self.counts = CaseCounts()
        self.looks = 0

    def __call__(self, output: str) -> CaseCounts:
        assert output.startswith("s3://")
        self.looks += 1
        return self.counts


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
async def runner(kubeconfig: Path, counter: Counter) -> AsyncIterator[KubernetesRunner]:  # noqa: ARG001 (it is there)
    runner = KubernetesRunner(Cluster("glioserve"), PODS, count=counter)
    await runner.open()
    yield runner
    await runner.close()


def cohort(**changes: Any) -> Any:
    return order(**{"output": "s3://bucket/example", "shards": 4} | changes)


async def test_a_cohort_from_its_order_to_its_end(runner: KubernetesRunner, api: FakeCluster, counter: Counter) -> None:
    job = await runner.submit(cohort())
    assert (job.phase, job.cases, job.shards, job.output) == (Phase.QUEUED, 3, 4, "s3://bucket/example")
    assert set(api.objects["jobs"]) == {"cohort-example-1"}
    assert api.objects["configmaps"]["cohort-example"]["data"]["cohort.yaml"] == "name: example\n"
    api.set_status("cohort-example-1", active=4)
    counter.counts = CaseCounts(released=1)
    job = await runner.get("example")
    assert (job.phase, job.counts.released) == (Phase.RUNNING, 1)
    counter.counts = CaseCounts(released=2, quarantined=1)
    api.finish("cohort-example-1")
    job = await runner.get("example")
    assert (job.phase, job.counts) == (Phase.COMPLETED, CaseCounts(released=2, quarantined=1))
    looks = counter.looks
    await runner.get("example")
    assert counter.looks == looks, "what has ended is not counted again"
    del api.objects["jobs"]["cohort-example-1"]  # its time to live is over
    assert (await runner.get("example")).phase is Phase.COMPLETED
    assert (await runner.submit(cohort())).phase is Phase.COMPLETED
    assert api.objects["jobs"] == {}


async def test_the_same_order_is_the_same_job_and_another_is_a_conflict(
    runner: KubernetesRunner, api: FakeCluster
) -> None:
    first = await runner.submit(cohort())
    assert await runner.submit(cohort()) == first
    assert len(api.objects["jobs"]) == 1
    for changes, field in (
        ({"spec_sha256": "b" * 64}, "id"),
        ({"output": "s3://bucket/other"}, "output"),
        ({"shards": 2}, "shards"),
    ):
        with pytest.raises(CohortConflictError) as caught:
            await runner.submit(cohort(**changes))
        assert caught.value.field == field


async def test_cancelling_deletes_the_job_and_is_remembered(runner: KubernetesRunner, api: FakeCluster) -> None:
    await runner.submit(cohort())
    assert (await runner.cancel("example")).phase is Phase.STOPPING
    api.collect()
    job = await until(runner, "example", Phase.CANCELLED)
    assert job.note == ""
    assert await runner.cancel("example") == job
    assert (await runner.submit(cohort(shards=2))).phase is Phase.QUEUED, "the same order lets it go on"
    assert api.objects["jobs"]["cohort-example-1"]["spec"]["completions"] == 2
    del api.objects["jobs"]["cohort-example-1"]
    assert (await runner.get("example")).phase is Phase.FAILED, "nobody cancelled this one"


async def test_a_job_that_failed_says_why_and_goes_on_under_a_new_name(
    runner: KubernetesRunner, api: FakeCluster, counter: Counter
) -> None:
    await runner.submit(cohort())
    counter.counts = CaseCounts(released=2, failed=1)
    api.finish("cohort-example-1", "Failed", "FailedIndexes", "Job has failed indexes")
    job = await runner.get("example")
    assert (job.phase, job.note) == (Phase.FAILED, "FailedIndexes: Job has failed indexes")
    job = await runner.submit(cohort())
    assert job.phase is Phase.QUEUED
    assert set(api.objects["jobs"]) == {"cohort-example-1", "cohort-example-2"}
    assert (await runner.cancel("example")).phase is Phase.STOPPING
    assert "deletionTimestamp" in api.objects["jobs"]["cohort-example-2"]["metadata"]


async def test_a_job_that_is_gone_too_early_has_failed(runner: KubernetesRunner, api: FakeCluster) -> None:
    await runner.submit(cohort())
    api.objects["jobs"].clear()
    job = await runner.get("example")
    assert (job.phase, job.note[:15]) == (Phase.FAILED, "its Job is gone")


async def test_the_newest_are_listed_first(
    runner: KubernetesRunner, api: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b", "c"):
        await runner.submit(cohort(cohort=name, output=f"s3://bucket/{name}"))
    await runner.cancel("b")
    assert [job.id for job in await runner.recent(9)] == ["c", "b", "a"]
    assert [job.id for job in await runner.recent(2)] == ["c", "b"]
    api.objects["configmaps"]["cohort-a"]["data"]["order.json"] = "{"
    assert [job.id for job in await runner.recent(9)] == ["c", "b"]
    assert "cohort.record_damaged" in caplog.messages
    with pytest.raises(CohortStoreError, match="damaged"):
        await runner.get("a")


async def test_ids_that_look_alike_are_kept_apart(runner: KubernetesRunner, api: FakeCluster) -> None:
    for name in ("a", "a-1", "cancelled-a"):
        await runner.submit(cohort(cohort=name, output=f"s3://bucket/{name}"))
    await runner.cancel("a")
    api.collect()
    assert (await runner.get("a")).phase is Phase.CANCELLED
    for name in ("a-1", "cancelled-a"):
        assert (await runner.get(name)).phase is Phase.QUEUED


async def test_an_unknown_cohort(runner: KubernetesRunner) -> None:
    for name in ("none", "../../etc", ""):
        for call in (runner.get, runner.cancel):
            with pytest.raises(UnknownCohortError):
                await call(name)


async def test_no_right_is_used_that_the_role_does_not_give_and_none_is_given_in_vain(
    runner: KubernetesRunner, api: FakeCluster
) -> None:
    await runner.submit(cohort())
    await runner.recent(9)
    await runner.cancel("example")
    api.collect()
    await runner.submit(cohort())
    role = next(each for each in yaml.safe_load_all(ROLE.read_text()) if each["kind"] == "Role")
    given = {(verb, resource) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert api.rights == given


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, ClusterRefusedError),
        (422, ClusterRefusedError),
        (429, ClusterUnavailableError),
        (500, ClusterUnavailableError),
    ],
)
async def test_a_cluster_that_refuses(
    runner: KubernetesRunner, api: FakeCluster, status: int, kind: type[Exception]
) -> None:
    api.refuse[("create", "jobs")] = status
    with pytest.raises(kind, match="create jobs"):
        await runner.submit(cohort())
    api.refuse.clear()
    assert (await runner.submit(cohort())).phase is Phase.QUEUED, "the record alone is no obstacle"


async def test_a_token_that_is_not_known(address: str, kubeconfig: Path, counter: Counter) -> None:
    write_kubeconfig(kubeconfig, address, "another")
    runner = KubernetesRunner(Cluster("glioserve"), PODS, count=counter)
    with pytest.raises(ClusterRefusedError, match="401"):
        await runner.open()
    await runner.close()


async def test_nobody_is_there(kubeconfig: Path, counter: Counter) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        write_kubeconfig(kubeconfig, f"http://127.0.0.1:{taken.getsockname()[1]}")
        runner = KubernetesRunner(Cluster("glioserve"), PODS, count=counter)
        with pytest.raises(ClusterUnavailableError):
            await runner.open()
        await runner.close()


def test_no_cluster_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubernetesMissingError, match="kubeconfig"):
        Cluster("glioserve")


def test_the_client_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "kubernetes":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(KubernetesMissingError, match=r"glioserve-stack\[kubernetes\]"):
        Cluster("glioserve")
