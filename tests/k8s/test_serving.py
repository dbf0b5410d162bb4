"""The overlays that serve exams: known settings, probes, ends without loss, budgets, names that lead somewhere."""

from __future__ import annotations

from typing import Any

import pytest

from serving.inference.verification import repository_digest
from serving.settings import PREFIX, Settings
from tests.k8s.rendering import ROOT, SERVING, Pods, environment, needs_kubectl, objects, pods, pods_of, render, selects

pytestmark = needs_kubectl
BEHIND = [*SERVING, "podman"]


def settings_of(overlay: str) -> Settings:
    """The settings of the gateway; a key that is unknown is refused."""
    given = environment(overlay, pods_of(overlay, "gateway").main)
    values = {key.removeprefix(PREFIX).lower(): value for key, value in given.items() if key.startswith(PREFIX)}
    return Settings.model_validate(values)


def triton_of(overlay: str) -> Pods:
    return pods_of(overlay, "glioserve" if overlay == "kserve" else "triton")


@pytest.mark.parametrize("overlay", BEHIND)
def test_every_setting_is_known_and_they_agree(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{key.upper()}", raising=False)
    settings = settings_of(overlay)
    ports = {port["name"]: port["containerPort"] for port in pods_of(overlay, "gateway").main["ports"]}
    assert ports == {"grpc": settings.port, "health": settings.health_port, "metrics": settings.metrics_port}
    assert settings.host == "0.0.0.0"  # noqa: S104 (a pod's own network)
    assert settings.tls_cert is not None
    assert (settings.tls_client_ca is not None) is (overlay == "mutual-tls")
    mounted = [mount["mountPath"] for mount in pods_of(overlay, "gateway").main["volumeMounts"]]
    for file in (settings.tls_cert, settings.tls_key, settings.callers):
        assert str(file.parent) in mounted
    if overlay != "podman":
        files = {item["path"] for each in secrets_of(overlay) for item in each["secret"]["items"]}
        wanted = (settings.tls_cert, settings.tls_key, settings.callers, settings.tls_client_ca)
        assert {file.name for file in wanted if file is not None} == files


def secrets_of(overlay: str) -> list[dict[str, Any]]:
    volumes = {volume["name"]: volume for volume in pods_of(overlay, "gateway").spec["volumes"]}
    found: list[dict[str, Any]] = volumes["secrets"]["projected"]["sources"]
    return found


@pytest.mark.parametrize("overlay", SERVING)
def test_probes_are_grpcs_own(overlay: str) -> None:
    settings = settings_of(overlay)
    for each in pods(overlay):
        container = each.main
        ports = {port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["grpc"]["port"] in ports, (each.owner, probe)
            assert not {"httpGet", "exec", "tcpSocket"} & container[probe].keys()
        patience = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
        assert patience >= (1800 if overlay == "gpu" and each.owner.endswith("triton") else 120)
    gateway = pods_of(overlay, "gateway").main
    assert gateway["readinessProbe"]["grpc"] == {"port": settings.health_port}, "which needs the engine"
    for probe in ("startupProbe", "livenessProbe"):
        assert gateway[probe]["grpc"]["service"] == "glioserve.v1.InfoService", "which does not"


@pytest.mark.parametrize("overlay", BEHIND)
def test_nobody_is_killed_who_has_work_left(overlay: str) -> None:
    settings = settings_of(overlay)
    gateway, triton = pods_of(overlay, "gateway"), triton_of(overlay)
    pause = gateway.main["lifecycle"]["preStop"]["sleep"]["seconds"] if overlay != "podman" else 0
    longest = settings.call_timeout_s + settings.drain_s + pause
    assert gateway.spec["terminationGracePeriodSeconds"] > longest
    assert settings.drain_s >= settings.call_timeout_s, "a call that has begun is not cut off"
    words = [word.replace("--exit-timeout-secs=", "") for word in triton.main["args"]]
    own_drain = int(words[-1] if overlay != "gpu" else words[words.index("60")])
    assert triton.spec["terminationGracePeriodSeconds"] > own_drain + pause


@pytest.mark.parametrize("overlay", SERVING)
def test_deployments_keep_their_number_while_they_change(overlay: str) -> None:
    for name, each in objects(overlay, "Deployment").items():
        rolling = each["spec"]["strategy"]["rollingUpdate"]
        assert rolling["maxUnavailable"] + rolling["maxSurge"] == 1
        assert each["spec"].get("replicas", 2) == 2, "one is there while the other is not"
        assert ("replicas" in each["spec"]) is (overlay != "autoscale"), "whose number is KEDA's"
        selector = each["spec"]["selector"]["matchLabels"]
        spread = each["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [rule["topologyKey"] for rule in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        assert all(rule["labelSelector"]["matchLabels"] == selector for rule in spread)
        assert selects(selector, pods_of(overlay, name).labels)


@pytest.mark.parametrize("overlay", SERVING)
def test_budgets_and_services_select_the_pods_that_they_are_named_after(overlay: str) -> None:
    everyone = {"gateway": pods_of(overlay, "gateway"), "triton": triton_of(overlay)}
    assert objects(overlay, "PodDisruptionBudget").keys() == everyone.keys()
    for name, budget in objects(overlay, "PodDisruptionBudget").items():
        assert budget["spec"]["maxUnavailable"] == 1
        selected = budget["spec"]["selector"]["matchLabels"]
        assert [other for other, each in everyone.items() if selects(selected, each.labels)] == [name]
    assert objects(overlay, "Service").keys() == {"gateway", "gateway-metrics", "triton", "triton-metrics"}
    for name, service in objects(overlay, "Service").items():
        owner = name.removesuffix("-metrics")
        selected = service["spec"]["selector"]
        assert [other for other, each in everyone.items() if selects(selected, each.labels)] == [owner]
        (port,) = service["spec"]["ports"]
        if owner == "gateway" or overlay != "kserve":
            assert port["targetPort"] in {each["name"] for each in everyone[owner].main["ports"]}


@pytest.mark.parametrize("overlay", SERVING)
def test_the_gateway_finds_triton_by_a_service(overlay: str) -> None:
    settings, services = settings_of(overlay), objects(overlay, "Service")
    assert settings.triton is not None
    name, _, port = settings.triton.removeprefix("dns:///").partition(":")
    assert services[name]["spec"]["ports"][0]["port"] == int(port)
    headless = services[name]["spec"].get("clusterIP") == "None"
    assert headless is settings.triton.startswith("dns:///") is (overlay in {"autoscale", "grpc-lb"})


@pytest.mark.parametrize("overlay", SERVING)
def test_nothing_is_served_before_its_digest_is_compared(overlay: str) -> None:
    triton = triton_of(overlay)
    (verify,) = triton.spec["initContainers"]
    words = verify["args"]
    assert words[:2] == ["models", "verify"]
    assert words[words.index("--digest") + 1] == "$(MODELS_DIGEST)"
    given = environment(overlay, verify)
    for word in words:
        if word.startswith("$("):
            assert word[2:-1] in given, word
    source = words[words.index("--from") + 1] if "--from" in words else None
    assert source == {"gpu": None, "kserve": None, "s3": "$(MODELS_SOURCE)"}.get(overlay, "/opt/glioserve/models")
    (mount,) = (each for each in verify["volumeMounts"] if each["mountPath"] == "/models")
    volumes = {volume["name"]: volume for volume in triton.spec["volumes"]}
    assert ("emptyDir" in volumes[mount["name"]]) is (source is not None)
    if overlay == "kserve":
        (service,) = objects(overlay, "InferenceService").values()
        claim = volumes[mount["name"]]["persistentVolumeClaim"]["claimName"]
        assert service["spec"]["predictor"]["model"]["storageUri"] == f"pvc://{claim}/{mount['subPath']}"
    else:
        (served,) = (each for each in triton.main["volumeMounts"] if each["mountPath"] == "/models")
        assert served["readOnly"] is True
        assert (served["name"], served.get("subPath")) == (mount["name"], mount.get("subPath"))


def test_the_digest_is_that_of_the_shipped_models() -> None:
    (config,) = (each for name, each in objects("cpu", "ConfigMap").items() if name.startswith("models-"))
    assert config["data"]["MODELS_DIGEST"] == repository_digest(ROOT / "models"), "run `make k8s-digest`"


def test_a_gpu_is_asked_for_and_its_engines_are_kept() -> None:
    triton = triton_of("gpu")
    assert triton.main["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in triton.spec["tolerations"]
    volumes = {volume["name"]: volume for volume in triton.spec["volumes"]}
    claim = volumes["tensorrt-cache"]["persistentVolumeClaim"]["claimName"]
    assert objects("gpu", "PersistentVolumeClaim")[claim]["spec"]["accessModes"] == ["ReadWriteMany"]
    assert "--disable-auto-complete-config" in triton.main["args"], "models are served as they are written"


def test_scaling_asks_for_metrics_by_what_waits_and_goes_down_slowly() -> None:
    scaled = objects("autoscale", "ScaledObject")
    assert scaled.keys() == {"gateway", "triton"}
    for name, each in scaled.items():
        spec = each["spec"]
        assert spec["scaleTargetRef"] == {"name": name}
        assert name in objects("autoscale", "Deployment")
        down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        assert down["stabilizationWindowSeconds"] >= 300
        assert [policy["value"] for policy in down["policies"]] == [1]
        (trigger,) = spec["triggers"]
        assert (trigger["type"], trigger["metricType"]) == ("prometheus", "AverageValue"), "which a fallback needs"
    query = scaled["gateway"]["spec"]["triggers"][0]["metadata"]["query"]
    assert {"glioserve_running", "glioserve_queue_length"} <= set(query.replace("(", " ").replace("{", " ").split())
    query = scaled["triton"]["spec"]["triggers"][0]["metadata"]["query"]
    assert "nv_inference_pending_request_count" in query


def test_podman_gets_what_it_can_play() -> None:
    assert {each["kind"] for each in render("podman")} == {"ConfigMap", "Deployment"}
    for each in pods("podman"):
        assert "initContainers" not in each.spec
        assert all("secret" not in volume and "projected" not in volume for volume in each.spec["volumes"])
        (deployment,) = (one for name, one in objects("podman", "Deployment").items() if each.owner.endswith(name))
        assert deployment["spec"]["replicas"] == 1
