from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from serving.tls import ReloadedTls, TlsError, TlsFiles, TlsMaterial
from tests.serving.certificates import Authority

AUTHORITY = Authority()


def test_a_pair_that_fits() -> None:
    pair = AUTHORITY.pair()
    material = TlsMaterial(pair.cert, pair.key, AUTHORITY.cert)
    assert "PRIVATE" not in repr(material)


def test_a_chain_begins_with_the_servers_own() -> None:
    pair = AUTHORITY.pair()
    TlsMaterial(pair.cert + AUTHORITY.cert, pair.key)
    with pytest.raises(TlsError, match="another's key"):
        TlsMaterial(AUTHORITY.cert + pair.cert, pair.key)


def test_what_a_server_can_not_prove_itself_with() -> None:
    pair, other = AUTHORITY.pair(), AUTHORITY.pair()
    ended = AUTHORITY.pair(valid_for=timedelta(days=-1))
    early = AUTHORITY.pair(starts=1, valid_for=timedelta(days=2))
    locked = load_pem_private_key(pair.key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    for cert, key, client_ca, fault in (
        (pair.cert, other.key, None, "tls_key: must be the key of tls_cert"),
        (ended.cert, ended.key, None, "tls_cert: must be valid now, got one that ended on"),
        (early.cert, early.key, None, "tls_cert: must be valid now, got one that begins on"),
        (pair.cert, locked, None, "tls_key: must not be encrypted"),
        (pair.cert, b"", None, "tls_key: must hold a private key"),
        (b"", pair.key, None, "tls_cert: must hold certificates"),
        (pair.key, pair.key, None, "tls_cert: must hold certificates"),
        (pair.cert[:200], pair.key, None, "tls_cert: must hold certificates"),
        (pair.cert, pair.key, b"no authority", "tls_client_ca: must hold certificates"),
    ):
        with pytest.raises(TlsError, match=fault):
            TlsMaterial(cert, key, client_ca)


@pytest.mark.parametrize("missing", ["cert", "key", "client_ca"])
def test_a_file_that_can_not_be_read_is_named_by_its_setting(tmp_path: Path, missing: str) -> None:
    cert, key = AUTHORITY.pair().write(tmp_path, "server")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(AUTHORITY.cert)
    files = TlsFiles(**({"cert": cert, "key": key, "client_ca": ca} | {missing: tmp_path / "none"}))
    with pytest.raises(TlsError, match=f"tls_{missing}: must be a file that can be read"):
        ReloadedTls(files)
