"""The files of one exam, as the caller names them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from glioserve.terms import LabelScheme, Modality

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, init=False)
class ExamFiles:
    """The four contrasts of one exam, NIfTI files (`.nii` or `.nii.gz`).

    Args:
        t1: T1-weighted.
        t1ce: T1-weighted, contrast-enhanced.
        t2: T2-weighted.
        flair: T2-FLAIR.
    """

    t1: Path
    t1ce: Path
    t2: Path
    flair: Path

    def __init__(self, *, t1: PathLike, t1ce: PathLike, t2: PathLike, flair: PathLike) -> None:
        for name, value in (("t1", t1), ("t1ce", t1ce), ("t2", t2), ("flair", flair)):
            object.__setattr__(self, name, Path(value))

    def path(self, modality: Modality) -> Path:
        """The file of a contrast."""
        paths = {Modality.T1: self.t1, Modality.T1CE: self.t1ce, Modality.T2: self.t2, Modality.FLAIR: self.flair}
        return paths[modality]


@dataclass(frozen=True)
class Reference:
    """Expert labels of an exam.

    Args:
        path: The label map, on the exam's grid.
        label_scheme: What its values mean.
    """

    path: Path
    label_scheme: LabelScheme


@dataclass(frozen=True)
class Case:
    """An exam with what else is known of it.

    Args:
        exam: The four contrasts.
        reference: Expert labels, if there are any that can be used.
        notes: Decisions taken while finding the files, which the result repeats.
        warnings: Things found but not used, which the result repeats.
    """

    exam: ExamFiles
    reference: Reference | None = None
    notes: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())
