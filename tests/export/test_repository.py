from __future__ import annotations

import os
from pathlib import Path

import pytest

from export.errors import RepositoryError
from export.repository import write_model

FILES = {"config.pbtxt": b"name: 'a'", "1/model.onnx": b"graph"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_every_file_and_nothing_else(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "models", "unet_wt", files=FILES)
    assert folder == tmp_path / "models" / "unet_wt"
    assert contents(tmp_path / "models") == {f"unet_wt/{path}": content for path, content in FILES.items()}


def test_folders_are_readable_by_a_server_of_another_user(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = write_model(tmp_path, "unet_wt", files=FILES)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o555 for path in (folder, folder / "1")} == {0o555}


def test_replaces_an_older_model_whole(tmp_path: Path) -> None:
    write_model(tmp_path, "unet_wt", files={**FILES, "stale.json": b"{}"})
    write_model(tmp_path, "unet_wt", files={"config.pbtxt": b"new"})
    assert contents(tmp_path) == {"unet_wt/config.pbtxt": b"new"}


def test_a_failure_while_writing_leaves_the_older_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path, "unet_wt", files=FILES)
    calls = []

    def disk_full(_: int) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_model(tmp_path, "unet_wt", files=dict.fromkeys(FILES, b"new"))
    assert contents(tmp_path) == {f"unet_wt/{path}": content for path, content in FILES.items()}


def test_a_failure_while_swapping_leaves_the_older_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path, "unet_wt", files=FILES)
    rename = Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(18, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(OSError, match="cross-device"):
        write_model(tmp_path, "unet_wt", files={"config.pbtxt": b"new"})
    assert contents(tmp_path) == {f"unet_wt/{path}": content for path, content in FILES.items()}


def test_repository_stays_within_its_limit(tmp_path: Path) -> None:
    write_model(tmp_path, "unet_wt", files={"1/model.onnx": bytes(600)}, size_limit_bytes=1000)
    with pytest.raises(RepositoryError, match="within 1000 bytes in all, got 1200"):
        write_model(tmp_path, "unet_tc", files={"1/model.onnx": bytes(600)}, size_limit_bytes=1000)
    assert not (tmp_path / "unet_tc").exists()
    write_model(tmp_path, "unet_wt", files={"1/model.onnx": bytes(1000)}, size_limit_bytes=1000)


@pytest.mark.parametrize("path", ["../outside", "/outside", "1/../../outside"])
def test_no_file_leaves_the_models_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(RepositoryError, match="within the model's folder"):
        write_model(tmp_path / "models", "unet_wt", files={path: b""})
    assert contents(tmp_path) == {}
