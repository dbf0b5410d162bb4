"""Pods are restricted, and nobody is reached who need not be."""

from __future__ import annotations

import pytest

from tests.k8s.network import Network
from tests.k8s.rendering import OVERLAYS, SERVING, Pods, needs_kubectl, objects, pods, pods_of, render

pytestmark = needs_kubectl
ALL_PODS = [pytest.param(name, id=name) for name in OVERLAYS]
TAKES_TOKEN = {("cohorts", "Deployment/gateway")}
"""Who asks the cluster anything."""
STRANGER = {"app.kubernetes.io/name": "something-else"}
COHORT = {"app.kubernetes.io/name": "glioserve-cohort"}


@pytest.mark.parametrize("overlay", ALL_PODS)
def test_pods_fulfil_the_restricted_standard(overlay: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root."""
    for each in pods(overlay):
        security = each.spec["securityContext"]
        assert security["runAsNonRoot"] is True, each.owner
        assert min(security["runAsUser"], security["runAsGroup"]) > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & each.spec.keys()
        for container in each.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, (each.owner, container["name"])
        kinds = {kind for volume in each.spec["volumes"] for kind in volume} - {"name"}
        assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "podman"])
def test_no_port_of_a_node_is_taken(overlay: str) -> None:
    assert not any("hostPort" in port for each in pods(overlay) for port in each.main.get("ports", ()))


def test_podman_takes_a_port_of_loopback_alone() -> None:
    taken = [port for each in pods("podman") for port in each.main["ports"] if "hostPort" in port]
    assert [(port["hostIP"], port["hostPort"]) for port in taken] == [("127.0.0.1", 50051)]


def test_the_namespace_refuses_what_is_not_restricted() -> None:
    for overlay in SERVING:
        labels = objects(overlay, "Namespace")["glioserve"]["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", ALL_PODS)
def test_every_container_is_bounded_and_has_a_home_that_it_can_write(overlay: str) -> None:
    for each in pods(overlay):
        for container in each.containers:
            limits, requests = container["resources"]["limits"], container["resources"]["requests"]
            assert limits.keys() == requests.keys() >= {"cpu", "memory"}
            mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert "/tmp" in mounts  # noqa: S108 (the pod's own)
            assert {"name": "HOME", "value": "/tmp"} in container["env"]  # noqa: S108 (as above)
        for volume in each.spec["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], each.owner


@pytest.mark.parametrize("overlay", ALL_PODS)
def test_no_token_of_the_cluster_unless_it_is_used(overlay: str) -> None:
    accounts = objects(overlay, "ServiceAccount")
    for each in pods(overlay):
        wanted = (overlay, each.owner) in TAKES_TOKEN
        assert each.spec["automountServiceAccountToken"] is wanted
        # Variables of Services named glioserve-... would be settings that nobody knows.
        assert each.spec["enableServiceLinks"] is False
        if account := each.spec.get("serviceAccountName"):
            assert accounts[account]["automountServiceAccountToken"] is wanted


def test_rights_end_at_the_namespace_and_at_two_kinds() -> None:
    for overlay in OVERLAYS:
        kinds = {each["kind"] for each in render(overlay)}
        assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
        assert ("Role" in kinds) is (overlay == "cohorts")
    (role,) = objects("cohorts", "Role").values()
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == {"jobs", "configmaps"}
    for rule in role["rules"]:
        assert "*" not in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}
    (binding,) = objects("cohorts", "RoleBinding").values()
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "glioserve-cohorts"}
    assert [subject["name"] for subject in binding["subjects"]] == ["glioserve-gateway"]


def triton_of(overlay: str) -> Pods:
    return pods_of(overlay, "glioserve" if overlay == "kserve" else "triton")


@pytest.mark.parametrize("overlay", SERVING)
def test_only_the_gateway_reaches_triton(overlay: str) -> None:
    network, triton, gateway = Network(overlay), triton_of(overlay), pods_of(overlay, "gateway")
    (grpc,) = (port["containerPort"] for port in triton.main["ports"] if port["name"] in {"grpc", "h2c"})
    assert network.lets(gateway.labels, triton, grpc)
    assert not network.lets(STRANGER, triton, grpc)
    assert not network.lets(triton.labels, triton, grpc)
    assert network.lets(COHORT, triton, grpc) is (overlay == "cohorts")
    for port in (8000, 8080, 8002):
        assert not network.lets(gateway.labels, triton, port)
        assert not network.takes_from_anywhere(triton, port)
    assert not network.takes_from_anywhere(triton, grpc)


def test_the_batch_overlay_lets_cohorts_reach_triton_beside_any_other() -> None:
    network = Network("cpu", beside="batch")
    (job,) = pods("batch")
    assert job.labels.items() >= COHORT.items()
    assert network.lets(job.labels, triton_of("cpu"), 8001)
    assert not network.lets(job.labels, pods_of("cpu", "gateway"), 9464)


@pytest.mark.parametrize("overlay", SERVING)
def test_callers_reach_the_gateways_calls_alone(overlay: str) -> None:
    network, gateway = Network(overlay), pods_of(overlay, "gateway")
    ports = {port["name"]: port["containerPort"] for port in gateway.main["ports"]}
    assert [name for name, port in ports.items() if network.takes_from_anywhere(gateway, port)] == ["grpc"]
    assert ports.keys() == {"grpc", "health", "metrics"}


@pytest.mark.parametrize("overlay", SERVING)
def test_pods_leave_the_cluster_only_where_they_must(overlay: str) -> None:
    network = Network(overlay)
    leaving = {each.owner.rpartition("/")[2] for each in pods(overlay) if network.leaves(each.labels)}
    assert leaving == {"cohorts": {"gateway"}, "s3": {"triton"}}.get(overlay, set())


def test_training_speaks_to_itself_alone() -> None:
    network, (workers,) = Network("train"), pods("train")
    assert network.lets(workers.labels, workers, 29500)
    assert not network.lets(STRANGER, workers, 29500)
    assert network.leaves(workers.labels) == []
