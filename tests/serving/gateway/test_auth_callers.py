from __future__ import annotations

from pathlib import Path

import pytest

from serving.gateway.auth_callers import MAX_BYTES, Caller, Callers
from serving.gateway.auth_errors import CallersError, CallersUnavailableError
from serving.gateway.auth_file import CallersFile
from serving.gateway.auth_roles import Role
from serving.gateway.auth_tokens import digest_of, new_token

A, B = "a" * 64, "b" * 64


def test_a_file_of_names_roles_and_proofs() -> None:
    text = f"\n# of the clinic\n  radiology  segment,info\tsha256:{A}\r\nnode@host.example check certificate"
    first, second = Callers.parse(text.encode()).callers
    assert first == Caller("radiology", frozenset({Role.SEGMENT, Role.INFO}), A)
    assert second == Caller("node@host.example", frozenset({Role.CHECK}), None)
    assert Callers.parse(f"{first.line}\n{second.line}".encode()).callers == (first, second)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "must list a caller, got none"),
        (b"\n# nobody yet\n\n", "must list a caller, got none"),
        (f"a info sha256:{A}\na check sha256:{B}".encode(), "each name once"),
        (f"a info sha256:{A}\nb check sha256:{A}".encode(), "a token of its own"),
        (f"a info,admin sha256:{A}".encode(), "line 1: must give roles of segment, check"),
        (f"a info, sha256:{A}".encode(), "line 1: must give roles of"),
        (f"# first\na Info sha256:{A}".encode(), "line 2: must give roles of"),
        (b"a info", "a name, roles and a proof, got 2 parts"),
        (f"a info, check sha256:{A}".encode(), "got 4 parts"),
        (b"a info sha256:aa", "sha256:HEX or certificate"),
        (f"a info sha256:{A.upper()}".encode(), "sha256:HEX or certificate"),
        (f"a info {A}".encode(), "sha256:HEX or certificate"),
        (f"{'a' * 65} info sha256:{A}".encode(), "must name callers"),
        (f"-a info sha256:{A}".encode(), "must name callers"),
        (f"\ufeffa info sha256:{A}".encode(), "must name callers"),
        (b"a info certificate\0", "sha256:HEX or certificate"),
        (b"\xff\xfe", "must be UTF-8"),
        (b"#" * (MAX_BYTES + 1), "must have at most"),
    ],
)
def test_what_is_no_file_of_callers(content: bytes, fault: str) -> None:
    with pytest.raises(CallersError, match=fault):
        Callers.parse(content)


def test_a_fault_quotes_nothing_of_the_file() -> None:
    with pytest.raises(CallersError) as caught:
        Callers.parse(b"secretive segment glioserve_pasted_token_in_the_clear")
    assert "pasted" not in str(caught.value)
    assert "secretive" not in str(caught.value)


def test_a_token_finds_its_caller_and_none_other() -> None:
    token = new_token()
    caller = Caller("a", frozenset({Role.INFO}), digest_of(token))
    callers = Callers((Caller("z", frozenset({Role.INFO}), A), caller, Caller("c", frozenset({Role.INFO}), None)))
    assert callers.with_token(token) == caller
    for wrong in ("", token[:-1], f"{token} ", token.swapcase(), digest_of(token), f"sha256:{A}"):
        assert callers.with_token(wrong) is None
    assert callers.with_certificate("c") is not None
    assert callers.with_certificate("a") is None  # known by its token alone


def test_tokens_are_long_and_unlike() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= len("glioserve_") + 43


def test_a_file_is_followed_and_lets_nobody_in_while_it_is_broken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "callers"
    path.write_text(f"a info sha256:{A}\n")
    file = CallersFile(path, certificates=False)
    assert [caller.name for caller in file.now().callers] == ["a"]

    path.write_text(f"b info sha256:{A}\n")
    assert [caller.name for caller in file.now().callers] == ["b"]

    for broken in ("", "b root certificate\n"):
        path.write_text(broken)
        for _ in range(2):
            with pytest.raises(CallersUnavailableError) as caught:
                file.now()
            assert caught.value.retry_after_s > 0
    path.unlink()
    with pytest.raises(CallersUnavailableError):
        file.now()
    assert caplog.messages.count("callers.refused") == 3  # once for each fault, not for each call

    path.write_text(f"b info sha256:{A}\n")
    assert [caller.name for caller in file.now().callers] == ["b"]


def test_certificates_that_no_client_is_asked_for_prove_nothing(tmp_path: Path) -> None:
    path = tmp_path / "callers"
    path.write_text("a info certificate\n")
    with pytest.raises(CallersError, match="tls_client_ca"):
        CallersFile(path, certificates=False)
    assert CallersFile(path, certificates=True).now().by_certificate


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CallersError, match="must be a file that can be read"):
        CallersFile(tmp_path / "none", certificates=False)
