from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from serving.inference.engine import Engine
from serving.settings import FOREIGN_KEYS, PREFIX, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.upper().startswith(PREFIX):
            monkeypatch.delenv(key)


def test_the_defaults_stay_on_this_machine() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.engine) == ("127.0.0.1", 50051, Engine.TRITON)


def test_the_environment_sets_and_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIOSERVE_PORT", "6000")
    monkeypatch.setenv("GLIOSERVE_WORKERS", "3")
    settings = load_settings({"port": 7000, "workers": None, "models": Path("elsewhere")})
    assert (settings.port, settings.workers, settings.models) == (7000, 3, Path("elsewhere"))


def test_an_unknown_key_is_refused_and_the_known_one_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIOSERVE_WORKER", "3")
    with pytest.raises(SettingsError, match="GLIOSERVE_WORKER; did you mean GLIOSERVE_WORKERS"):
        load_settings()


def test_an_unknown_key_like_no_other_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIOSERVE_QQQQ", "3")
    with pytest.raises(SettingsError, match=r"GLIOSERVE_QQQQ$"):
        load_settings()


@pytest.mark.parametrize("key", sorted(FOREIGN_KEYS))
def test_keys_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(key, "anything")
    load_settings()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"workers": 0}, "workers"),
        ({"port": 70000}, "port"),
        ({"engine": "tensorflow"}, "engine"),
        ({"micro_batch": "many"}, "micro_batch"),
        ({"telemetry": "collector:4318"}, "telemetry must begin with http:// or https://"),
        ({"tls_cert": "cert.pem"}, "tls_cert and tls_key must be set together"),
        ({"tls_client_ca": "ca.pem"}, "tls_client_ca can be set only with tls_cert"),
        ({"host": "0.0.0.0"}, "tls_cert must be set where host is an address that other machines reach"),  # noqa: S104
        ({"host": ""}, "tls_cert must be set where host is an address that other machines reach"),
        (
            {"tls_cert": "c", "tls_key": "k", "insecure_listen": True},
            "insecure_listen can be set only without tls_cert",
        ),
        ({"upload_memory_bytes": 5, "max_file_bytes": 6}, "upload_memory_bytes must be at least max_file_bytes"),
        ({"triton": "localhost:8001", "engine": "onnxruntime"}, "triton can be set only where the engine is triton"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_impossible_values_are_refused_by_name(values: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError, match=field):
        load_settings(values)


def test_every_setting_is_printed() -> None:
    settings = load_settings({"workers": 5})
    assert "workers=5" in settings.lines()
    assert len(settings.lines()) == len(Settings.model_fields)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().workers = 5  # type: ignore[misc]
