"""The settings of a node: safe as they are, and refused where they are not."""

from __future__ import annotations

import os

import pytest

from serving.dicom.settings import load_dicom_settings
from serving.settings import PREFIX, SettingsError, load_settings

DESTINATION = {"destination_ae_title": "ARCHIVE", "destination_host": "127.0.0.1", "destination_port": 104}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.upper().startswith(PREFIX):
            monkeypatch.delenv(key)


def test_the_defaults_stay_on_this_machine() -> None:
    settings = load_dicom_settings(DESTINATION)
    assert (settings.host, settings.port, settings.server) == ("127.0.0.1", 11112, "127.0.0.1:50051")
    assert settings.allowed_callers == ()
    assert settings.destination == "ARCHIVE@127.0.0.1:104"
    assert "destination_port=104" in settings.lines()


def test_the_environment_sets_and_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIOSERVE_DICOM_PORT", "6000")
    monkeypatch.setenv("GLIOSERVE_DICOM_CALLERS", "MR1, CT 2")
    monkeypatch.setenv("GLIOSERVE_WORKERS", "3")
    settings = load_dicom_settings(DESTINATION | {"port": 7000, "host": None})
    assert (settings.port, settings.allowed_callers) == (7000, ("MR1", "CT 2"))


def test_the_gateway_and_the_node_leave_each_others_keys_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIOSERVE_DICOM_PRT", "6000")
    assert load_settings().port == 50051
    with pytest.raises(SettingsError, match="GLIOSERVE_DICOM_PRT; did you mean GLIOSERVE_DICOM_PORT"):
        load_dicom_settings(DESTINATION)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"host": "0.0.0.0"}, "beyond_loopback must be set"),  # noqa: S104 - what is refused
        ({"host": "hospital.example"}, "beyond_loopback must be set"),
        ({"host": "10.0.0.7", "beyond_loopback": True}, "callers must be set"),
        ({"ae_title": ""}, "ae_title"),
        ({"ae_title": "   "}, "ae_title"),
        ({"ae_title": "A\\B"}, "ae_title"),
        ({"ae_title": "A" * 17}, "ae_title"),
        ({"callers": "MR1,,MR2"}, "callers"),
        ({"callers": "MR1," + "A" * 17}, "callers"),
        ({"callers": "A\\B"}, "callers"),
        ({"quiet_s": 0}, "quiet_s"),
        ({"attempts": 0}, "attempts"),
        ({"tls_cert": "cert.pem"}, "tls_cert and tls_key"),
        ({"destination_port": 0}, "destination_port"),
        ({"destination_ae_title": None}, "destination_ae_title"),
    ],
)
def test_values_that_can_not_be(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_dicom_settings(DESTINATION | values)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_leave(host: str) -> None:
    assert load_dicom_settings(DESTINATION | {"host": host}).host == host


def test_other_machines_may_be_let_in_by_name() -> None:
    settings = load_dicom_settings(DESTINATION | {"host": "10.0.0.7", "beyond_loopback": True, "callers": "MR1"})
    assert settings.allowed_callers == ("MR1",)


def test_delays_double_up_to_a_limit() -> None:
    settings = load_dicom_settings(DESTINATION | {"retry_s": 10, "retry_max_s": 60})
    assert [settings.delay_s(attempts) for attempts in (1, 2, 3, 4, 5, 1000)] == [10, 20, 40, 60, 60, 60]
