"""`glioserve-server models verify`, as an initContainer calls it."""

from __future__ import annotations

import json
from pathlib import Path

from serving.inference.verification import repository_digest
from tests.serving.model_repository import write_repository
from tests.serving.test_cli import call, error_of


def test_models_are_copied_and_verified(tmp_path: Path) -> None:
    source = write_repository(tmp_path / "image")
    served, digest = tmp_path / "served", repository_digest(source)
    ended = call("models", "verify", "--models", served, "--digest", digest, "--from", source)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == f"digest {digest}"
    document = json.loads(call("models", "verify", "--models", served, "--json").stdout)
    assert document["digest"] == digest
    assert {"unet_wt", "unet_tc", "unet_et"} <= document["networks"].keys()


def test_other_models_end_it_with_the_reason(tmp_path: Path) -> None:
    served = write_repository(tmp_path)
    ended = call("models", "verify", "--digest", "0" * 64, settings={"MODELS": str(served)})
    assert "must have the digest 000" in error_of(ended)


def test_no_models_at_all(tmp_path: Path) -> None:
    assert "must lie in" in error_of(call("models", "verify", "--models", tmp_path / "a", "--from", tmp_path))
