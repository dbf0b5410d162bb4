"""A real Prometheus with the project's own configuration, pointed at servers of a test."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

PROMETHEUS = Path(__file__).resolve().parents[2] / "k8s" / "monitoring" / "prometheus"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RunningPrometheus:
    """What can be asked of it."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/api/v1/"

    def ask(self, what: str, **values: str) -> Any:
        """The data of one answer of its API."""
        query = f"?{urllib.parse.urlencode(values)}" if values else ""
        with _OPENER.open(f"{self._url}{what}{query}", timeout=20) as answer:
            return json.load(answer)["data"]

    def values(self, expression: str) -> list[float]:
        """What an expression gives now, for each series."""
        return [float(series["value"][1]) for series in self.ask("query", query=expression)["result"]]

    def up(self) -> set[str]:
        """The jobs whose target is scraped."""
        try:
            return {
                target["labels"]["job"] for target in self.ask("targets")["activeTargets"] if target["health"] == "up"
            }
        except OSError:
            return set()


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[RunningPrometheus]:
    """One that scrapes and judges every second.

    Args:
        folder: For its data; empty.
        targets: Address of each job of the project's configuration.
    """
    configuration = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    assert {job["job_name"] for job in configuration["scrape_configs"]} == set(targets)
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    alerts = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())
    for group in alerts["groups"]:
        group["interval"] = "1s"
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    (folder / "alerts.yaml").write_text(yaml.safe_dump(alerts))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        try:
            yield RunningPrometheus(address)
        finally:
            process.terminate()
