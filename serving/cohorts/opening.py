"""The desk that the settings describe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from serving.cohorts.counts import read_counts
from serving.cohorts.desk import CohortDesk, OnJobs
from serving.cohorts.kubernetes.cluster import Cluster
from serving.cohorts.kubernetes.pods import PodSettings
from serving.cohorts.kubernetes.runner import KubernetesRunner
from serving.cohorts.local.runner import LocalRunner
from serving.cohorts.local.worker import BatchCommand, WorkerSettings
from serving.cohorts.order import OrderPolicy
from serving.cohorts.runner import CohortRunner, RunnerKind
from serving.inference.engine import Engine
from serving.settings import Settings, SettingsError


def open_desk(settings: Settings, *, triton: str | None, on_jobs: OnJobs) -> CohortDesk:
    """A desk that is not yet open.

    Args:
        settings: Of this server.
        triton: HOST:PORT of the Triton that workers of this machine call, when that is the engine.
        on_jobs: See `CohortDesk`.

    Raises:
        KubernetesMissingError: Cohorts shall be Jobs of a cluster, and there is none, or no client for it.
    """
    if settings.cohorts is None:
        return CohortDesk(None, None)
    runner: CohortRunner
    place: Callable[[str], str]
    if settings.cohort_runner is RunnerKind.LOCAL:
        root = Path(settings.cohorts).absolute()
        runner = LocalRunner(
            root,
            worker=_worker(settings, triton),
            jobs=settings.cohort_jobs,
            queue_capacity=settings.cohort_queue,
            count=read_counts,
        )
        place = runner.place
    else:
        runner = KubernetesRunner(Cluster(settings.kubernetes_namespace), _pods(settings), count=read_counts)
        place = partial(_join, settings.cohorts)
    policy = OrderPolicy(
        place=place,
        maps=settings.cohort_maps,
        bucket=settings.cohort_bucket,
        shards=settings.cohort_shards,
        max_shards=settings.cohort_max_shards,
    )
    return CohortDesk(runner, policy, on_jobs=on_jobs)


def _worker(settings: Settings, triton: str | None) -> WorkerSettings:
    options = ["--engine", settings.engine.value, "--models", str(settings.models.absolute())]
    if settings.engine is Engine.TRITON and triton is not None:
        options += ["--triton", triton]
    return WorkerSettings(BatchCommand(tuple(options)), settings.cohort_grace_s)


def _pods(settings: Settings) -> PodSettings:
    return PodSettings(
        image=_given("kubernetes_image", settings.kubernetes_image),
        triton=_given("triton", settings.triton),
        cpu=settings.kubernetes_cpu,
        memory=settings.kubernetes_memory,
        parallelism=settings.kubernetes_parallelism,
        ttl_s=settings.kubernetes_ttl_s,
        grace_s=round(settings.cohort_grace_s),
        cohorts_mount=None if settings.cohorts is None else settings.cohorts.rstrip("/"),
        cohorts_claim=settings.kubernetes_cohorts_claim,
        maps_mount=None if settings.cohort_maps is None else str(settings.cohort_maps.absolute()),
        maps_claim=settings.kubernetes_maps_claim,
        secret=settings.kubernetes_secret,
    )


def _join(root: str, cohort: str) -> str:
    return f"{root.rstrip('/')}/{cohort}"


def _given(field: str, value: str | None) -> str:
    if value is None:
        raise SettingsError(field, "must be set where cohort_runner is kubernetes", "nothing")
    return value
