"""`dciodvfy` of dicom3tools, where it is installed: a validator that shares no code with the writers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

DCIODVFY = shutil.which("dciodvfy")


def faults(path: Path) -> list[str]:
    """Errors that the validator finds."""
    assert DCIODVFY is not None
    done = subprocess.run([DCIODVFY, "-new", str(path)], capture_output=True, text=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).splitlines()
    assert "Segmentation" in said, said
    return [line for line in said if line.startswith("Error")] or ([] if done.returncode == 0 else said)
