"""Worker processes: killed ones are started again, and what comes out is what one undisturbed process makes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from serving.batch.order import CohortOrder, ShareReport
from serving.batch.patience import StoppedError
from serving.batch.processes import WorkerError, run_workers
from serving.batch.state import read_state
from serving.batch.worker import run_share
from tests.serving.batch.fakes import SmallMaking, contents, small_spec, spec_text

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Program:
    """`entry.py` at work, and the lines that it and its workers write."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def until(self, count: int, text: str) -> list[str]:
        """The lines that hold a text, once there are so many of them."""
        assert self.process.stderr is not None
        found = [line for line in self.lines if text in line]
        while len(found) < count:
            line = self.process.stderr.readline()
            assert line, f"ended early:\n{''.join(self.lines[-20:])}"
            self.lines.append(line)
            found += [line] if text in line else []
        return found

    def end(self) -> str:
        """Wait for the end; the standard output."""
        out, err = self.process.communicate()
        self.lines += err.splitlines(keepends=True)
        return out


@contextmanager
def program(spec_file: Path, out: Path, workers: int) -> Iterator[Program]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serving.batch.entry", str(spec_file), str(out), str(workers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.communicate()


def pid_of(line: str) -> int:
    """Of `painting 1234`."""
    return int(line.split()[1])


def spec_file(folder: Path, *, cases: int) -> Path:
    small_spec(folder, cases=cases)
    file = folder / "cohort.yaml"
    file.write_text(spec_text(cases=cases))
    return file


def test_workers_that_are_killed_change_nothing(tmp_path: Path) -> None:
    """100 cases by 4 processes, two of which are killed at random moments: the bytes of one undisturbed run."""
    file, out = spec_file(tmp_path, cases=100), tmp_path / "out"
    seed = int.from_bytes(os.urandom(4))
    moments = sorted(random.Random(seed).sample(range(10, 120), 2))  # noqa: S311  # of some 300 micro-batches
    killed: list[int] = []
    with program(file, out, workers=4) as running:
        for moment in moments:
            victim = next(pid for pid in map(pid_of, running.until(moment, "painting")[::-1]) if pid not in killed)
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)
        printed = running.end()
    log = "".join(line for line in running.lines if "painting" not in line)
    assert printed == "100 True\n", (seed, log)
    assert log.count("worker.restarted") == 2, (seed, log)
    spec = small_spec(tmp_path, cases=100)
    order = CohortOrder(spec, str(tmp_path / "undisturbed"))
    run_share(order, SmallMaking(spec), stopping=threading.Event(), on_progress=lambda _: None)
    assert contents(out) == contents(tmp_path / "undisturbed"), seed
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_signal_ends_all_and_leaves_nothing_half_done(
    tmp_path: Path, number: signal.Signals, code: int, workers: int
) -> None:
    file, out = spec_file(tmp_path, cases=60), tmp_path / "out"
    with program(file, out, workers) as running:
        painters = {pid_of(line) for line in running.until(8, "painting")}
        running.process.send_signal(number)
        running.end()
    assert running.process.returncode == code
    assert not list(out.rglob("*.part"))
    assert read_state(str(out)).done < 60
    for pid in painters:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    file = spec_file(tmp_path, cases=400)
    with program(file, tmp_path / "out", workers=2) as running:
        running.until(4, "painting")
        running.process.kill()
        running.end()  # their standard error is ours: it ends when the last of them does
    assert read_state(str(tmp_path / "out")).done < 400


def run(order: CohortOrder, making: SmallMaking) -> ShareReport:
    return run_workers(order, making, 2, stopping=threading.Event(), on_progress=lambda _: None)


def test_a_worker_that_fails_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One worker finds a case of another generator in its part; the other comes to its end."""
    spec = small_spec(tmp_path, cases=4)
    order = CohortOrder(spec, str(tmp_path / "out"))
    run_share(order, SmallMaking(spec), stopping=threading.Event(), on_progress=lambda _: None)
    for index in (1, 2, 3):
        (tmp_path / "out" / "provenance" / f"BraTS-SYN-{index:05d}-000.json").unlink()
    with pytest.raises(WorkerError, match=r"^workers: must come to their end, got 0/2 with exit code 1$"):
        run(order, SmallMaking(spec, sha256="b" * 64))
    assert "worker.failed shard=0/2 kind=AnotherCohortError" in capfd.readouterr().err
    assert read_state(str(tmp_path / "out")).released == 3


def test_cases_that_can_not_be_made_are_reported(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, cases=4)
    order = CohortOrder(spec, str(tmp_path / "out"))
    report = run(order, SmallMaking(spec, refused=frozenset({2})))
    assert (report.made, report.released, report.finished) == (3, 3, True)
    assert [failure.index for failure in report.failed] == [2]
    again = run(order, SmallMaking(spec))
    assert (again.made, again.failed, again.is_complete) == (1, (), True)


def test_nothing_is_started_where_nothing_is_missing(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, cases=2)
    order = CohortOrder(spec, str(tmp_path / "out"))
    run_share(order, SmallMaking(spec), stopping=threading.Event(), on_progress=lambda _: None)
    told: list[int] = []
    report = run_workers(order, SmallMaking(spec), 64, stopping=threading.Event(), on_progress=told.append)
    assert (report.made, told) == (0, [2])


def test_told_to_end_before_the_start(tmp_path: Path) -> None:
    stopping = threading.Event()
    stopping.set()
    spec = small_spec(tmp_path, cases=2)
    with pytest.raises(StoppedError):
        run_workers(
            CohortOrder(spec, str(tmp_path / "out")),
            SmallMaking(spec),
            2,
            stopping=stopping,
            on_progress=lambda _: None,
        )
