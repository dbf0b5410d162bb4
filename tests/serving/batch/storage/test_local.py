"""A local folder: files whole or not there, parts of killed writers swept, faults typed."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from serving.batch.storage import MissingFileError, StorageError, open_folder
from serving.batch.storage.local import LocalFolder

PART = ".0123456789abcdef.part"


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path / "out", name="out")


def test_what_is_written_is_read_listed_and_replaced(folder: LocalFolder) -> None:
    folder.write("a/one.txt", b"1")
    folder.write("a/one.txt", b"11")
    folder.write("a/b/two.txt", b"222")
    folder.write("top.txt", b"")
    assert folder.read("a/one.txt") == b"11"
    assert folder.names("a") == {"one.txt"}
    assert folder.names("nothing/here") == frozenset()
    assert list(folder.sizes().items()) == [("a/b/two.txt", 3), ("a/one.txt", 2), ("top.txt", 0)]
    assert list(folder.read_each(["top.txt", "a/b/two.txt"])) == [b"", b"222"]


def test_a_folder_that_is_not_there_is_empty(folder: LocalFolder) -> None:
    assert (folder.sizes(), folder.sweep()) == ({}, 0)
    with pytest.raises(MissingFileError, match=r"^out: must hold a/b, got no such file$"):
        folder.read("a/b")


def test_removing_takes_the_empty_folder_along(folder: LocalFolder) -> None:
    folder.write("a/one", b"")
    folder.write("a/two", b"")
    folder.remove("a/one")
    assert folder.names("a") == {"two"}
    folder.remove("a/two")
    folder.remove("a/two")
    assert not (folder.root / "a").exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", ""])
def test_no_path_leads_out_of_the_folder(folder: LocalFolder, path: str) -> None:
    with pytest.raises(StorageError, match="must be relative and stay in the folder"):
        folder.write(path, b"")


def test_parts_are_swept_where_nobody_writes_them(folder: LocalFolder) -> None:
    folder.write("a/whole.txt", b"whole")
    (folder.root / "a" / PART).write_bytes(b"who")
    (folder.root / "a" / ".notes.part").write_bytes(b"somebody else's")
    assert PART not in folder.names("a")
    assert f"a/{PART}" not in folder.sizes()
    assert folder.sweep() == 1
    assert sorted(path.name for path in (folder.root / "a").iterdir()) == [".notes.part", "whole.txt"]


WRITER = """
import os, sys
from serving.batch.storage.local import LocalFolder

def flush(file):
    print("writing", flush=True)
    sys.stdin.readline()

folder = LocalFolder(sys.argv[1], name="out")
os.fsync = flush
folder.write("a/file.txt", b"content")
"""


@pytest.fixture
def writer(folder: LocalFolder) -> subprocess.Popen[str]:
    """Another process, in the middle of writing `a/file.txt`."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_a_part_that_another_process_writes_is_left_to_it(folder: LocalFolder, writer: subprocess.Popen[str]) -> None:
    assert folder.sweep() == 0
    writer.communicate("go on\ngo on\n")
    assert writer.returncode == 0
    assert folder.read("a/file.txt") == b"content"


def test_a_part_of_a_killed_process_is_swept(folder: LocalFolder, writer: subprocess.Popen[str]) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert folder.sizes() == {}
    assert folder.sweep() == 1
    assert folder.sweep() == 0


def test_writers_and_sweepers_do_not_meet(folder: LocalFolder) -> None:
    """However they interleave, every file that was written is there."""
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            folder.sweep()

    sweepers = [threading.Thread(target=sweep) for _ in range(3)]
    for one in sweepers:
        one.start()
    try:
        for index in range(100):
            folder.write(f"{index % 3}/{index}", b"x" * index)
            if index % 5 == 0:
                folder.remove(f"{index % 3}/{index}")
    finally:
        done.set()
        for one in sweepers:
            one.join()
    assert sorted(folder.sizes().values()) == [index for index in range(100) if index % 5]


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match=r"taken: must be writable, got (File exists|Not a directory)"):
        open_folder(f"{tmp_path}/taken").write("a/b", b"")


def test_a_place_that_no_user_can_write() -> None:
    with pytest.raises(StorageError, match=r"^/proc/glioserve: must be writable, got No such file or directory$"):
        open_folder("/proc/glioserve").write("a", b"")


def test_a_full_disk_leaves_no_part(tmp_path: Path) -> None:
    """The kernel refuses to let a file grow: what was there before stays, and nothing else."""
    code = (
        "import sys\n"
        "from serving.batch.storage import StorageError, open_folder\n"
        "try: open_folder(sys.argv[1]).write('a/file', bytes(100_000))\n"
        "except StorageError as error: print(error.rule, '/', error.got)\n"
    )
    folder = LocalFolder(tmp_path, name="out")
    folder.write("a/file", b"before")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert done.stdout == "must be writable / File too large\n"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
    assert folder.read("a/file") == b"before"


@pytest.mark.parametrize("target", ["sftp://host/folder", "http://host/folder", "zip://a.zip"])
def test_places_that_show_half_files_are_refused(target: str) -> None:
    with pytest.raises(StorageError, match="must be a local folder, or on a store whose files appear whole"):
        open_folder(target)


def test_a_file_url_is_a_local_folder(tmp_path: Path) -> None:
    open_folder(f"file://{tmp_path}/x").write("a", b"1")
    assert (tmp_path / "x" / "a").read_bytes() == b"1"
