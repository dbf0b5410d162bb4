"""Small BIDS data sets on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from glioserve import Modality

from tests.client import exams

IMAGES = {"T1w": Modality.T1, "ce-gd_T1w": Modality.T1CE, "T2w": Modality.T2, "FLAIR": Modality.FLAIR}
"""The four images of a plain session: the name after subject and session, and what it holds."""


def write_dataset(root: Path, sessions: Sequence[str] = ("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1")) -> Path:
    """A data set with the four images of each session, e.g. of `sub-01_ses-1` or `sub-01`."""
    root.mkdir(parents=True, exist_ok=True)
    described = {"Name": "Phantoms", "BIDSVersion": "1.10.0", "DatasetType": "raw", "Authors": ["Nobody"]}
    (root / "dataset_description.json").write_text(json.dumps(described))
    (root / "README.md").write_text("# Phantoms\n\nFour small images for each session, of nobody, to test with.\n")
    for session in sessions:
        write_images(root, session, *IMAGES)
    return root


def anat(root: Path, session: str) -> Path:
    """The folder of a session's images."""
    return root.joinpath(*session.split("_"), "anat")


def write_images(root: Path, session: str, *names: str) -> None:
    """Images of a session, by the names after subject and session."""
    folder = anat(root, session)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        ending = "ce-gd_T1w" if name.endswith("T1w") and "ce-" in name else name.split("_")[-1]
        voxels = exams.contrast(IMAGES.get(ending, Modality.T1))
        (folder / f"{session}_{name}.nii.gz").write_bytes(exams.nifti_gz(voxels))
