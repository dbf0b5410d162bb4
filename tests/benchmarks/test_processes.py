"""What is known of processes: their memory, their children, which revision's files they import."""

import os
import subprocess
import sys

import pytest

from benchmarks.perf import environment
from benchmarks.product import files_of, forget_peak, memory_mib, process_tree


@pytest.fixture
def child():
    """A process that has had much memory and gave it back."""
    code = "held = bytearray(64 * 2**20)\ndel held\nprint('ready', flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_children_belong_to_the_tree(child):
    assert process_tree(child) == [child]
    assert {os.getpid(), child} <= set(process_tree(os.getpid()))


def test_a_peak_is_told_until_it_is_forgotten(child):
    assert memory_mib(child, peak=True) > memory_mib(child) + 32
    forget_peak(child)
    assert memory_mib(child, peak=True) < memory_mib(child) + 32


def test_a_process_that_ended_has_no_memory():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert memory_mib(done.pid) == 0.0


def test_a_server_of_another_revision_imports_its_own_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GLIOSERVE_WORKERS", "7")
    for package in ("serving", "client/glioserve"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text(f"print({package!r})")
    code = "import serving, glioserve"
    found = environment(tmp_path)
    assert "GLIOSERVE_WORKERS" not in found
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=found, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["serving", "client/glioserve"]


def test_the_reference_is_not_sent(tmp_path):
    case = tmp_path / "case_1"
    case.mkdir()
    for kind in ("t1", "t1ce", "t2", "flair", "seg"):
        (case / f"case_1_{kind}.nii.gz").write_bytes(b"")
    files = files_of(case)
    assert [files.t1, files.t1ce, files.t2, files.flair] == [
        case / f"case_1_{kind}.nii.gz" for kind in ("t1", "t1ce", "t2", "flair")
    ]
