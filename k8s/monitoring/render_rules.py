# ruff: noqa: INP001 - a script beside what it writes, not a module
"""Writes rules.yaml, the alerts as a PrometheusRule, from prometheus/alerts.yaml. `make monitoring` calls this."""

from __future__ import annotations

from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ALERTS = HERE / "prometheus" / "alerts.yaml"
RULES = HERE / "rules.yaml"
_HEAD = "# Written by `make monitoring` from prometheus/alerts.yaml; change that file.\n"


def rendered(alerts: str) -> str:
    """The PrometheusRule that holds the groups of a file of alerts."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "glioserve",
            "labels": {"app.kubernetes.io/name": "glioserve", "app.kubernetes.io/component": "monitoring"},
        },
        "spec": yaml.safe_load(alerts),
    }
    return _HEAD + yaml.safe_dump(rule, sort_keys=False, width=120)


if __name__ == "__main__":
    RULES.write_text(rendered(ALERTS.read_text(encoding="utf-8")), encoding="utf-8")
