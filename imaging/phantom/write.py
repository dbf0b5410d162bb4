"""Phantoms as case folders in the manner of BraTS 2018."""

from __future__ import annotations

from pathlib import Path

from imaging.nifti import write_nifti_file
from imaging.phantom.phantom import Phantom
from imaging.volume import Volume

DESCRIPTION = "Synthetic phantom, no patient; glioserve, seed {seed}"
"""The `descrip` of every file's header."""


def write_phantom(phantom: Phantom, folder: Path) -> Path:
    """Write a phantom as `Phantom_0007/Phantom_0007_t1.nii.gz`, `..._t1ce`, `..._t2`, `..._flair`, `..._seg`.

    The four contrasts are int16, the labels uint8 with NCR 1, ED 2, ET 4. Each file appears whole or not at all, the
    labels last. Files already there are replaced.

    Args:
        phantom: What to write.
        folder: Where the case's own folder is made; made itself if absent.

    Returns:
        The case's folder.

    Raises:
        OSError: A file can't be written.
    """
    case = folder / phantom.case_id
    case.mkdir(parents=True, exist_ok=True)
    description = DESCRIPTION.format(seed=phantom.seed)
    for modality, volume in phantom.exam.volumes.items():
        write_nifti_file(case / f"{phantom.case_id}_{modality.value}.nii.gz", volume, description=description)
    labels = Volume(phantom.labels, phantom.exam.grid)
    write_nifti_file(case / f"{phantom.case_id}_seg.nii.gz", labels, description=description)
    return case
