"""Alerts, scraping and their form for Kubernetes: checked by promtool and kustomize themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.dicom.metrics import NodeMetrics
from serving.gateway.metrics import GatewayMetrics

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "k8s" / "monitoring"
PROMETHEUS = MONITORING / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool: apt-get install --no-install-recommends prometheus"
)
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl: see the Kubernetes project")


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROMETHEUS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_promtool_finds_no_fault_in_the_configuration() -> None:
    assert f"{len(alerts())} rules found" in run("promtool", "check", "config", "prometheus.yaml")


@needs_promtool
@pytest.mark.parametrize("file", ["alerts.test.yaml", "drift.test.yaml"])
def test_every_alert_fires_when_it_should_and_only_then(file: str) -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", file)


def test_each_alert_is_tested_firing_and_silent() -> None:
    tests = [
        alert
        for file in PROMETHEUS.glob("*.test.yaml")
        for test in yaml.safe_load(file.read_text())["tests"]
        for alert in test["alert_rule_test"]
    ]
    fires = {test["alertname"] for test in tests if test["exp_alerts"]}
    silent = {test["alertname"] for test in tests if not test["exp_alerts"]}
    assert fires == silent == set(alerts())


def test_each_alert_has_a_runbook_of_its_own_and_each_runbook_an_alert() -> None:
    named = {name: rule["annotations"]["runbook"] for name, rule in alerts().items()}
    assert sorted(named.values()) == sorted(f"docs/runbooks/{page.name}" for page in RUNBOOKS.glob("[a-z]*.md"))
    index = (RUNBOOKS / "README.md").read_text()
    for name, page in named.items():
        assert (ROOT / page).read_text().startswith(f"# {name}\n")
        assert f"[{name}]({Path(page).name})" in index


def test_alerts_tell_only_of_metrics_that_there_are() -> None:
    gateway, node = GatewayMetrics(), NodeMetrics()
    gateway.describe(engine="triton", networks=(), workers=1, queue_capacity=1)
    gateway.watch(queue_length=lambda: 0, running=lambda: 0, reserved_bytes=lambda: 0)
    gateway.watch_certificate(lambda: 0)
    node.watch(lambda: 0, lambda: 0)
    known = {family.name for registry in (gateway.registry, node.registry) for family in registry.collect()}
    for name, rule in alerts().items():
        used = set(re.findall(r"\bglioserve_\w+|\bprocess_\w+", rule["expr"]))
        families = {re.sub(r"_(total|bucket|count|sum|info)$", "", metric) for metric in used}
        assert families <= known, name


def test_the_rule_of_the_operator_is_that_of_prometheus() -> None:
    rule = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    assert rule["kind"] == "PrometheusRule"
    assert rule["spec"] == yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text()), "run `make monitoring`"


@needs_kubectl
def test_the_component_renders_and_selects_the_services_of_the_base() -> None:
    objects = list(yaml.safe_load_all(run("kubectl", "kustomize", MONITORING)))
    kinds = sorted(found["kind"] for found in objects)
    assert kinds == ["ConfigMap", "PrometheusRule", "ServiceMonitor", "ServiceMonitor"]
    services = [
        found
        for file in ("gateway.yaml", "triton.yaml")
        for found in yaml.safe_load_all((ROOT / "k8s" / "base" / file).read_text())
        if found["kind"] == "Service"
    ]
    for monitor in (found for found in objects if found["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (endpoint,) = monitor["spec"]["endpoints"]
        selected = [
            service
            for service in services
            if wanted <= service["metadata"]["labels"].items()
            and endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        ]
        assert len(selected) == 1
