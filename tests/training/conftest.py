from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

from imaging.brats import find_cases
from training.cache import cache_cases
from training.cli import app
from training.records import RunFolder

PATIENTS = 5
SHAPE = (64, 64, 20)


def write_patient(root: Path, number: int, *, enhancing: bool) -> None:
    """A tiny BraTS 2021 case: a ball of a brain with a ball of a tumour."""
    rng = np.random.default_rng(number)
    axes = np.indices(SHAPE)

    def ball(centre, radius):
        return sum((axis - middle) ** 2 for axis, middle in zip(axes, centre, strict=True)) <= radius**2

    brain = ball((32, 32, 10), 22) & (np.abs(axes[2] - 10) < 9)
    centre = (26 + 3 * number, 30, 10)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[ball(centre, 8)] = 2
    labels[ball(centre, 5)] = 1
    if enhancing:
        labels[ball(centre, 3)] = 4
    name = f"BraTS2021_{number:05d}"
    (root / name).mkdir(parents=True)
    for modality, bright in (("t1", 0), ("t1ce", 4), ("t2", 1), ("flair", 2)):
        voxels = np.where(brain, rng.integers(80, 120, SHAPE), 0).astype(np.int16)
        voxels[(labels >= bright) & (labels > 0) & (bright > 0)] = 240
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), root / name / f"{name}_{modality}.nii.gz")
    nib.save(nib.Nifti1Image(labels, np.eye(4)), root / name / f"{name}_seg.nii.gz")


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder of five patients, one of them without ET."""
    root = tmp_path_factory.mktemp("brats")
    for number in range(1, PATIENTS + 1):
        write_patient(root, number, enhancing=number != 3)
    return root


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def cases(data, cache):
    return cache_cases(find_cases(data), cache)


@pytest.fixture(scope="session")
def command():
    """Runs `python -m training` in this process."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)

    return run


@pytest.fixture(scope="session")
def run_folder(data, cache, command, tmp_path_factory):
    """A finished run of all three networks under the profile `smoke`."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    result = command("train", "--data", data, "--run", folder, "--profile", "smoke", "--cache", cache, "--threads", 1)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def cross_validation(data, cache, command, tmp_path_factory):
    """A finished cross-validation of two folds under the profile `smoke`; the first fold was trained by itself."""
    folder = tmp_path_factory.mktemp("runs") / "folds"
    asked = ("train", "--data", data, "--run", folder, "--profile", "smoke", "--cache", cache, "--threads", 1)
    assert command(*asked, "--folds", 2, "--part", 1).exit_code == 0
    assert not RunFolder(folder).plan.exists()
    assert command(*asked, "--folds", 2).exit_code == 0
    return folder
