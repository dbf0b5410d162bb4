"""The objects of a cohort, as the cluster's API takes them."""

from __future__ import annotations

import json
from typing import Any

from serving.cohorts.job import JobOrder
from serving.cohorts.kubernetes.pods import PodSettings

Manifest = dict[str, Any]

MANAGED = "app.kubernetes.io/managed-by=glioserve"
"""Selects the objects of all cohorts."""
COHORT_LABEL = "glioserve.io/cohort"
SPEC_KEY, RECORD_KEY = "cohort.yaml", "order.json"

_SPEC_FOLDER = "/etc/glioserve"
_USER = 10001
_RETRIES = 2
_BAD_SPEC = 2
"""Exit code of `serving.batch` for a spec or a command line that no other pod would take either."""


def record_name(cohort: str) -> str:
    """The ConfigMap that holds a cohort's spec and order."""
    return f"cohort-{cohort}"


def cancelled_name(cohort: str) -> str:
    """The ConfigMap that says that a caller cancelled a cohort."""
    return f"cancelled-{cohort}"


def job_name(cohort: str, attempt: int) -> str:
    """The Job that makes a cohort; `attempt` counts from 1."""
    return f"cohort-{cohort}-{attempt}"


def attempt_of(name: str) -> int:
    """The attempt that a Job's name tells."""
    return int(name.rpartition("-")[2])


def selector(cohort: str) -> str:
    """Selects the objects of one cohort."""
    return f"{MANAGED},{COHORT_LABEL}={cohort}"


def record_manifest(order: JobOrder) -> Manifest:
    """What remains of a cohort when its Jobs are gone."""
    said = {
        "name": order.name,
        "spec_sha256": order.spec_sha256,
        "cases": order.cases,
        "output": order.output,
        "shards": order.shards,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": record_name(order.id), "labels": _labels(order.id, "record")},
        "data": {SPEC_KEY: order.spec, RECORD_KEY: json.dumps(said, indent=2)},
        "immutable": True,
    }


def cancelled_manifest(cohort: str) -> Manifest:
    """Says that a caller cancelled the cohort: a deleted Job tells nobody why it is gone."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": cancelled_name(cohort), "labels": _labels(cohort, "cancelled")},
        "immutable": True,
    }


def job_manifest(order: JobOrder, attempt: int, pods: PodSettings) -> Manifest:
    """The Indexed Job: pod i of n makes share i of n, and a pod that failed is tried again without the others."""
    labels = _labels(order.id, "job")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(order.id, attempt), "labels": labels},
        "spec": {
            "completionMode": "Indexed",
            "completions": order.shards,
            "parallelism": min(order.shards, pods.parallelism),
            "backoffLimitPerIndex": _RETRIES,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    # An evicted or preempted pod is no failure of the work.
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "worker", "operator": "In", "values": [_BAD_SPEC]},
                    },
                ]
            },
            "ttlSecondsAfterFinished": pods.ttl_s,
            "template": {"metadata": {"labels": labels}, "spec": _pod(order, pods)},
        },
    }


def _pod(order: JobOrder, pods: PodSettings) -> Manifest:
    volumes: list[Manifest] = [
        {"name": "spec", "configMap": {"name": record_name(order.id), "items": [{"key": SPEC_KEY, "path": SPEC_KEY}]}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
    ]
    mounts: list[Manifest] = [
        {"name": "spec", "mountPath": _SPEC_FOLDER, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
    ]
    if pods.cohorts_claim is not None and not order.output.startswith("s3://"):
        volumes.append({"name": "cohorts", "persistentVolumeClaim": {"claimName": pods.cohorts_claim}})
        mounts.append({"name": "cohorts", "mountPath": pods.cohorts_mount})
    if pods.maps_claim is not None:
        claim = {"claimName": pods.maps_claim, "readOnly": True}
        volumes.append({"name": "maps", "persistentVolumeClaim": claim})
        mounts.append({"name": "maps", "mountPath": pods.maps_mount, "readOnly": True})
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": pods.grace_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(order, pods, mounts)],
        "volumes": volumes,
    }


def _container(order: JobOrder, pods: PodSettings, mounts: list[Manifest]) -> Manifest:
    size = {"cpu": pods.cpu, "memory": pods.memory}
    container: Manifest = {
        "name": "worker",
        "image": pods.image,
        "command": ["python", "-m", "serving.batch", f"{_SPEC_FOLDER}/{SPEC_KEY}"],
        "args": ["--out", order.output, "--triton", pods.triton],
        # The cluster itself sets JOB_COMPLETION_INDEX.
        "env": [
            {"name": "JOB_COMPLETIONS", "value": str(order.shards)},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 (the pod's own)
        ],
        "resources": {"requests": size, "limits": dict(size)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    if pods.secret is not None:
        container["envFrom"] = [{"secretRef": {"name": pods.secret}}]
    return container


def _labels(cohort: str, component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "glioserve-cohort",
        "app.kubernetes.io/managed-by": "glioserve",
        "app.kubernetes.io/component": component,
        COHORT_LABEL: cohort,
    }
