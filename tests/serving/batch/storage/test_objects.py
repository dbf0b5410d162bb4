"""An object store, spoken to over a real socket."""

from __future__ import annotations

import threading
import uuid

import pytest

from serving.batch.storage import MissingFileError, OutputFolder, StorageError, open_folder
from tests.serving.batch.s3 import Bucket


@pytest.fixture(params=["s3", "memory"])
def folder(request: pytest.FixtureRequest, bucket: Bucket) -> OutputFolder:
    return open_folder(bucket.url if request.param == "s3" else f"memory://{uuid.uuid4().hex}/below")


def test_what_is_written_is_read_listed_and_replaced(folder: OutputFolder) -> None:
    assert (folder.sizes(), folder.names("a")) == ({}, frozenset())
    folder.write("a/one.txt", b"1")
    assert folder.names("a") == {"one.txt"}
    folder.write("a/one.txt", b"11")
    folder.write("a/b/two.txt", b"222")
    folder.write("top.txt", b"")
    assert folder.read("a/one.txt") == b"11"
    assert folder.names("a") == {"one.txt"}
    assert list(folder.sizes().items()) == [("a/b/two.txt", 3), ("a/one.txt", 2), ("top.txt", 0)]
    assert list(folder.read_each(["top.txt", "a/b/two.txt"])) == [b"", b"222"]
    assert folder.sweep() == 0
    folder.remove("a/one.txt")
    folder.remove("a/one.txt")
    assert list(folder.sizes()) == ["a/b/two.txt", "top.txt"]


def test_what_is_not_there(folder: OutputFolder) -> None:
    folder.write("a", b"1")
    with pytest.raises(MissingFileError, match="must hold b, got no such file"):
        folder.read("b")
    with pytest.raises(MissingFileError):
        list(folder.read_each(["a", "b"]))


def test_another_process_is_seen_at_once(bucket: Bucket) -> None:
    """Listings are not remembered."""
    one, other = open_folder(bucket.url), open_folder(bucket.url)
    assert (one.names("a"), one.sizes()) == (frozenset(), {})
    other.write("a/x", b"1")
    assert (one.names("a"), one.sizes()) == ({"x"}, {"a/x": 1})


def test_an_object_is_one_put(bucket: Bucket) -> None:
    open_folder(bucket.url).write("a/large", bytes(12_000_000))
    puts = [line for line in bucket.requests() if line.startswith("PUT") and "large" in line]
    assert len(puts) == 1
    assert "uploadId" not in puts[0]


def test_threads_share_a_folder(bucket: Bucket) -> None:
    folder = open_folder(bucket.url)
    threads = [threading.Thread(target=folder.write, args=(f"a/{n}", bytes(n))) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert list(folder.sizes().values()) == list(range(8))


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there() -> None:
    with pytest.raises(StorageError, match=r"^s3://no-such-bucket/x: must be writable, got .*bucket does not exist"):
        open_folder("s3://no-such-bucket/x").write("a", b"")


def test_missing_credentials(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match=rf"^{bucket.url}: must be writable, got .*credentials"):
        open_folder(bucket.url).write("a", b"")


def test_a_store_that_does_not_answer(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageError, match=r"must be readable, got .*127\.0\.0\.1:9"):
        open_folder(bucket.url).read("a")
