"""Small exams on disk, named as BraTS names them."""

from __future__ import annotations

from pathlib import Path

from tests.serving.gateway.support import exam_files, label_file


def write_case(root: Path, patient: int, *, reference: bool = True) -> Path:
    """A case of BraTS 2021; its folder."""
    name = f"BraTS2021_{patient:05d}"
    folder = root / name
    folder.mkdir(parents=True)
    for modality, content in exam_files(patient).items():
        (folder / f"{name}_{modality.value}.nii.gz").write_bytes(content)
    if reference:
        (folder / f"{name}_seg.nii.gz").write_bytes(label_file())
    return folder
