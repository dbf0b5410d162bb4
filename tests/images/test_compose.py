"""compose.yaml: every service is restricted, only loopback is published, and its settings are settings."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from serving.settings import Settings, load_settings
from tests.images.dockerfiles import DOCKERFILES, ROOT, stages

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {"gateway": "gateway", "triton": "triton-cpu"}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the gateway makes of its environment."""
    for key, value in SERVICES["gateway"]["environment"].items():
        monkeypatch.setenv(key, value)
    return load_settings()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_restricted(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 512
    assert "mem_limit" in service
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_only_loopback_is_published(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_triton_is_reached_by_the_services_here_alone() -> None:
    triton = SERVICES["triton"]
    assert "ports" not in triton
    assert [COMPOSE["networks"][network] for network in triton["networks"]] == [{"internal": True}]
    assert triton["command"][:3] == ["triton", "--host", "0.0.0.0"]  # noqa: S104 (of the container)


def test_images_are_those_that_make_images_builds() -> None:
    version = next(
        line.split('"')[1]
        for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
        if line.startswith("version")
    )
    for service, image in OURS.items():
        assert SERVICES[service]["image"] == f"glioserve/{image}:{version}"
        assert image in DOCKERFILES


def test_no_image_is_whatever_is_newest() -> None:
    tags = [service["image"].partition(":")[2] for service in SERVICES.values()]
    assert all(tag and tag != "latest" for tag in tags)


def test_the_gateway_takes_its_settings(settings: Settings) -> None:
    assert settings.triton == "triton:8001"
    (published,) = SERVICES["gateway"]["ports"]
    assert published.endswith(f":{settings.port}")
    exposed = stages(DOCKERFILES["gateway"])[-1].values("EXPOSE")[0].split()
    assert {str(settings.port), str(settings.metrics_port)} <= set(exposed)


def test_it_is_given_the_time_to_drain(settings: Settings) -> None:
    seconds = int(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert seconds > settings.drain_s >= settings.call_timeout_s


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    for source in mounted:
        assert source in COMPOSE["volumes"] or (ROOT / source).exists(), source
