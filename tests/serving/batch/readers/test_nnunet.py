"""A cohort, as nnU-Net version 2 reads it: by its own check of a data set, before it plans anything."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from imaging.nifti import read_nifti_file, write_nifti_file
from imaging.volume import Volume
from serving.batch.order import CohortOrder
from serving.batch.worker import run_share
from tests.serving.batch.fakes import SmallMaking, small_spec

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "nnunet.txt"
CASES = 3


@pytest.fixture(scope="module")
def nnunet(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nnU-Net beside this environment's packages, kept from run to run where pytest keeps a cache."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache: pytest.Cache | None = getattr(pytestconfig, "cache", None)
    folder = (tmp_path_factory.mktemp("nnunet") if cache is None else cache.mkdir("nnunet")) / key
    if not folder.exists():
        partial = folder.with_name(f"{key}-{os.getpid()}")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--target", str(partial), "--requirement", str(REQUIREMENTS)], check=True)
        partial.rename(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    order = CohortOrder(
        small_spec(folder, cases=CASES, layout="nnunet_raw", modalities="t1ce, flair"), str(folder / "out")
    )
    report = run_share(order, SmallMaking(order.spec), stopping=threading.Event(), on_progress=lambda _: None)
    assert report.finished
    return folder / "out"


@pytest.fixture
def cohort(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "Dataset001_Small"))


def verify(cohort: Path, nnunet: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "verify_nnunet.py"), str(cohort)]
    environment = os.environ | {"PYTHONPATH": str(nnunet)}
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        # A process of its pool has been seen to hang before it began. It takes five seconds where it does not.
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)


def test_nnunet_finds_nothing_wrong(cohort: Path, nnunet: Path) -> None:
    done = verify(cohort, nnunet)
    assert done.returncode == 0, done.stderr
    assert "verify_dataset_integrity Done" in done.stdout
    # Geometry that differs a little is a warning there, and no error.
    assert "Warning" not in done.stdout
    assert "Error" not in done.stdout
    assert json.loads((cohort / "dataset.json").read_text())["numTraining"] == CASES


def test_nnunet_does_look(cohort: Path, nnunet: Path) -> None:
    """A value that is no label, in one case."""
    path = next((cohort / "labelsTr").iterdir())
    labels = read_nifti_file(path, field="labels")
    write_nifti_file(path, Volume(np.where(labels.voxels == 1, 4, labels.voxels).astype(np.uint8), labels.grid))
    done = verify(cohort, nnunet)
    assert done.returncode != 0
    assert "Unexpected labels found" in done.stdout
