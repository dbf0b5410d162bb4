"""Tokens reach the server that they are for, and no network in the clear."""

from __future__ import annotations

from pathlib import Path

import glioserve as gs
import pytest
from glioserve.cli import app
from typer.testing import CliRunner

from tests.client.fake_server import FakeServer, Received

TOKEN = "gs_0123456789-abc.DEF_~+/=="  # noqa: S105 - of nobody


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def authorizations(received: Received) -> list[str]:
    return [each.value for each in received.context.invocation_metadata() if each.key == "authorization"]


def test_each_call_carries_the_token_that_the_file_holds_now(
    server: FakeServer, case_dir: Path, token_file: Path
) -> None:
    with gs.Client(server.target, token_file=token_file) as client:
        client.segment(case_dir)
        token_file.write_text("another")
        client.segment(case_dir)
        token_file.unlink()
        with pytest.raises(gs.LocalInputError, match="token_file: must be a file that can be read"):
            client.segment(case_dir)
    assert [authorizations(each) for each in server.received] == [[f"Bearer {TOKEN}"], ["Bearer another"]]


async def test_asyncio_carries_it_too(server: FakeServer, case_dir: Path, token_file: Path) -> None:
    async with gs.AsyncClient(server.target, token_file=token_file) as client:
        await client.segment(case_dir)
    assert authorizations(server.received[0]) == [f"Bearer {TOKEN}"]


def test_without_a_file_there_is_none(server: FakeServer, client: gs.Client, case_dir: Path) -> None:
    client.segment(case_dir)
    assert authorizations(server.received[0]) == []


@pytest.mark.parametrize("target", ["host.invalid:1", "10.0.0.1:1", "dns://10.0.0.53/localhost:1"])
@pytest.mark.parametrize("plaintext", [False, True])
def test_it_never_crosses_a_network_in_the_clear(token_file: Path, target: str, *, plaintext: bool) -> None:
    for kind in (gs.Client, gs.AsyncClient):
        with pytest.raises(gs.LocalInputError, match="must go over TLS, or to this machine") as caught:
            kind(target, plaintext=plaintext, token_file=token_file)
        assert caught.value.field == "token_file"
    gs.Client(target, tls=gs.TlsConfig(), token_file=token_file).close()


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"two words", b"two\nlines", b"\xff\xfe", b"a" * 4097, b"=", "\u00fcmlaut".encode()]
)
def test_a_file_that_holds_no_token_is_refused_at_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(gs.LocalInputError, match="must hold one token") as caught:
        gs.Client(token_file=path)
    assert "words" not in str(caught.value), "an error tells nothing of a secret"


def test_the_command_line_takes_it_from_an_option_or_the_environment(
    server: FakeServer, case_dir: Path, token_file: Path
) -> None:
    call = ["segment", str(case_dir), "--server", server.target]
    run = CliRunner().invoke
    assert run(app, [*call, "--token-file", str(token_file)]).exit_code == 0
    assert run(app, call, env={"GLIOSERVE_TOKEN_FILE": str(token_file)}).exit_code == 0
    assert [authorizations(each) for each in server.received] == [[f"Bearer {TOKEN}"]] * 2
    away = run(app, ["info", "--server", "host.invalid:1", "--plaintext", "--token-file", str(token_file)])
    assert (away.exit_code, away.stdout) == (2, "")
    assert "--token-file" in away.stderr
    assert TOKEN not in away.stderr
