"""What a file's header says that its volume does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.spatialimages import HeaderDataError

from imaging.nifti.header import AffineSource, NiftiHeader


@dataclass(frozen=True)
class FileFacts:
    """How a file places its voxels in the world.

    Args:
        affine_source: Which of its forms the volume's affine is.
        sides_disagree: Whether it has two forms, and what is left by the one is right by the other.
    """

    affine_source: AffineSource
    sides_disagree: bool

    @property
    def by_convention(self) -> bool:
        """Whether neither form is set, so that nothing but a convention tells left from right."""
        return self.affine_source is AffineSource.PIXDIM

    @classmethod
    def of(cls, header: NiftiHeader) -> Self:
        """The facts of a header.

        A form that the header has but that says nothing (a singular sform, an impossible quaternion) contradicts
        nothing.
        """
        return cls(header.affine_source, _sides_disagree(header))


def _sides_disagree(header: NiftiHeader) -> bool:
    if int(header.geometry["sform_code"]) <= 0 or int(header.geometry["qform_code"]) <= 0:
        return False
    by_sform, by_qform = header.grid.affine[:3, :3], _qform(header)
    if by_qform is None:
        return False
    # Where the one form takes a position that the other form names.
    between = _axes(by_sform) @ np.linalg.inv(_axes(by_qform))
    return bool(np.linalg.det(between) < 0 or between[0, 0] < 0)


def _qform(header: NiftiHeader) -> npt.NDArray[np.float64] | None:
    raw = nib.Nifti1Header()
    try:
        with np.errstate(all="ignore"):
            for name in ("pixdim", "quatern_b", "quatern_c", "quatern_d", "qform_code"):
                raw[name] = header.geometry[name]
            qform = np.asarray(raw.get_qform(), dtype=np.float64)[:3, :3]
    except (HeaderDataError, ValueError):
        return None
    return qform if np.isfinite(qform).all() and abs(np.linalg.det(qform)) > 0 else None


def _axes(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(affine / np.linalg.norm(affine, axis=0), dtype=np.float64)
