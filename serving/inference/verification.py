"""Whether a model repository is the one that was meant, before anything of it is served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from serving.errors import ModelRepositoryError
from serving.inference.catalog import CONFIG_FILE, repository_catalog

_DIGITS = frozenset("0123456789abcdef")
_SHA256_LENGTH = 64
_READ_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class VerifiedRepository:
    """A repository whose networks are all as they were exported.

    Args:
        networks: Each network's name and version, the U-Nets first.
        digest: Of all files that Triton reads, see `repository_digest`.
    """

    networks: tuple[tuple[str, str], ...]
    digest: str


def verify_repository(repository: Path, *, digest: str | None = None) -> VerifiedRepository:
    """Read all that Triton would read, and compare it with what is recorded.

    Every `model.onnx` must have the digest that its configuration records, and nothing but networks of glioserve may
    lie beside them: Triton would serve it, and some backends run code of the repository. Who can change a file can
    change the record beside it, so a digest of the whole that was kept elsewhere is compared where it is given.

    Args:
        repository: The folder.
        digest: Of the whole, as kept elsewhere; None where there is none.

    Raises:
        ModelRepositoryError: The repository is incomplete, altered, or holds something else.
    """
    if digest is not None and (len(digest) != _SHA256_LENGTH or set(digest) - _DIGITS):
        raise ModelRepositoryError("digest", "must be 64 lower-case hex digits", repr(digest[:80]))
    networks = repository_catalog(repository).networks
    for network in networks:
        found = _sha256(repository / network.name / network.version / "model.onnx")
        if found != network.sha256:
            raise ModelRepositoryError(network.name, f"model.onnx must have the digest {network.sha256}", found)
    names = {network.name for network in networks}
    if strange := sorted(entry.name for entry in repository.iterdir() if entry.is_dir() and entry.name not in names):
        raise ModelRepositoryError("models", "must hold networks of glioserve alone", repr(strange[0][:40]))
    whole = repository_digest(repository)
    if digest is not None and whole != digest:
        raise ModelRepositoryError("models", f"must have the digest {digest}", whole)
    return VerifiedRepository(tuple((network.name, network.version) for network in networks), whole)


def repository_digest(repository: Path) -> str:
    """The SHA-256, in hexadecimal, of what `sha256sum` prints of the files that Triton reads, in order of path."""
    files = served_files(
        PurePosixPath(path.relative_to(repository).as_posix()) for path in repository.rglob("*") if path.is_file()
    )
    lines = (f"{_sha256(repository / path)}  {path}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def served_files(paths: Iterable[PurePosixPath]) -> tuple[PurePosixPath, ...]:
    """Those that Triton reads: of each model its configuration, and what lies in its numbered folders. In order.

    Args:
        paths: Relative to the repository.
    """
    return tuple(sorted(filter(_is_served, paths), key=str))


def _is_served(path: PurePosixPath) -> bool:
    parts = path.parts
    if len(parts) == 2:
        return parts[1] == CONFIG_FILE
    return len(parts) > 2 and parts[1].isdecimal()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()
