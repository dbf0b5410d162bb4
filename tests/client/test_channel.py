"""Patient data leaves this machine protected, or by the caller's own word."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import glioserve as gs
import grpc
import pytest
from glioserve.channel import is_loopback

from tests.client.fake_server import FakeServer, start


@pytest.mark.parametrize(
    "target",
    [
        "localhost:1",
        "127.0.0.1:1",
        "127.8.9.1:1",
        "[::1]:1",
        "dns:///localhost:1",
        "ipv4:127.0.0.1:1",
        "ipv6:[::1]:1",
        "unix:/run/x.sock",
        "unix-abstract:x",
    ],
)
def test_this_machine(target: str) -> None:
    assert is_loopback(target)


@pytest.mark.parametrize(
    "target",
    ["host:1", "10.0.0.1:1", "localhost.evil.org:1", "dns:///host:1", "[2001:db8::1]:1", "dns://127.0.0.1/host:1"],
)
def test_another_machine_is_not_called_in_the_clear(target: str) -> None:
    for kind in (gs.Client, gs.AsyncClient):
        with pytest.raises(gs.LocalInputError) as caught:
            kind(target)
        assert caught.value.field == "target"


def test_the_caller_may_vouch_for_the_network() -> None:
    gs.Client("host.invalid:1", plaintext=True).close()


def test_arguments_that_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(gs.LocalInputError, match="both"):
        gs.Client(tls=gs.TlsConfig(), plaintext=True)
    with pytest.raises(gs.LocalInputError, match="together"):
        gs.TlsConfig(client_key_file=tmp_path / "key.pem")
    with pytest.raises(gs.LocalInputError, match="HOST:PORT"):
        gs.Client(" ")
    with pytest.raises(gs.LocalInputError, match=r"tls\.ca_file"):
        gs.Client(tls=gs.TlsConfig(ca_file=tmp_path / "none.pem"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for `glioserve.test` that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=glioserve.test", "-addext", "subjectAltName=DNS:glioserve.test"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-nodes", "-days", "2", "-keyout", key, "-out", cert, *subject],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def guarded(certificate: tuple[Path, Path]) -> Iterator[FakeServer]:
    """A server that asks its callers for a certificate too."""
    cert, key = (path.read_bytes() for path in certificate)
    credentials = grpc.ssl_server_credentials([(key, cert)], root_certificates=cert, require_client_auth=True)
    fake = FakeServer()
    running = start(fake, credentials)
    yield fake
    running.stop(grace=0).wait()


async def test_mutual_tls(guarded: FakeServer, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = gs.TlsConfig(ca_file=cert, client_cert_file=cert, client_key_file=key, server_name="glioserve.test")
    with gs.Client(guarded.target, tls=tls) as client:
        assert client.info().server_version == "9.8.7"
    async with gs.AsyncClient(guarded.target, tls=tls) as other:
        assert (await other.info()).server_version == "9.8.7"


@pytest.mark.parametrize("change", [{"ca_file": None}, {"server_name": None}])
def test_a_server_that_can_not_prove_who_it_is(
    guarded: FakeServer, certificate: tuple[Path, Path], change: dict[str, None]
) -> None:
    cert, key = certificate
    good = {"ca_file": cert, "client_cert_file": cert, "client_key_file": key, "server_name": "glioserve.test"}
    with (
        gs.Client(guarded.target, tls=gs.TlsConfig(**(good | change))) as client,
        pytest.raises(gs.ServerUnavailableError),
    ):
        client.info()
