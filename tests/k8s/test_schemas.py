"""Every object that is rendered is taken by every version of Kubernetes that we speak of, down to its last field.

KEDA's and KServe's own schemas are not at hand; what they hold of Kubernetes' own (a PodSpec, an autoscaler's
behaviour) is checked as such.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.k8s.rendering import CUSTOM, OVERLAYS, Manifest, needs_kubectl, objects, predictor_pod, render

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
pytestmark = needs_kubectl
VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36")


def own_objects() -> list[Manifest]:
    """All of Kubernetes' own kinds, each once, and those within others' kinds."""
    found = {json.dumps(each): each for name in OVERLAYS for each in render(name) if each["kind"] not in CUSTOM}
    made: list[Manifest] = list(found.values())
    made += [as_pod(each) for each in objects("kserve", "InferenceService").values()]
    made += [as_autoscaler(each) for each in objects("autoscale", "ScaledObject").values()]
    return made


def as_pod(service: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": predictor_pod(service)}


def as_autoscaler(scaled: Manifest) -> Manifest:
    spec = scaled["spec"]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "made-by-keda"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", **spec["scaleTargetRef"]},
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            "behavior": spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
        },
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cluster_of_this_version_takes_every_object(version: str) -> None:
    for each in own_objects():
        kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_is_unknown_is_noticed() -> None:
    (config, *_) = objects("cpu", "ConfigMap").values()
    wrong: dict[str, Any] = {**config, "dat": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_in_the_namespace_and_named_once(overlay: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in render(overlay)]
    assert len(names) == len(set(names)) > 0
    for each in render(overlay):
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "glioserve", each["metadata"]["name"]
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "glioserve"
