"""The few calls of a cluster's API that cohorts need. The only place that knows its client."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, Self

from serving.cohorts.errors import ClusterRefusedError, ClusterUnavailableError, KubernetesMissingError
from serving.cohorts.kubernetes.manifests import COHORT_LABEL, Manifest

_TIMEOUT_S = (3.0, 10.0)
"""To connect, and to read."""
_SERVER_FAULT, _NOT_FOUND, _CONFLICT, _TOO_MANY = 500, 404, 409, 429
_MESSAGE_CHARACTERS = 300


@dataclass(frozen=True)
class JobView:
    """A Job's state.

    Args:
        name: Of the Job.
        cohort: The cohort that it makes.
        created_unix_s: Seconds since 1970, UTC.
        completions: Pods that share the work.
        active: Pods that run or are about to.
        deleting: Whether it is being deleted.
        complete: Whether all pods succeeded.
        failure: Why it failed; None while it did not.
    """

    name: str
    cohort: str
    created_unix_s: int
    completions: int
    active: int
    deleting: bool
    complete: bool
    failure: str | None


@dataclass(frozen=True)
class ConfigMapView:
    """A ConfigMap.

    Args:
        name: Its name.
        cohort: The cohort that it is about.
        created_unix_s: Seconds since 1970, UTC.
        data: Its content.
    """

    name: str
    cohort: str
    created_unix_s: int
    data: dict[str, str]


class Cluster:
    """One namespace of a cluster. Its methods block.

    The cluster is the one that this process runs in; outside of any, it is that of the kubeconfig.

    Args:
        namespace: Where all objects are.

    Raises:
        KubernetesMissingError: The package `kubernetes` is not installed, or no cluster is configured.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        client, config = _import()
        settings = client.Configuration()
        try:
            if "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config(client_configuration=settings)
            else:
                # Named here, as the client looks at the variable when it is imported, once and for all.
                config.load_kube_config(os.environ.get("KUBECONFIG"), client_configuration=settings)
        except config.ConfigException:
            rule = "kubernetes needs a cluster around it, or a kubeconfig"
            raise KubernetesMissingError("cohort_runner", rule, "neither") from None
        settings.retries = False
        self._api = client.ApiClient(settings)
        self._batch = client.BatchV1Api(self._api)
        self._core = client.CoreV1Api(self._api)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def create_job(self, manifest: Manifest) -> bool:
        """Create a Job; False if there is one of its name.

        Raises:
            ClusterRefusedError: The cluster does not take it.
            ClusterUnavailableError: The cluster does not answer.
        """
        with _Calling("create jobs") as call:
            self._batch.create_namespaced_job(self._namespace, manifest, _request_timeout=_TIMEOUT_S)
        return not call.conflict

    def jobs(self, selector: str) -> list[JobView]:
        """The Jobs that a label selector selects.

        Raises:
            ClusterRefusedError: See `create_job`.
            ClusterUnavailableError: See `create_job`.
        """
        with _Calling("list jobs"):
            found = self._batch.list_namespaced_job(
                self._namespace, label_selector=selector, _request_timeout=_TIMEOUT_S
            )
            return [_job_view(job) for job in found.items]
        return []

    def delete_job(self, name: str) -> None:
        """Delete a Job, its pods first. One that is not there is no fault.

        Raises:
            ClusterRefusedError: See `create_job`.
            ClusterUnavailableError: See `create_job`.
        """
        with _Calling("delete jobs"):
            self._batch.delete_namespaced_job(
                name, self._namespace, propagation_policy="Foreground", _request_timeout=_TIMEOUT_S
            )

    def create_config_map(self, manifest: Manifest) -> bool:
        """Create a ConfigMap; False if there is one of its name.

        Raises:
            ClusterRefusedError: See `create_job`.
            ClusterUnavailableError: See `create_job`.
        """
        with _Calling("create configmaps") as call:
            self._core.create_namespaced_config_map(self._namespace, manifest, _request_timeout=_TIMEOUT_S)
        return not call.conflict

    def config_maps(self, selector: str) -> list[ConfigMapView]:
        """The ConfigMaps that a label selector selects.

        Raises:
            ClusterRefusedError: See `create_job`.
            ClusterUnavailableError: See `create_job`.
        """
        with _Calling("list configmaps"):
            found = self._core.list_namespaced_config_map(
                self._namespace, label_selector=selector, _request_timeout=_TIMEOUT_S
            )
            return [_config_map_view(item) for item in found.items]
        return []

    def delete_config_map(self, name: str) -> None:
        """Delete a ConfigMap. One that is not there is no fault.

        Raises:
            ClusterRefusedError: See `create_job`.
            ClusterUnavailableError: See `create_job`.
        """
        with _Calling("delete configmaps"):
            self._core.delete_namespaced_config_map(name, self._namespace, _request_timeout=_TIMEOUT_S)


def _import() -> tuple[ModuleType, ModuleType]:
    """The client and its configuration; imported here alone, as it is an extra, and slow to load."""
    try:
        from kubernetes import client, config
    except ImportError:
        rule = "kubernetes needs the extra: pip install 'glioserve-stack[kubernetes]'"
        raise KubernetesMissingError("cohort_runner", rule, "no package kubernetes") from None
    return client, config


class _Calling:
    """Turns the client's errors into ours. What is there already, or gone already, is no error.

    Args:
        right: What is asked of the cluster, in words.
    """

    def __init__(self, right: str) -> None:
        self._right = right
        self.conflict = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        if isinstance(error, HTTPError):
            raise ClusterUnavailableError("cluster", "must answer", type(error).__name__) from None
        if not isinstance(error, ApiException):
            return False
        status = error.status or 0
        self.conflict = status == _CONFLICT
        if status >= _SERVER_FAULT or status in {0, _TOO_MANY}:
            raise ClusterUnavailableError("cluster", f"must {self._right}", f"status {status}") from None
        if status not in {_CONFLICT, _NOT_FOUND}:
            raise ClusterRefusedError("cluster", f"must let this server {self._right}", _refusal(error)) from None
        return True


def _refusal(error: Any) -> str:  # noqa: ANN401 (an exception of the client's, which is imported late)
    reason = f"status {error.status} {error.reason or ''}".strip()
    return " ".join(reason.split())[:_MESSAGE_CHARACTERS]


def _job_view(job: Any) -> JobView:  # noqa: ANN401 (the client's, which is imported late)
    conditions = {each.type: each for each in job.status.conditions or () if each.status == "True"}
    failed = conditions.get("Failed")
    return JobView(
        name=job.metadata.name,
        cohort=(job.metadata.labels or {}).get(COHORT_LABEL, ""),
        created_unix_s=int(job.metadata.creation_timestamp.timestamp()),
        completions=job.spec.completions or 1,
        active=job.status.active or 0,
        deleting=job.metadata.deletion_timestamp is not None,
        complete="Complete" in conditions,
        failure=None if failed is None else f"{failed.reason}: {failed.message}"[:_MESSAGE_CHARACTERS],
    )


def _config_map_view(item: Any) -> ConfigMapView:  # noqa: ANN401 (the client's, which is imported late)
    return ConfigMapView(
        name=item.metadata.name,
        cohort=(item.metadata.labels or {}).get(COHORT_LABEL, ""),
        created_unix_s=int(item.metadata.creation_timestamp.timestamp()),
        data=dict(item.data or {}),
    )
