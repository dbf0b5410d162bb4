"""The manifests: what they must say, and that a cluster's schemas take them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.batch.shards import JOB_COUNT, Shard
from serving.batch.spec import parse_spec
from serving.cohorts.kubernetes.manifests import cancelled_manifest, job_manifest, record_manifest
from serving.cohorts.kubernetes.pods import PodSettings
from tests.serving.cohorts.support import order

FOLDER = Path(__file__).resolve().parents[4] / "k8s" / "overlays" / "batch"
PLAIN = PodSettings("registry.example/glioserve:1", "triton:8001", "500m", "2Gi", parallelism=2, ttl_s=60, grace_s=45)
FULL = PodSettings(
    **vars(PLAIN)
    | {
        "cohorts_mount": "/cohorts",
        "cohorts_claim": "cohorts",
        "maps_mount": "/maps",
        "maps_claim": "maps",
        "secret": "store",
    }
)
ON_S3 = order(output="s3://bucket/example", shards=4)
ON_CLAIM = order(output="/cohorts/example", shards=4)


def static(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def example_job() -> dict[str, Any]:
    return next(each for each in static("job.yaml") if each["kind"] == "Job")


JOBS = {
    "s3": job_manifest(ON_S3, 1, PLAIN),
    "claim": job_manifest(ON_CLAIM, 2, FULL),
    "static": example_job(),
}


def pod(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_indexed_and_fails_share_by_share(name: str) -> None:
    spec = JOBS[name]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["backoffLimitPerIndex"]) == ("Indexed", 4, 2)
    assert spec["ttlSecondsAfterFinished"] > 0
    ignored, fatal = spec["podFailurePolicy"]["rules"]
    assert (ignored["action"], ignored["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (fatal["action"], fatal["onExitCodes"]["values"]) == ("FailJob", [2])
    assert fatal["onExitCodes"]["containerName"] == pod(JOBS[name])["containers"][0]["name"]


@pytest.mark.parametrize("name", JOBS)
def test_pods_are_restricted(name: str) -> None:
    """What the Pod Security Standard `restricted` asks for, and more."""
    spec = pod(JOBS[name])
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["restartPolicy"] == "Never", "as a podFailurePolicy needs it"
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys() == {"cpu", "memory"}
    kinds = {kind for volume in spec["volumes"] for kind in volume} - {"name"}
    assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim"}


@pytest.mark.parametrize("name", JOBS)
def test_every_pod_knows_its_share(name: str) -> None:
    job = JOBS[name]
    (container,) = pod(job)["containers"]
    env = {each["name"]: each["value"] for each in container["env"]}
    cases = [
        case
        for index in range(job["spec"]["completions"])
        for case in Shard.of_environment({"JOB_COMPLETION_INDEX": str(index), JOB_COUNT: env[JOB_COUNT]}).indices(10)
    ]
    assert sorted(cases) == list(range(10))
    assert container["command"][:3] == ["python", "-m", "serving.batch"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {"/etc/glioserve", "/tmp"} <= mounted  # noqa: S108 (the pod's own)


def test_a_claim_is_mounted_where_the_output_goes() -> None:
    (container,) = pod(JOBS["claim"])["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert container["args"][:2] == ["--out", "/cohorts/example"]
    assert "readOnly" not in mounts["/cohorts"]
    assert mounts["/maps"]["readOnly"] is True
    assert container["envFrom"] == [{"secretRef": {"name": "store"}}]
    to_s3 = job_manifest(ON_S3, 1, FULL)
    assert "/cohorts" not in {mount["mountPath"] for mount in pod(to_s3)["containers"][0]["volumeMounts"]}


def test_no_more_pods_run_than_there_are_shares() -> None:
    assert job_manifest(ON_S3, 1, PLAIN)["spec"]["parallelism"] == 2
    assert job_manifest(order(shards=1), 1, PLAIN)["spec"]["parallelism"] == 1


def test_names_have_room() -> None:
    """A pod of an Indexed Job is named by the Job and its index: together at most 63 characters."""
    longest = job_manifest(order("a" * 40, shards=10_000), 9999, PLAIN)["metadata"]["name"]
    assert len(f"{longest}-9999") <= 63


def test_the_example_has_a_spec_that_can_be_read() -> None:
    record = next(each for each in static("job.yaml") if each["kind"] == "ConfigMap")
    assert parse_spec(record["data"]["cohort.yaml"], name="cohort.yaml", folder=FOLDER).cases == 100
    volumes = {volume["name"]: volume for volume in pod(example_job())["volumes"]}
    assert volumes["spec"]["configMap"]["name"] == record["metadata"]["name"]


def test_the_example_is_what_the_service_would_order() -> None:
    made = job_manifest(ON_S3, 1, PLAIN)["spec"]
    kept = example_job()["spec"]
    assert kept.keys() == made.keys()
    for key in ("podFailurePolicy", "podReplacementPolicy", "completionMode", "backoffLimitPerIndex"):
        assert kept[key] == made[key]
    ours, theirs = made["template"]["spec"], kept["template"]["spec"]
    assert ours.keys() == theirs.keys()
    assert ours["securityContext"] == theirs["securityContext"]
    assert ours["containers"][0]["command"] == theirs["containers"][0]["command"]


@pytest.mark.skipif(importlib.util.find_spec("kubernetes_validate") is None, reason="kubernetes-validate is not there")
@pytest.mark.parametrize("version", ["1.33", "1.36"])
def test_a_clusters_schemas_take_every_manifest(version: str) -> None:
    import kubernetes_validate

    manifests = [*JOBS.values(), record_manifest(ON_S3), cancelled_manifest("example")]
    manifests += static("job.yaml")
    for manifest in manifests:
        kubernetes_validate.validate(json.loads(json.dumps(manifest)), version, strict=True)
