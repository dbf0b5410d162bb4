from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imaging.phantom import make_phantom, write_phantom
from tests.images.dockerfiles import ROOT


@pytest.fixture(scope="session")
def built() -> None:
    """All four images."""
    done = subprocess.run(["make", "images"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="session")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic patient, as a BraTS folder."""
    return write_phantom(make_phantom(7), tmp_path_factory.mktemp("exam"))
