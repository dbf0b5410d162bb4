"""What the tests of the batch service share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.batch.s3 import Bucket, new_bucket, running_s3


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with new_bucket(s3_endpoint, monkeypatch) as bucket:
        yield bucket
