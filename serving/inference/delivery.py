"""Brings a model repository to where it is served from: from a folder, such as an image's, or from an object store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import fsspec

from serving.errors import Cause, ServingError
from serving.inference.verification import served_files

_LONGEST_REASON = 200


class ModelDeliveryError(ServingError):
    """The models can't be read where they are, or not be written where they shall be."""

    cause = Cause.PRECONDITION


def deliver(source: str, repository: Path) -> int:
    """Copy what Triton reads; models that are there already are replaced. Nothing is judged, see `verify_repository`.

    Args:
        source: A folder of this machine, or a URL such as s3://bucket/models, which may hold more than is copied.
        repository: The folder that Triton shall serve; made if need be.

    Returns:
        How many files were copied.

    Raises:
        ModelDeliveryError: The source holds no models, can't be read, or the folder can't be written.
    """
    with _faults(source):
        filesystem, root = fsspec.core.url_to_fs(source)
        start = root.rstrip("/")
        keys = [str(key) for key in filesystem.find(start)]
    paths = served_files(PurePosixPath(key[len(start) + 1 :]) for key in keys)
    if not paths:
        raise ModelDeliveryError("models", f"must lie in {source}", "none")
    if any(".." in path.parts for path in paths):
        raise ModelDeliveryError("models", "must lie within their folder", "a path that leads out of it")
    with _faults(source):
        for name in {path.parts[0] for path in paths}:
            shutil.rmtree(repository / name, ignore_errors=True)
        for path in paths:
            target = repository / path
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(f"{start}/{path}", str(target))
    return len(paths)


@contextmanager
def _faults(source: str) -> Iterator[None]:
    """What a store's library raises is as it likes; here it becomes our own error."""
    try:
        yield
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        line = " ".join(reason.split())[:_LONGEST_REASON] or type(error).__name__
        raise ModelDeliveryError("models", f"must be readable in {source}, and writable here", line) from error
