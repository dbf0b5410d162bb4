"""The dashboard against a real Prometheus that scrapes a gateway and a real Triton while exams come."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from glioserve.v1 import segmentation_pb2
from grpc import aio

from serving.errors import EngineBusyError
from serving.gateway.server import Gateway
from serving.inference.engine import Engine
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.launcher import TritonServer
from serving.triton.runtime import build_runtime
from serving.triton.settings import TritonSettings
from tests.monitoring.running_prometheus import RunningPrometheus, running_prometheus
from tests.serving.gateway.support import exam_files, segment, segment_requests, small_settings
from tests.serving.model_repository import write_repository

DASHBOARD = Path(__file__).resolve().parents[2] / "k8s" / "monitoring" / "grafana" / "glioserve.json"
PATIENCE_S = 90.0

pytestmark = [
    pytest.mark.triton,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="no prometheus: apt-get install --no-install-recommends prometheus"
    ),
]


class FailingOnce(TritonPredictor):
    """A Triton that refuses one micro-batch, so that there is a fault to be seen."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.fails = False

    def _run(self, network, batch):
        if self.fails:
            self.fails = False
            raise EngineBusyError(network.name, "must have room", "none: the test says so")
        return super()._run(network, batch)


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("monitored")
    settings = TritonSettings(write_repository(folder / "models"), folder / "triton.log")
    with TritonServer(settings, build_runtime()) as server:
        yield server


def queries() -> dict[str, str]:
    """Every query of the dashboard, by its panel and letter."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "30s")
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", ())
    }


def without_data(prometheus: RunningPrometheus, asked: dict[str, str]) -> list[str]:
    return [name for name, query in asked.items() if not any(map(math.isfinite, prometheus.values(query)))]


async def test_every_query_of_the_dashboard_has_data_and_every_alert_can_be_judged(
    triton: TritonServer, tmp_path: Path
) -> None:
    (tmp_path / "prometheus").mkdir()
    files = exam_files(1)
    with closing(FailingOnce(triton.address)) as engine:
        settings = small_settings(engine=Engine.TRITON, cohorts=str(tmp_path / "cohorts"), golden_period_s=60.0)
        async with Gateway(settings, engine, triton=triton.address) as gateway:
            await gateway.ready()
            targets = {
                "glioserve-gateway": gateway.metrics_address,
                "glioserve-triton": triton.metrics_url.removeprefix("http://").removesuffix("/metrics"),
            }
            with running_prometheus(tmp_path / "prometheus", targets) as prometheus:
                async with aio.insecure_channel(gateway.address) as channel:
                    await until_there_is_data(prometheus, channel, engine, files)
                await no_rule_fails(prometheus)
                assert await asyncio.to_thread(exemplars, prometheus)


async def until_there_is_data(prometheus, channel, engine, files) -> None:
    """Exams come, one of them not readable and one failed by the engine, until every panel shows something."""
    missing = queries()
    assert len(missing) > 40
    end = time.monotonic() + PATIENCE_S
    while missing:
        engine.fails = True
        for requests in (segment_requests(files), [segmentation_pb2.SegmentRequest()], segment_requests(files)):
            try:
                await segment(channel, requests)
            except aio.AioRpcError as error:
                assert error.code().name in {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}  # noqa: PT017
        if await asyncio.to_thread(prometheus.up) == {"glioserve-gateway", "glioserve-triton"}:
            empty = await asyncio.to_thread(without_data, prometheus, missing)
            missing = {name: missing[name] for name in empty}
        assert time.monotonic() < end, f"no data for {sorted(missing)}"


async def no_rule_fails(prometheus: RunningPrometheus) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        groups = (await asyncio.to_thread(prometheus.ask, "rules"))["groups"]
        health = {rule["name"]: (rule["health"], rule.get("lastError")) for group in groups for rule in group["rules"]}
        assert "err" not in {state for state, _ in health.values()}, health
        if {state for state, _ in health.values()} == {"ok"}:
            return
        assert time.monotonic() < end, health
        await asyncio.sleep(0.2)


def exemplars(prometheus: RunningPrometheus) -> bool:
    """Whether durations of calls can be followed to requests."""
    now = time.time()
    asked = {"query": "glioserve_call_seconds_bucket", "start": f"{now - 300}", "end": f"{now + 60}"}
    found = prometheus.ask("query_exemplars", **asked)
    return any("request_id" in one["labels"] for series in found for one in series["exemplars"])
