"""A small S3 on a socket of its own."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import boto3
import pytest
from moto.server import ThreadedMotoServer

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass
class Bucket:
    """A new bucket, and what its server was asked since."""

    name: str
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"s3://{self.name}/cohorts/one"

    def requests(self) -> list[str]:
        """`PUT /bucket/key?query` per request."""
        return [line.split('"')[1] for line in self.log if line.count('"') >= 2]


@contextmanager
def running_s3() -> Iterator[str]:
    """An S3 server; its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def new_bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket that this process and its children find by the environment."""
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    bucket = Bucket(f"bucket-{uuid.uuid4().hex[:12]}")
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket.name)
    client.close()
    handler = logging.Handler()
    handler.emit = lambda record: bucket.log.append(_plain(record.getMessage()))  # type: ignore[method-assign]
    logger = logging.getLogger("werkzeug")
    logger.addHandler(handler)
    try:
        yield bucket
    finally:
        logger.removeHandler(handler)


def _plain(line: str) -> str:
    """Without colours."""
    for code in ("\x1b[31m", "\x1b[33m", "\x1b[35m", "\x1b[36m", "\x1b[32m", "\x1b[1m", "\x1b[0m"):
        line = line.replace(code, "")
    return line
