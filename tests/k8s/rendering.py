"""What kustomize makes of an overlay, and the parts of it that tests look at."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
OVERLAYS = tuple(sorted(path.name for path in (K8S / "overlays").iterdir()))
SERVING = ("autoscale", "cohorts", "cpu", "gpu", "grpc-lb", "kserve", "monitoring", "mutual-tls", "s3")
"""Overlays that serve exams in a cluster."""
CUSTOM = {"InferenceService", "PrometheusRule", "ScaledObject", "ServiceMonitor"}
"""Kinds of other projects, for which Kubernetes has no schema."""

Manifest = Mapping[str, Any]

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None,
    reason="needs kubectl 1.27 or later on PATH, of Kubernetes' own releases",
)


@cache
def render(overlay: str) -> tuple[Manifest, ...]:
    """The objects of an overlay."""
    made = subprocess.run(["kubectl", "kustomize", K8S / "overlays" / overlay], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode()
    return tuple(yaml.safe_load_all(made.stdout))


def objects(overlay: str, kind: str) -> dict[str, Manifest]:
    """Those of one kind, by name."""
    return {each["metadata"]["name"]: each for each in render(overlay) if each["kind"] == kind}


@dataclass(frozen=True)
class Pods:
    """Pods that one object makes.

    Args:
        owner: Kind and name of the object.
        labels: Of the pods.
        spec: Of the pods, in the words of Kubernetes' own PodSpec.
    """

    owner: str
    labels: Mapping[str, str]
    spec: Manifest

    @property
    def containers(self) -> Sequence[Manifest]:
        """All of them, those that start before the others first."""
        return (*self.spec.get("initContainers", ()), *self.spec["containers"])

    @property
    def main(self) -> Manifest:
        """The one that serves or works."""
        (container,) = self.spec["containers"]
        found: Manifest = container
        return found


def pods(overlay: str) -> tuple[Pods, ...]:
    """All pods of an overlay."""
    return tuple(_pods(overlay))


def pods_of(overlay: str, name: str) -> Pods:
    """The pods of one object, by its name."""
    (found,) = (each for each in pods(overlay) if each.owner.endswith(f"/{name}"))
    return found


def _pods(overlay: str) -> Iterator[Pods]:
    for each in render(overlay):
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] in {"Deployment", "Job"}:
            template = each["spec"]["template"]
            yield Pods(name, template["metadata"]["labels"], template["spec"])
        elif each["kind"] == "InferenceService":
            yield Pods(name, {"serving.kserve.io/inferenceservice": each["metadata"]["name"]}, predictor_pod(each))


_KSERVE_OF_POD = {"minReplicas", "maxReplicas", "model"}
_KSERVE_OF_MODEL = {"modelFormat", "runtime", "protocolVersion", "storageUri"}


def predictor_pod(service: Manifest) -> Manifest:
    """The PodSpec in an InferenceService's predictor, without what is KServe's own."""
    predictor = service["spec"]["predictor"]
    container = {key: value for key, value in predictor["model"].items() if key not in _KSERVE_OF_MODEL}
    # The image is that of KServe's runtime.
    return {key: value for key, value in predictor.items() if key not in _KSERVE_OF_POD} | {
        "containers": [container | {"name": "kserve-container", "image": "of-the-runtime"}]
    }


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether `matchLabels` match."""
    return selector.items() <= labels.items()


def environment(overlay: str, container: Manifest) -> dict[str, str]:
    """What a container gets of ConfigMaps and literal values. Secrets are not told."""
    maps = objects(overlay, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]["data"]
    return found | {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
