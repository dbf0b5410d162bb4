"""Model repositories before they are served: what is verified, and how they are brought."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from serving.errors import ModelRepositoryError
from serving.inference.delivery import ModelDeliveryError, deliver
from serving.inference.verification import repository_digest, verify_repository
from tests.serving.model_repository import write_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_repository(tmp_path / "models")
    return tmp_path / "models"


def test_a_repository_as_it_was_exported(repository: Path) -> None:
    verified = verify_repository(repository)
    assert {"unet_wt", "unet_tc", "unet_et"} <= {name for name, _ in verified.networks}
    assert verify_repository(repository, digest=verified.digest) == verified


def test_the_digest_is_what_sha256sum_gives(repository: Path) -> None:
    (repository / "unet_wt" / "MODEL_CARD.md").write_text("read by people alone")
    listed = subprocess.run(  # noqa: S602 (what a reader would type)
        "find . -path './*/config.pbtxt' -o -path './*/[0-9]*/*' | sed 's,^./,,' | LC_ALL=C sort | xargs sha256sum",
        shell=True,
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
    assert repository_digest(repository) == hashlib.sha256(listed).hexdigest()


def test_a_changed_model_is_refused(repository: Path) -> None:
    (repository / "unet_tc" / "1" / "model.onnx").write_bytes(b"other weights")
    with pytest.raises(ModelRepositoryError, match="unet_tc"):
        verify_repository(repository)


def test_a_model_changed_with_its_record_is_refused_by_the_digest_of_the_whole(repository: Path) -> None:
    digest = verify_repository(repository).digest
    config = repository / "unet_tc" / "config.pbtxt"
    config.write_text(config.read_text().replace("max_batch_size: ", "max_batch_size: 1"))
    with pytest.raises(ModelRepositoryError, match=f"digest {digest}"):
        verify_repository(repository, digest=digest)


def test_a_model_of_somebody_else_is_refused(repository: Path) -> None:
    stranger = repository / "stranger" / "1"
    stranger.mkdir(parents=True)
    (stranger / "model.py").write_text("import os")
    with pytest.raises(ModelRepositoryError, match="alone"):
        verify_repository(repository)


@pytest.mark.parametrize("digest", ["", "sha256:00", "A" * 64])
def test_a_digest_that_is_none(repository: Path, digest: str) -> None:
    with pytest.raises(ModelRepositoryError, match="64 lower-case"):
        verify_repository(repository, digest=digest)


def test_delivery_copies_what_is_served_and_replaces_what_was_there(repository: Path, tmp_path: Path) -> None:
    (repository / "unet_wt" / "MODEL_CARD.md").write_text("read by people alone")
    old = tmp_path / "served" / "unet_wt" / "0"
    old.mkdir(parents=True)
    (old / "model.onnx").write_bytes(b"of yesterday")
    count = deliver(str(repository), tmp_path / "served")
    assert verify_repository(tmp_path / "served").digest == repository_digest(repository)
    assert count == sum(path.is_file() for path in (tmp_path / "served").rglob("*"))
    assert not old.exists()
    assert not (tmp_path / "served" / "unet_wt" / "MODEL_CARD.md").exists()


def test_delivery_from_a_store(repository: Path, tmp_path: Path) -> None:
    """fsspec's own store in memory stands for S3; both are asked alike."""
    import fsspec

    store = fsspec.filesystem("memory")
    store.put(str(repository), "/bucket/models", recursive=True)
    try:
        deliver("memory://bucket/models", tmp_path / "served")
    finally:
        store.rm("/bucket", recursive=True)
    assert repository_digest(tmp_path / "served") == repository_digest(repository)


def test_a_place_without_models(tmp_path: Path) -> None:
    with pytest.raises(ModelDeliveryError, match="must lie in"):
        deliver(str(tmp_path), tmp_path / "served")
    with pytest.raises(ModelDeliveryError, match="must be readable"):
        deliver("nowhere://models", tmp_path / "served")
