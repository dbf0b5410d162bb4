"""`python -m serving.batch` as its users call it: real processes, tiny networks in the real engines."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.batch.cli import app
from serving.triton.launcher import TritonServer
from tests.serving.batch.fakes import contents, spec_text, write_library

ROOT = Path(__file__).resolve().parents[3]


class Batch:
    """A folder with a spec and a library, and the command."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.models = models
        write_library(folder / "maps")
        self.spec = folder / "cohort.yaml"
        self.spec.write_text(spec_text(cases=3))
        self.out = folder / "out"

    def call(
        self,
        *arguments: str | Path,
        out: str | Path | None = None,
        preexec_fn: Callable[[], None] | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        engine = () if "--triton" in arguments else ("--engine", "onnxruntime")
        command = [sys.executable, "-m", "serving.batch", *map(str, arguments), "--out", str(out or self.out)]
        return subprocess.run(
            [*command, *engine, "--models", str(self.models)],
            cwd=ROOT,
            env=(os.environ if preexec_fn is None else _unmeasured()) | environment,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=preexec_fn,  # no thread of ours runs
        )

    def made(self, *arguments: str | Path, **options: Any) -> dict[str, Any]:
        done = self.call(*arguments, "--json", **options)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def _unmeasured() -> dict[str, str]:
    """The environment without what makes a process measure its coverage, whose own files a limit would hit too."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}


@pytest.fixture
def batch(tmp_path: Path, repository: Path) -> Batch:
    return Batch(tmp_path, repository)


def test_a_cohort_from_a_spec(batch: Batch) -> None:
    """Made, gone on with, checked, damaged, mended; and one case of it made again."""
    first = batch.call(batch.spec, JOB_COMPLETION_INDEX="1", JOB_COMPLETIONS="2")
    assert first.returncode == 0
    assert first.stdout.splitlines() == [
        "there is no replicas.npz beside the generator: cases were not checked for replicas",
        "small: 1 cases, 1 of them made now; 1 released, 0 quarantined, 0 failed; other shares are missing",
    ]
    assert "replicas.unchecked" in first.stderr
    assert batch.made(batch.spec, "--workers", "2") == {
        "cohort": "small",
        "cases": 3,
        "made": 2,
        "released": 3,
        "quarantined": 0,
        "failed": [],
        "finished": True,
        "checked_for_replicas": False,
    }
    before = contents(batch.out)
    assert batch.made("--check") == {"cohort": "small", "cases": 3, "checked": 3, "damaged": []}

    victim = batch.out / "BraTS-SYN-00001-000" / "BraTS-SYN-00001-000-t2f.nii.gz"
    victim.write_bytes(b"")
    damaged = batch.call("--check")
    assert (damaged.returncode, damaged.stdout.splitlines()) == (
        1,
        [
            "BraTS-SYN-00001-000/BraTS-SYN-00001-000-t2f.nii.gz: altered",
            "small: 3 of 3 cases are there, 1 files of them damaged; --mend makes those cases again",
        ],
    )
    assert batch.made(batch.spec, "--mend", "--workers", "2")["made"] == 1
    assert contents(batch.out) == before

    record = batch.out / "provenance" / "BraTS-SYN-00001-000.json"
    again = batch.made(batch.spec, "--again", record, out=batch.folder / "again")
    assert again["case"] == "BraTS-SYN-00001-000"
    assert list(again["agree"].values()) == [True] * 5
    assert contents(batch.folder / "again").items() <= before.items()

    altered = json.loads(record.read_text())
    altered["edit_seed"] += 1
    (batch.folder / "altered.json").write_text(json.dumps(altered))
    differs = batch.call(batch.spec, "--again", batch.folder / "altered.json", out=batch.folder / "again")
    assert differs.returncode == 1
    assert "DIFFERS" in differs.stdout


@pytest.mark.triton
def test_triton_makes_what_onnx_runtime_makes(batch: Batch, triton: TritonServer) -> None:
    """Two processes at once on one Triton."""
    assert batch.made(batch.spec, "--triton", triton.address, "--workers", "2")["made"] == 3
    batch.made(batch.spec, out=batch.folder / "other")
    assert contents(batch.out) == contents(batch.folder / "other")


def test_a_full_disk(batch: Batch) -> None:
    """The kernel lets no file grow beyond 1000 bytes: the spec can be written, no volume can."""
    full = batch.call(batch.spec, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert (full.returncode, full.stdout) == (1, "")
    assert full.stderr.splitlines()[-1] == f"error: {batch.out}: must be writable, got File too large"
    assert {path.rpartition("/")[2].rpartition("-")[2] for path in contents(batch.out)} == {"cohort.yaml"}
    assert batch.made(batch.spec)["made"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.yaml"], 2, "error: nowhere.yaml: spec: must be a file that can be read"),
        ([], 2, "give the spec of the cohort"),
        (["SPEC", "--shard", "4/4"], 2, "error: shard: must have an index of 0 to 3, got 4"),
        (["SPEC", "--check", "--mend"], 2, "give one of --check, --mend and --again"),
        (["SPEC", "--triton", "127.0.0.1:9", "--patience", "0"], 1, "error: triton: must answer"),
        (["--check"], 1, "must hold a cohort.yaml, got none"),
        (["--again", "SPEC"], 2, "error: provenance: "),
        (["SPEC", "--replica-index", "SPEC"], 1, "error: "),
    ],
)
def test_what_can_not_be(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.setattr("serving.batch.cli.configure_logging", lambda _: None)
    named = [str(batch.spec) if one == "SPEC" else one for one in arguments]
    engine = () if "--triton" in arguments else ("--engine", "onnxruntime")
    done = CliRunner().invoke(app, [*named, "--out", str(batch.out), "--models", str(batch.models), *engine])
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in " ".join(done.stderr.replace("\u2502", "").split())


def test_a_bad_spec_names_every_fault(batch: Batch) -> None:
    batch.spec.write_text("name: small\ncases: 0\nsources: []\n")
    done = batch.call(batch.spec)
    assert done.returncode == 2
    assert [line.rpartition(": ")[0].split(":")[:2] for line in done.stderr.splitlines()] == [
        ["error", " cohort.yaml"],
        ["error", " cohort.yaml"],
    ]


def test_faults_for_programs(batch: Batch) -> None:
    done = batch.call(batch.spec, "--json", out="/proc/glioserve")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "error": {
            "kind": "StorageError",
            "message": "/proc/glioserve: must be writable, got No such file or directory",
        }
    }


def test_a_library_map_needs_its_spec(batch: Batch) -> None:
    batch.made(batch.spec)
    record = batch.out / "provenance" / "BraTS-SYN-00000-000.json"
    done = batch.call("--again", record, out=batch.folder / "again")
    assert (done.returncode, "needs the spec that names the library" in done.stderr) == (1, True)


def test_another_generator_does_not_make_a_case_again(batch: Batch) -> None:
    batch.made(batch.spec)
    record = json.loads((batch.out / "provenance" / "BraTS-SYN-00000-000.json").read_text())
    record["generator"]["sha256"] = "b" * 64
    (batch.folder / "other.json").write_text(json.dumps(record))
    done = batch.call(batch.spec, "--again", batch.folder / "other.json", out=batch.folder / "again")
    assert done.returncode == 1
    assert "error: generator: must be that of the case, generator_joint " + "b" * 64 in done.stderr
