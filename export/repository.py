"""The model repository that Triton serves: each model appears whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from export.errors import RepositoryError

SIZE_LIMIT_BYTES = 60_000_000
"""All models together are part of the source tree, and of every clone."""
CONFIG_FILE = "config.pbtxt"
GRAPH_FILE = "1/model.onnx"
PARITY_FILE = "parity.json"
PROVENANCE_FILE = "provenance.json"
"""Data, split, settings and versions of the training run."""
CARD_FILE = "MODEL_CARD.md"


def write_model(
    models: Path, name: str, *, files: Mapping[str, bytes], size_limit_bytes: int = SIZE_LIMIT_BYTES
) -> Path:
    """Put a model in the repository, in the place of an older one of its name.

    The files are written and flushed to disk in a hidden neighbour, which is then renamed. Whoever looks
    meanwhile sees the older model, none for an instant, or the new one, never half of one.

    Args:
        models: The repository; made if need be.
        name: The model's folder in it.
        files: Contents by path within the model's folder, e.g. `1/model.onnx`.
        size_limit_bytes: Of the whole repository afterwards.

    Returns:
        The model's folder.

    Raises:
        RepositoryError: The repository would grow beyond its limit, or a path leads out of the model's folder.
        OSError: It can't be written; the older model is still there.
    """
    _check_paths(files)
    models.mkdir(parents=True, exist_ok=True)
    final = models / name
    total = _size(models) - _size(final) + sum(map(len, files.values()))
    if total > size_limit_bytes:
        raise RepositoryError("models", f"must stay within {size_limit_bytes} bytes in all", f"{total}")
    staging = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=models))
    try:
        staged = staging / "new"
        for path, content in files.items():
            _write(staged / path, content)
        _swap(staged, final, aside=staging / "old")
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return final


def _check_paths(files: Mapping[str, bytes]) -> None:
    for path in files:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise RepositoryError("files", "must lie within the model's folder", "a path that leads out of it")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(new: Path, final: Path, *, aside: Path) -> None:
    """Puts `new` where `final` is; puts the old one back if that fails."""
    if not final.exists():
        new.rename(final)
        return
    final.rename(aside)
    try:
        new.rename(final)
    except OSError:
        aside.rename(final)
        raise


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
